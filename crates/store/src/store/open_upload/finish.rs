//! Makes the bytes of a resumable upload an artifact.

use bytes::Bytes;

use super::known::{ENDED, not_open};
use crate::{
    blob::{BlobError, Blobs, Multipart, Pieces, unavailable},
    meta::{
        artifacts,
        commit::Payload,
        uploads::{self as rows, Held, UploadRow},
    },
    model::{
        artifact::Created,
        error::{Error, Result, describe},
        spec::{ArtifactSpec, RawSpec},
        tenant::Caller,
        text::ContentType,
    },
    store::{
        Store,
        hashing::Hashing,
        upload::{Upload, UploadEnd, too_large},
    },
};

/// What is declared when an upload is finished.
#[derive(Debug, Clone, Default)]
pub struct Finish {
    /// What the content must be.
    pub end: UploadEnd,
    /// Pairs that are added to those of the spec, or replace them.
    pub metadata: Vec<(String, String)>,
    /// Labels that are added.
    pub labels: Vec<String>,
    /// The name of a stage; empty: that of the spec.
    pub stage: String,
}

impl Finish {
    fn complete(self, mut spec: RawSpec) -> RawSpec {
        let replaced = |key: &String| self.metadata.iter().any(|(new, _)| new == key);
        spec.metadata.retain(|(key, _)| !replaced(key));
        spec.metadata.extend(self.metadata);
        spec.labels.extend(self.labels);
        if !self.stage.is_empty() {
            spec.stage = self.stage;
        }
        spec
    }
}

impl Store {
    /// Commits the stored bytes. Repeated, it returns the same artifact.
    ///
    /// # Errors
    /// `OpenUploadNotFound`, `UploadExpired`, `UploadTakenOver`, and what `Upload::finish` returns; after these but the
    /// first two it can be called again.
    #[tracing::instrument(skip_all)]
    pub async fn finish_upload(
        &self,
        caller: &Caller,
        id: &str,
        finish: Finish,
    ) -> Result<Created> {
        let (row, _) = self.known_upload(caller, id).await?;
        if row.stored {
            return self.finished(caller, &row).await;
        }
        let end = finish.end;
        let mut spec = ArtifactSpec::new(finish.complete(row.spec.clone()))?;
        spec.id = Some(row.artifact.clone());
        let client = self.meta.client().await?;
        let window = self.times.upload_window;
        let taken = rows::take(&client, caller.tenant.id, &row.id, None, 1, window);
        let taken = taken.await?;
        drop(client);
        let (row, _) = self.known_upload(caller, id).await?;
        let Some(held) = taken else {
            return match row.stored {
                true => self.finished(caller, &row).await,
                false => Err(not_open(&row)),
            };
        };
        let tail = Bytes::from(held.tail.clone());
        let mut hashing = match &held.hash_state {
            None => Hashing::new(),
            Some(state) => Hashing::restore(state).ok_or(ENDED)?,
        };
        hashing.update(tail.clone()).await?;
        let (size, hash) = (
            held.parts_bytes + tail.len() as u64,
            hashing.finish().await?,
        );
        spec.check_content(size, hash)?;
        end.check(size, hash)?;
        let limit = caller.max_file_bytes(self.limits().upload_bytes);
        if size > limit {
            return Err(too_large(limit));
        }
        let content_type = match (&spec.content_type, &row.content_type) {
            (Some(given), _) => given.clone(),
            (None, Some(guessed)) => ContentType::new(guessed.clone())
                .unwrap_or_else(|_| ContentType::guess(&spec.filename, &tail)),
            (None, None) => ContentType::guess(&spec.filename, &tail),
        };
        let mut upload = Upload::new(self.clone(), caller, spec)?;
        upload.adopt(row.object, row.reserved);
        upload.check_inputs().await?;
        self.combine(caller, &row, &held, tail, size).await?;
        let committed = upload.commit(hash, size, content_type, Payload::Staged);
        let created = match committed.await {
            Err(Error::UploadExpired(_)) => return Err(ENDED),
            committed => committed?,
        };
        // The collector forgets the rest with the row.
        if let Err(e) = self.shrink(caller, &row).await {
            tracing::debug!(
                error = describe(&e),
                "a finished upload keeps its parts' rows"
            );
        }
        Ok(created)
    }

    async fn shrink(&self, caller: &Caller, row: &UploadRow) -> Result<()> {
        let client = self.meta.client().await?;
        rows::shrink(&client, caller.tenant.id, &row.id).await
    }

    /// The answer of an earlier finish, with the artifact as it is now.
    async fn finished(&self, caller: &Caller, row: &UploadRow) -> Result<Created> {
        let client = self.meta.client().await?;
        let id = row.artifact.as_str();
        artifacts::get_made(&client, caller.tenant.id, id, row.object).await
    }

    /// Stores what follows the parts, and combines all of them under the object's key. Once a request that may write the
    /// key has been sent, no writer can take the upload any more, unless that request has ended without an effect.
    async fn combine(
        &self,
        caller: &Caller,
        row: &UploadRow,
        held: &Held,
        tail: Bytes,
        size: u64,
    ) -> Result<()> {
        let tenant = caller.tenant.id;
        let key = Blobs::key(tenant, row.object);
        let client = self.meta.client().await?;
        let mut parts = rows::parts(&client, tenant, &row.id).await?;
        drop(client);
        let (has_tail, tail) = (!tail.is_empty(), Pieces::new(vec![tail]));
        let Some(multipart_id) = row.multipart_id.clone().filter(|_| !parts.is_empty()) else {
            self.mark(caller, row, held, true).await?;
            // A second call that does so writes the same bytes.
            return self.blobs.put(&key, tail).await.map_err(unavailable);
        };
        let multipart = Multipart::numbered(key, multipart_id);
        if let Some(earlier) = row.finishing {
            let was = self.blobs.was_combined(&multipart, size, earlier).await;
            if was.map_err(unavailable)? {
                return Ok(());
            }
        }
        if has_tail {
            let last = self.blobs.put_numbered(&multipart, held.first_part, tail);
            parts.push(last.await.map_err(unavailable)?);
        }
        self.mark(caller, row, held, true).await?;
        match self.blobs.combine(&multipart, &parts, size).await {
            Ok(()) => Ok(()),
            Err(e @ BlobError::NotDone(..)) => {
                self.mark(caller, row, held, false).await?;
                Err(unavailable(e))
            }
            Err(e) => Err(unavailable(e)),
        }
    }

    async fn mark(
        &self,
        caller: &Caller,
        row: &UploadRow,
        held: &Held,
        finishing: bool,
    ) -> Result<()> {
        let (tenant, id) = (caller.tenant.id, &row.id);
        let client = self.meta.client().await?;
        match rows::mark_finishing(&client, tenant, id, held.fence, finishing).await? {
            true => Ok(()),
            false => Err(Error::UploadTakenOver(row.id.to_string())),
        }
    }
}
