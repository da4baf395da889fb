//! Creating artifacts: bytes come in, and become an artifact or leave nothing visible.
//!
//! Content that fits into a row never leaves Postgres. Anything larger gets a `staging` row first, then its bytes under a
//! fresh key, then the commit. At whatever point that ends, the row leads the collector to the bytes.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    artifact::{Artifact, Created},
    config::StoreConfig,
    error::{Error, Result},
    id::ObjectId,
    idempotency::{Earlier, Holding},
    meta::{artifacts, quotas, sessions},
    names::ContentType,
    spec::{ArtifactSpec, OnDuplicate},
    store::{BUFFER_UNIT, Store},
    tenant::Tenant,
};

mod finish;
pub(crate) mod gather;
mod hashing;
mod parts;
mod staging;

use hashing::Hashing;
use parts::Parts;
use staging::Staging;

/// Part sizes: the smallest that can hold the content in ten thousand parts is used.
const PART_SIZES: [usize; 4] = [8 << 20, 16 << 20, 32 << 20, StoreConfig::MAX_PART];
/// How long an upload waits for memory that other uploads hold.
const BUFFER_WAIT: Duration = Duration::from_secs(60);

impl Store {
    /// The largest content that `create_artifact` takes, in bytes.
    pub const CREATE_MAX_BYTES: usize = 3 << 20;

    /// Stores content that is in memory already.
    ///
    /// # Errors
    /// `FileTooLarge`, `TtlExceedsLimit`, `ContentMismatch`, `SessionSealed`, `QuotaExceeded`, `UploadExpired`,
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn create_artifact(
        &self,
        tenant: &Tenant,
        spec: ArtifactSpec,
        content: Bytes,
    ) -> Result<Created> {
        if content.len() > Self::CREATE_MAX_BYTES {
            return Err(Error::FileTooLarge {
                limit_bytes: Self::CREATE_MAX_BYTES as u64,
                hint: "; send it as a stream",
            });
        }
        let mut upload = Upload::new(self.clone(), tenant.clone(), spec)?;
        upload.expected = Some(content.len() as u64);
        if content.is_empty() && upload.spec.is_declared() {
            upload.claim_key().await?;
            return match upload.finish_early().await? {
                Some(created) => Ok(created),
                None => Err(Error::ContentMissing(upload.spec.declared_text())),
            };
        }
        if content.len() > self.limits().inline_bytes {
            upload.claim_key().await?;
        }
        upload.write(content).await?;
        upload.finish().await
    }

    /// Begins to store content that comes in pieces. Dropping the upload leaves nothing visible.
    ///
    /// # Errors
    /// `FileTooLarge`, `TtlExceedsLimit` and `QuotaExceeded` by what is declared; `SessionSealed`, `VersionConflict`, what a
    /// key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn begin_upload(&self, tenant: &Tenant, spec: ArtifactSpec) -> Result<Upload> {
        let mut upload = Upload::new(self.clone(), tenant.clone(), spec)?;
        upload.claim_key().await?;
        if upload.earlier.is_none() {
            upload.check_early().await?;
        }
        Ok(upload)
    }
}

/// Content on its way in. After an error it can only be dropped.
pub struct Upload {
    store: Store,
    tenant: Tenant,
    spec: Arc<ArtifactSpec>,
    ttl: Option<Duration>,
    object: ObjectId,
    /// How large the content will be, where that is known.
    expected: Option<u64>,
    part_size: usize,
    size: u64,
    /// The largest content that the tenant's quota had room for when it was last asked; any, where only the commit can tell.
    room: u64,
    hashing: Hashing,
    content_type: Option<ContentType>,
    /// What has arrived since the last part, and its claim on the memory of all uploads.
    buffer: BytesMut,
    memory: Option<OwnedSemaphorePermit>,
    /// From the moment that the content is too large for a row.
    staging: Option<Staging>,
    parts: Option<Parts>,
    /// The caller's key, claimed before the content arrived.
    holding: Option<Holding>,
    /// The key stands for an earlier call: the content is only compared.
    earlier: Option<Earlier>,
}

impl Upload {
    fn new(store: Store, tenant: Tenant, spec: ArtifactSpec) -> Result<Self> {
        let ttl = spec.expiry.resolve(&tenant)?;
        let limit = store.limits().upload_bytes;
        let expected = spec.declared_size;
        if expected.is_some_and(|size| size > limit) {
            return Err(too_large(limit));
        }
        let only_the_commit_can_tell =
            tenant.quota.is_none() || spec.on_duplicate == OnDuplicate::ReturnExisting;
        let room = if only_the_commit_can_tell {
            u64::MAX
        } else {
            0
        };
        Ok(Self {
            content_type: spec.content_type.clone(),
            part_size: part_size_for(expected.unwrap_or(limit)),
            store,
            tenant,
            spec: Arc::new(spec),
            ttl,
            object: ObjectId::fresh(),
            expected,
            size: 0,
            room,
            hashing: Hashing::new(),
            buffer: BytesMut::new(),
            memory: None,
            staging: None,
            parts: None,
            holding: None,
            earlier: None,
        })
    }

