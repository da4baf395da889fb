//! Makes the bytes of a resumable upload an artifact.

use std::time::Duration;

use bytes::Bytes;

use super::known::{ENDED, Under, not_open};
use crate::{
    blob::{BlobError, Blobs, Multipart, Part, Pieces, unavailable},
    meta::{
        artifacts,
        commit::Payload,
        objects,
        uploads::{self as rows, Held, UploadRow},
    },
    model::{
        artifact::{Created, Origin},
        digest::ContentHash,
        error::{Error, Result},
        id::{ArtifactId, UploadId},
        spec::{ArtifactSpec, RawSpec},
        tenant::Caller,
        text::ContentType,
        validate::Violations,
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

/// How long a finish of presigned parts keeps the upload open at least: for longer than combining the parts takes. One
/// that finds no part must not hold their room for as long as bytes that have arrived.
const FINISHING: Duration = Duration::from_secs(3600);

/// The whole content of an upload.
pub(super) struct Whole {
    pub(super) size: u64,
    pub(super) hash: ContentHash,
    /// `None` where the hash was taken up from a saved state.
    pub(super) crc32: Option<u32>,
    /// As its first bytes say.
    pub(super) content_type: Option<String>,
}

impl Finish {
    /// Refuses what cannot be added to an artifact that exists.
    fn refuse_additions(&self) -> Result<()> {
        let mut faults = Violations::new();
        for (given, field) in [
            (!self.metadata.is_empty(), "metadata"),
            (!self.labels.is_empty(), "labels"),
            (!self.stage.is_empty(), "stage"),
        ] {
            if given {
                let rule = "must be empty: StartUpload has made the artifact; change it with UpdateArtifact";
                faults.add(field, rule);
            }
        }
        faults.finish(Some(()))
    }

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
        self.finish_known(caller, row, finish).await
    }

    /// Finishes the upload of this row, which is within reach.
    pub(super) async fn finish_known(
        &self,
        caller: &Caller,
        row: UploadRow,
        finish: Finish,
    ) -> Result<Created> {
        if let Some(made) = &row.made {
            if !row.taken {
                finish.refuse_additions()?;
            }
            let made = self.finished(caller, &row, made).await?;
            let artifact = &made.artifact;
            finish
                .end
                .check(artifact.size_bytes, artifact.content_hash)?;
            return Ok(made);
        }
        let end = finish.end;
        let mut spec = ArtifactSpec::new(finish.complete(row.spec.clone()))?;
        spec.id = Some(row.artifact.clone());
        let client = self.meta.client().await?;
        let window = match row.presigned_part {
            None => self.times.upload_window,
            Some(_) => self.times.upload_window.min(FINISHING),
        };
        let taken = rows::take(&client, caller.tenant.id, &row.id, None, 1, window);
        let taken = taken.await?;
        drop(client);
        let Some(held) = taken else {
            return self.finished_by_another(caller, &row.id).await;
        };
        let (row, _) = self.known_upload(caller, row.id.as_str()).await?;
        let under = Under { caller, row: &row };
        let mut upload = Upload::new(self.clone(), caller, spec.clone())?;
        upload.adopt(&row.id, row.object, row.reserved);
        upload.check_inputs().await?;
        let Whole {
            size,
            hash,
            crc32,
            content_type,
        } = match row.presigned_part {
            None => Self::written(&row, &held).await?,
            Some(part) => {
                end.check_size(row.declared.unwrap_or(0))?;
                upload.check_place().await?;
                self.assemble(&under, &held, part, &spec.filename).await?
            }
        };
        if let Err(e) = spec.check_content(size, hash) {
            if row.presigned_part.is_some() {
                self.give_up(&under).await?;
            }
            return Err(e);
        }
        end.check(size, hash)?;
        let limit = caller.max_file_bytes(self.limits().upload_bytes);
        if size > limit {
            return Err(too_large(limit));
        }
        let guess = || ContentType::guess(&spec.filename, &held.tail);
        let content_type = match (&spec.content_type, content_type) {
            (Some(given), _) => given.clone(),
            (None, Some(guessed)) => ContentType::new(guessed).unwrap_or_else(|_| guess()),
            (None, None) => guess(),
        };
        upload.crc32 = crc32;
        let stored = match row.presigned_part {
            None => self.combine(&under, &held, size).await,
            Some(_) => Ok(()),
        };
        let committed = match stored {
            Ok(()) => {
                let committed = upload.commit(hash, size, content_type, Payload::Staged);
                committed.await
            }
            Err(e) => Err(e),
        };
        match committed {
            Err(Error::UploadExpired(_) | Error::UploadTakenOver(_)) => {
                self.finished_by_another(caller, &row.id).await
            }
            committed => committed,
        }
    }

    /// The answer of another call that finished the upload meanwhile.
    async fn finished_by_another(&self, caller: &Caller, id: &UploadId) -> Result<Created> {
        let (row, _) = self.known_upload(caller, id.as_str()).await?;
        match &row.made {
            Some(made) => self.finished(caller, &row, made).await,
            None => Err(not_open(&row)),
        }
    }

    /// The answer of an earlier finish, with the artifact as it is now.
    async fn finished(
        &self,
        caller: &Caller,
        row: &UploadRow,
        made: &ArtifactId,
    ) -> Result<Created> {
        let client = self.meta.client().await?;
        let (tenant, id) = (caller.tenant.id, made.as_str());
        let created = artifacts::get_made(&client, tenant, id, row.object).await?;
        let origin = match *made == row.artifact {
            true => created.origin,
            false => Origin::Existing,
        };
        Ok(Created { origin, ..created })
    }

    /// What was written, by its recorded hash and what follows the parts.
    async fn written(row: &UploadRow, held: &Held) -> Result<Whole> {
        let mut hashing = match &held.hash_state {
            None => Hashing::with_crc32(),
            Some(state) => Hashing::restore(state).ok_or(ENDED)?,
        };
        hashing.update(Bytes::from(held.tail.clone())).await?;
        let (hash, crc32) = hashing.finish_both().await?;
        Ok(Whole {
            size: held.parts_bytes + held.tail.len() as u64,
            hash,
            crc32,
            content_type: row.content_type.clone(),
        })
    }

    /// Stores what follows the parts, and combines all of them under the object's key. Once a request that may write the
    /// key has been sent, no writer can take the upload any more, unless that request has ended without an effect.
    async fn combine(&self, under: &Under<'_>, held: &Held, size: u64) -> Result<()> {
        let (tenant, row) = (under.caller.tenant.id, under.row);
        let key = Blobs::key(tenant, row.object);
        let client = self.meta.client().await?;
        let mut parts = rows::parts(&client, tenant, &row.id).await?;
        drop(client);
        if parts.is_empty() && held.parts_bytes > 0 {
            // The commit of another call has deleted their rows: the rest must not take the place of the whole.
            return Err(Error::UploadTakenOver(row.id.to_string()));
        }
        let tail = Bytes::from(held.tail.clone());
        let (has_tail, tail) = (!tail.is_empty(), Pieces::new(vec![tail]));
        let Some(multipart_id) = row.multipart_id.clone().filter(|_| !parts.is_empty()) else {
            self.mark(under, held, true).await?;
            // A second call that does so writes the same bytes.
            return self.blobs.put(&key, tail).await.map_err(unavailable);
        };
        let multipart = Multipart::numbered(key, multipart_id);
        if self.was_combined(row, &multipart, size).await? {
            return Ok(());
        }
        if has_tail {
            let last = self.blobs.put_numbered(&multipart, held.first_part, tail);
            parts.push(last.await.map_err(unavailable)?);
        }
        self.combine_parts(under, held, &multipart, &parts, size)
            .await
    }

    /// Whether an earlier finish has combined the parts.
    pub(super) async fn was_combined(
        &self,
        row: &UploadRow,
        multipart: &Multipart,
        size: u64,
    ) -> Result<bool> {
        let Some(earlier) = row.finishing else {
            return Ok(false);
        };
        let was = self.blobs.was_combined(multipart, size, earlier).await;
        was.map_err(unavailable)
    }

    pub(super) async fn combine_parts(
        &self,
        under: &Under<'_>,
        held: &Held,
        multipart: &Multipart,
        parts: &[Part],
        size: u64,
    ) -> Result<()> {
        self.mark(under, held, true).await?;
        match self.blobs.combine(multipart, parts, size).await {
            Ok(()) => Ok(()),
            Err(e @ BlobError::NotDone(..)) => {
                self.mark(under, held, false).await?;
                Err(unavailable(e))
            }
            Err(e) => Err(unavailable(e)),
        }
    }

    async fn mark(&self, under: &Under<'_>, held: &Held, finishing: bool) -> Result<()> {
        let (tenant, id) = (under.caller.tenant.id, &under.row.id);
        let client = self.meta.client().await?;
        match rows::mark_finishing(&client, tenant, id, held.fence, finishing).await? {
            true => Ok(()),
            false => Err(Error::UploadTakenOver(id.to_string())),
        }
    }

    /// Ends an upload whose content can never become what was declared.
    pub(super) async fn give_up(&self, under: &Under<'_>) -> Result<()> {
        let (tenant, object) = (under.caller.tenant.id, under.row.object);
        let client = self.meta.client().await?;
        objects::abandon(&client, tenant, object, self.times.grace).await?;
        Ok(())
    }
}
