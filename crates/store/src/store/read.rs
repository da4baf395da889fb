//! Reading artifacts and their bytes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;

use crate::{
    blob::{Blobs, ObjectKey},
    meta::artifacts::{self as rows, Location, several},
    metrics,
    model::{
        artifact::Artifact,
        audit::Deed,
        digest::ContentHash,
        error::{Error, Result},
        id::{ArtifactId, TenantId},
        reference::ArtifactRef,
        tenant::Caller,
    },
    store::{Store, audit::queue::ReadLine, hashing::Hashing},
};

pub(super) mod ahead;
mod source;

use ahead::ReadAhead;
use source::Source;

impl Store {
    /// Returns a visible artifact.
    ///
    /// # Errors
    /// `ArtifactNotFound`, `ArtifactExpired`, `ArtifactDeleted`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_artifact(&self, caller: &Caller, wanted: &ArtifactRef) -> Result<Artifact> {
        let client = self.meta.client().await?;
        let id = rows::resolve(&client, caller.reach(), wanted).await?;
        rows::get(&client, caller.tenant.id, &id).await
    }

    /// Returns several visible artifacts, in one statement: in their order, each with what `get_artifact` would answer.
    ///
    /// # Errors
    /// `Unavailable`, for all of them.
    #[tracing::instrument(skip_all)]
    pub async fn get_artifacts(
        &self,
        caller: &Caller,
        wanted: &[ArtifactRef],
    ) -> Result<Vec<Result<Artifact>>> {
        if caller.grant.narrowing().agent_id().is_some() {
            // Of a file, the latest version of that agent is meant.
            let mut found = Vec::with_capacity(wanted.len());
            for one in wanted {
                found.push(self.get_artifact(caller, one).await);
            }
            return Ok(found);
        }
        let client = self.meta.client().await?;
        several::get(&client, caller.reach(), wanted).await
    }

    /// Opens a visible artifact for reading.
    ///
    /// # Errors
    /// As `get_artifact`.
    #[tracing::instrument(skip_all)]
    pub async fn open_artifact(&self, caller: &Caller, wanted: &ArtifactRef) -> Result<Download> {
        self.open_for(caller, wanted, "DownloadArtifact").await
    }

    /// The same for another operation, which the audit trail names.
    pub(in crate::store) async fn open_for(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        operation: &str,
    ) -> Result<Download> {
        let client = self.meta.client().await?;
        let id = rows::resolve(&client, caller.reach(), wanted).await?;
        let (artifact, location) = rows::locate(&client, caller.tenant.id, &id).await?;
        let line = (self.audit).read(|| Deed::done(caller, operation, id.as_str()));
        let tenant = caller.tenant.id;
        Ok(Download::new(self, tenant, artifact, location, line))
    }
}

/// An artifact whose bytes were located but not yet read.
#[derive(Clone)]
pub struct Download {
    artifact: Artifact,
    blobs: Blobs,
    key: ObjectKey,
    inline: Option<Bytes>,
    read_ahead: Arc<Semaphore>,
    line: ReadLine,
}

impl Download {
    pub(crate) fn new(
        store: &Store,
        tenant: TenantId,
        artifact: Artifact,
        location: Location,
        line: ReadLine,
    ) -> Self {
        Self {
            artifact,
            blobs: store.blobs.clone(),
            key: Blobs::key(tenant, location.object),
            inline: location.inline,
            read_ahead: Arc::clone(&store.read_ahead),
            line,
        }
    }

    /// The artifact.
    #[must_use]
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// Reads the beginning, at most so many bytes, for the server alone: the audit trail has no line of it.
    #[must_use]
    pub fn sample(&self, bytes: u64) -> Content {
        let unseen = Self {
            line: ReadLine::NONE,
            ..self.clone()
        };
        unseen.look_at(0, bytes)
    }

    /// What its bytes are known by: they never change.
    pub(in crate::store) fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// Reads from `offset`, at most `limit` bytes, or to the end. An offset past the end reads nothing.
    #[must_use]
    pub fn read(self, offset: u64, limit: Option<u64>) -> Content {
        let mut content = self.look_at(offset, limit.unwrap_or(u64::MAX));
        content.reading = content.reading.checked(content.artifact.size_bytes);
        content
    }

    /// The same without a hash: what is looked at and not handed out need not be checked.
    pub(in crate::store) fn look_at(self, offset: u64, limit: u64) -> Content {
        let place = Place {
            artifact: self.artifact.id.clone(),
            hash: self.artifact.content_hash,
            size: self.artifact.size_bytes,
            key: self.key,
            inline: self.inline,
        };
        let reading = Reading::new(place, self.blobs, self.read_ahead, offset, limit);
        Content {
            artifact: self.artifact,
            length: reading.left,
            reading,
            line: self.line,
        }
    }
}