    /// Takes the next piece of the content.
    ///
    /// # Errors
    /// `FileTooLarge`, `ContentMismatch` and `QuotaExceeded` as soon as there is more than was declared or there is room for,
    /// `UploadExpired`, `Unavailable`.
    pub async fn write(&mut self, mut piece: Bytes) -> Result<()> {
        self.size += piece.len() as u64;
        let limit = self.store.limits().upload_bytes;
        if self.size > limit {
            return Err(too_large(limit));
        }
        if let Some(declared) = self.spec.declared_size.filter(|size| self.size > *size) {
            return Err(Error::ContentMismatch {
                field: "size_bytes",
                declared: declared.to_string(),
                actual: format!("{} or more", self.size),
            });
        }
        if self.earlier.is_some() {
            return self.hashing.update(piece).await;
        }
        if let Some(holding) = &mut self.holding {
            holding.keep_alive().await?;
        }
        if self.size <= self.store.limits().inline_bytes as u64 {
            self.buffer.extend_from_slice(&piece);
            return Ok(());
        }
        if self.size > self.room {
            self.check_quota(self.size).await?;
        }
        self.keep_alive().await?;
        while !piece.is_empty() {
            if self.buffer.len() == self.part_size {
                self.send_part().await?;
            }
            self.claim_memory().await?;
            let room = self.part_size - self.buffer.len();
            self.buffer
                .extend_from_slice(&piece.split_to(room.min(piece.len())));
        }
        Ok(())
    }

    /// Refuses what the commit would refuse as things are now, before the content is sent.
    async fn check_early(&mut self) -> Result<()> {
        self.check_quota(self.spec.declared_size.unwrap_or(0))
            .await?;
        if self.spec.session_id.is_none() && self.spec.if_version.is_none() {
            return Ok(());
        }
        let client = self.store.meta.client().await?;
        if let Some(session) = &self.spec.session_id {
            let sealed = sessions::sealed_at(&client, self.tenant.id, session.as_str());
            if let Some(sealed_at) = sealed.await? {
                return Err(self.sealed(sealed_at));
            }
        }
        if let Some(expected) = self.spec.if_version {
            let name = self.spec.file_name();
            let current = artifacts::latest(&client, self.tenant.id, &name).await?;
            if current.as_ref().map_or(0, |current| current.version) != expected {
                return Err(self.conflict(current.map(Box::new)));
            }
        }
        Ok(())
    }

    /// Refuses a content of at least so many bytes if the quota has no room for it as things are now.
    async fn check_quota(&mut self, bytes: u64) -> Result<()> {
        if self.room == u64::MAX {
            return Ok(());
        }
        let client = self.store.meta.client().await?;
        self.room = match quotas::look(&client, self.tenant.id).await? {
            None => u64::MAX,
            Some(standing) => {
                standing.admit(1, bytes)?;
                standing.room()
            }
        };
        Ok(())
    }

    /// Makes sure that the upload has a staging row whose lease runs on.
    async fn keep_alive(&mut self) -> Result<()> {
        match &mut self.staging {
            Some(staging) => staging.keep_alive().await,
            None => {
                let staging = Staging::begin(&self.store, self.tenant.id, self.object).await?;
                self.staging = Some(staging);
                Ok(())
            }
        }
    }

    /// Makes sure that the buffer may hold a part, or the whole content where that is less. The claim is made for a part
    /// at once: uploads that claimed piece by piece could all end up waiting for each other.
    async fn claim_memory(&mut self) -> Result<()> {
        if self.memory.is_none() {
            let whole = self.expected.unwrap_or(u64::MAX);
            let wanted = usize::try_from(whole).map_or(self.part_size, |n| n.min(self.part_size));
            let memory = claim(&self.store.buffers, wanted).await?;
            self.memory = Some(memory);
            self.buffer
                .reserve(wanted.saturating_sub(self.buffer.len()));
        }
        Ok(())
    }

    /// Sends a full buffer on its way as the next part.
    async fn send_part(&mut self) -> Result<()> {
        let bytes = self.buffer.split().freeze();
        self.content_type = Some(self.content_type(&bytes));
        self.hashing.update(bytes.clone()).await?;
        if self.parts.is_none()
            && let Some(staging) = &self.staging
        {
            self.parts = Some(staging.begin_parts(self.part_size).await?);
        }
        if let Some(parts) = &mut self.parts {
            parts.send(bytes, self.memory.take()).await?;
        }
        Ok(())
    }

    /// The content type as given or guessed earlier, else guessed now.
    fn content_type(&self, first_bytes: &[u8]) -> ContentType {
        self.content_type
            .clone()
            .unwrap_or_else(|| ContentType::guess(&self.spec.filename, first_bytes))
    }

    fn conflict(&self, current: Option<Box<Artifact>>) -> Error {
        let filename = self.spec.filename.as_str().to_owned();
        Error::VersionConflict { filename, current }
    }

    fn sealed(&self, sealed_at: jiff::Timestamp) -> Error {
        let id = self.spec.session_id.as_ref().map(|id| id.as_str());
        Error::SessionSealed {
            id: id.unwrap_or_default().to_owned(),
            sealed_at,
        }
    }
}

fn too_large(limit_bytes: u64) -> Error {
    let hint = "";
    Error::FileTooLarge { limit_bytes, hint }
}

fn part_size_for(content: u64) -> usize {
    let fits = |size: &usize| *size as u64 * StoreConfig::MAX_PARTS >= content;
    PART_SIZES
        .into_iter()
        .find(fits)
        .unwrap_or(StoreConfig::MAX_PART)
}

async fn claim(buffers: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit> {
    let units = u32::try_from(bytes.div_ceil(BUFFER_UNIT)).unwrap_or(u32::MAX);
    let claim = Arc::clone(buffers).acquire_many_owned(units);
    match timeout(BUFFER_WAIT, claim).await {
        Ok(claimed) => claimed.map_err(|e| Error::Internal(e.into())),
        Err(e) => Err(Error::Unavailable {
            dependency: "upload buffer",
            source: e.into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_small_as_ten_thousand_of_them_allow() {
        assert_eq!(part_size_for(0), 8 << 20);
        assert_eq!(part_size_for(80_000 << 20), 8 << 20);
        assert_eq!(part_size_for((80_000 << 20) + 1), 16 << 20);
        assert_eq!(part_size_for(640_000 << 20), 64 << 20);
    }
}
