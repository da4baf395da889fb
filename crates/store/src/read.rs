//! Reading artifacts and their bytes.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{
    artifact::Artifact,
    blob::{BlobError, BlobReader, Blobs, ObjectKey},
    digest::ContentHash,
    error::{Error, Result},
    id::{ArtifactId, TenantId},
    meta::artifacts::{self as rows, Location},
    metrics,
    reference::ArtifactRef,
    store::{Store, unavailable},
    tenant::Tenant,
    validate::excerpt,
};

/// The largest piece that a reader hands out, in bytes.
const PIECE: usize = 256 * 1024;
/// How often in a row a reading is taken up again after the blob store broke off, before that is given up.
const RESUMPTIONS: u32 = 3;

impl Store {
    /// Returns a visible artifact.
    ///
    /// # Errors
    /// `ArtifactNotFound`, `ArtifactExpired`, `ArtifactDeleted`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_artifact(&self, tenant: &Tenant, wanted: &ArtifactRef) -> Result<Artifact> {
        let client = self.meta.client().await?;
        let id = rows::resolve(&client, tenant.id, wanted).await?;
        rows::get(&client, tenant.id, &id).await
    }

    /// Opens a visible artifact for reading.
    ///
    /// # Errors
    /// As `get_artifact`.
    #[tracing::instrument(skip_all)]
    pub async fn open_artifact(&self, tenant: &Tenant, wanted: &ArtifactRef) -> Result<Download> {
        let client = self.meta.client().await?;
        let id = rows::resolve(&client, tenant.id, wanted).await?;
        let (artifact, location) = rows::locate(&client, tenant.id, &id).await?;
        Ok(Download::new(self, tenant.id, artifact, location))
    }
}

/// What is no identifier names nothing.
pub(crate) fn artifact_id(text: &str) -> Result<ArtifactId> {
    text.parse()
        .map_err(|_| Error::ArtifactNotFound(excerpt(text)))
}

/// An artifact whose bytes are found but not yet read.
pub struct Download {
    artifact: Artifact,
    blobs: Blobs,
    key: ObjectKey,
    inline: Option<Bytes>,
}

impl Download {
    pub(crate) fn new(
        store: &Store,
        tenant: TenantId,
        artifact: Artifact,
        location: Location,
    ) -> Self {
        Self {
            artifact,
            blobs: store.blobs.clone(),
            key: Blobs::key(tenant, location.object),
            inline: location.inline,
        }
    }

    /// The artifact.
    #[must_use]
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// Reads from `offset` on, at most `limit` bytes, or to the end. An offset past the end reads nothing.
    #[must_use]
    pub fn read(self, offset: u64, limit: Option<u64>) -> Content {
        let size = self.artifact.size_bytes;
        let start = offset.min(size);
        let end = limit.map_or(size, |limit| start.saturating_add(limit).min(size));
        let whole = start == 0 && end == size;
        let inline = self.inline.is_some();
        let in_memory = self.inline.map(|content| slice(&content, start, end));
        Content {
            position: in_memory.as_ref().map_or(start, |_| end),
            pending: in_memory.unwrap_or_default(),
            end,
            inline,
            reader: None,
            resumptions: 0,
            hasher: whole.then(Sha256::new),
            artifact: self.artifact,
            blobs: self.blobs,
            key: self.key,
        }
    }
}

fn slice(content: &Bytes, start: u64, end: u64) -> Bytes {
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
    content.slice(index(start)..index(end))
}

/// Bytes on their way out, a piece at a time. Nothing is read ahead, so a slow reader costs no memory.
pub struct Content {
    artifact: Artifact,
    blobs: Blobs,
    key: ObjectKey,
    /// How far the blob store has been read.
    position: u64,
    end: u64,
    /// The bytes came with the row.
    inline: bool,
    reader: Option<BlobReader>,
    resumptions: u32,
    /// Read and not yet handed out.
    pending: Bytes,
    /// Of a whole reading.
    hasher: Option<Sha256>,
}

impl Content {
    /// The artifact.
    #[must_use]
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// How many bytes the pieces will have in all.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.end - self.position + self.pending.len() as u64
    }

    /// The next piece, at most 256 KiB; `None` at the end. The last piece of a whole reading is handed out only when the
    /// hash of all of them is right, so a reader of a known length notices.
    ///
    /// # Errors
    /// `DataCorrupted` when the bytes are gone or too few, or those of a whole reading are not those that were committed;
    /// `Unavailable` when the blob store does not answer.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.pending.is_empty() {
            if self.position == self.end {
                return Ok(None);
            }
            self.fetch().await?;
        }
        let piece = self.pending.split_to(self.pending.len().min(PIECE));
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece);
        }
        if self.remaining() == 0 {
            self.verify()?;
        }
        metrics::downloaded(piece.len(), self.inline);
        Ok(Some(piece))
    }

    /// Reads on from the blob store; a reading that it broke off is taken up again where it stopped.
    async fn fetch(&mut self) -> Result<()> {
        match self.fetch_once().await {
            Ok(Some(piece)) => {
                self.resumptions = 0;
                self.position += piece.len() as u64;
                self.pending = piece;
                Ok(())
            }
            Ok(None) | Err(BlobError::NotFound) => Err(self.corrupted()),
            Err(e) if self.resumptions < RESUMPTIONS => {
                tracing::debug!(key = %self.key, position = self.position, error = %e, "reading is taken up again");
                self.resumptions += 1;
                self.reader = None;
                Ok(())
            }
            Err(e) => Err(unavailable(e)),
        }
    }

    async fn fetch_once(&mut self) -> Result<Option<Bytes>, BlobError> {
        if self.reader.is_none() {
            let length = self.end - self.position;
            self.reader = Some(self.blobs.get(&self.key, self.position, length).await?);
        }
        match &mut self.reader {
            Some(reader) => reader.next().await,
            None => Ok(None),
        }
    }

    fn verify(&mut self) -> Result<()> {
        match self.hasher.take().map(ContentHash::from) {
            Some(hash) if hash != self.artifact.content_hash => Err(self.corrupted()),
            _ => Ok(()),
        }
    }

    fn corrupted(&self) -> Error {
        tracing::error!(
            artifact_id = %self.artifact.id,
            key = %self.key,
            position = self.position,
            "the stored bytes are not those that were committed"
        );
        Error::DataCorrupted(self.artifact.id.to_string())
    }
}