/// A content and where its bytes are.
#[derive(Clone)]
pub(in crate::store) struct Place {
    /// An artifact that has it.
    pub(in crate::store) artifact: ArtifactId,
    pub(in crate::store) hash: ContentHash,
    pub(in crate::store) size: u64,
    pub(in crate::store) key: ObjectKey,
    /// The bytes themselves, when they are small.
    pub(in crate::store) inline: Option<Bytes>,
}

/// The bytes of a range of a content, a piece at a time.
pub(in crate::store) struct Reading {
    artifact: ArtifactId,
    hash: ContentHash,
    key: ObjectKey,
    /// Bytes that were not returned yet.
    left: u64,
    bytes: From,
    /// Of a reading that is checked, which is a whole one.
    hashing: Option<Hashing>,
}

impl Reading {
    /// Begins at `offset`, for at most `limit` bytes.
    pub(in crate::store) fn new(
        place: Place,
        blobs: Blobs,
        read_ahead: Arc<Semaphore>,
        offset: u64,
        limit: u64,
    ) -> Self {
        let start = offset.min(place.size);
        let end = start.saturating_add(limit).min(place.size);
        let bytes = match place.inline {
            Some(content) => From::Row(slice(&content, start, end)),
            None => {
                let source = Source::new(blobs, place.key.clone(), start, end);
                From::Blobs(Box::new(ReadAhead::new(source, read_ahead)))
            }
        };
        Self {
            artifact: place.artifact,
            hash: place.hash,
            key: place.key,
            left: end - start,
            bytes,
            hashing: None,
        }
    }

    /// Checks the hash, where the content is read as a whole.
    pub(in crate::store) fn checked(mut self, size: u64) -> Self {
        self.hashing = (self.left == size).then(Hashing::new);
        self
    }

    /// The next piece, as `Content::next`.
    ///
    /// # Errors
    /// `DataCorrupted`; `Unavailable`.
    pub(in crate::store) async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        let piece = match &mut self.bytes {
            From::Row(content) => std::mem::take(content),
            From::Blobs(reading) => reading.next().await?.unwrap_or_default(),
        };
        if piece.is_empty() {
            return Err(self.corrupted());
        }
        self.left = self.left.saturating_sub(piece.len() as u64);
        if let Some(hashing) = &mut self.hashing {
            hashing.update(piece.clone()).await?;
        }
        if self.left == 0
            && let Some(hashing) = self.hashing.take()
            && hashing.finish().await? != self.hash
        {
            return Err(self.corrupted());
        }
        let inline = matches!(self.bytes, From::Row(_));
        metrics::downloaded(piece.len(), inline);
        Ok(Some(piece))
    }

    pub(in crate::store) fn corrupted(&self) -> Error {
        tracing::error!(
            artifact_id = %self.artifact,
            key = %self.key,
            left = self.left,
            "the stored bytes are not those that were committed"
        );
        Error::DataCorrupted(self.artifact.to_string())
    }
}

/// Some of the bytes, as far as there are so many.
pub(in crate::store) fn slice(content: &Bytes, start: u64, end: u64) -> Bytes {
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
    content.slice(index(start)..index(end))
}

/// A download, a piece at a time. While one is hashed and sent, the next one is read, so a slow reader costs the memory
/// of two pieces.
pub struct Content {
    artifact: Artifact,
    reading: Reading,
    /// How many bytes are handed out in all.
    length: u64,
    line: ReadLine,
}

/// The source of the bytes.
enum From {
    /// They came with the row, and are small.
    Row(Bytes),
    Blobs(Box<ReadAhead>),
}

impl Content {
    /// The artifact.
    #[must_use]
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// The total length of the pieces.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.reading.left
    }

    /// The next piece, at most 256 KiB; `None` at the end. The last piece of a whole download is returned only if the
    /// hash of all of them is right, so a reader that knows the length notices an error.
    ///
    /// # Errors
    /// `DataCorrupted` when the bytes are gone or too few, or those of a whole reading are not those that were committed;
    /// `Unavailable` when the blob store does not answer.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.line.note();
        self.reading.next().await
    }

    /// All pieces that follow, in memory: the caller bounds their length.
    ///
    /// # Errors
    /// As `next`.
    pub async fn all(mut self) -> Result<Bytes> {
        let Some(first) = self.next().await? else {
            return Ok(Bytes::new());
        };
        if self.reading.left == 0 {
            return Ok(first);
        }
        let mut all = BytesMut::from(first);
        while let Some(piece) = self.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// How many bytes the pieces have in all, and the hash of a whole content; for when the last piece has been handed out.
    #[must_use]
    pub fn total(&self) -> (u64, Option<ContentHash>) {
        let is_whole = self.length == self.artifact.size_bytes;
        (self.length, is_whole.then_some(self.artifact.content_hash))
    }
}
