//! Creates artifacts: received bytes become an artifact or leave nothing visible.
//!
//! Content that fits into a row stays in Postgres. Anything larger gets a `staging` row first, then its bytes under a
//! fresh key, then the commit. Wherever that is interrupted, the row leads the collector to the bytes.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    config::StoreConfig,
    meta::{
        artifacts, quotas, reach,
        sessions::{self, Closed},
    },
    model::{
        access::{Grant, Reach},
        artifact::{Artifact, Created},
        audit::Actor,
        error::{Error, Result},
        id::{ObjectId, UploadId},
        idempotency::Earlier,
        spec::{ArtifactSpec, OnDuplicate},
        tenant::{Caller, Tenant},
        text::{ContentType, text_of},
        validate::some_of,
    },
    store::{Store, hashing::Hashing, idempotent::ClaimGuard},
};

mod asked;
mod budget;
mod buffer;
mod end;
mod finish;
pub(crate) mod gather;
mod key;
mod late;
mod late_spec;
mod parts;
mod reserved;
mod staging;

pub(in crate::store) use asked::Asked;
pub(crate) use budget::Budget;
pub(in crate::store) use buffer::Buffer;
pub use end::UploadEnd;
use late_spec::LateSpec;
use parts::Parts;
use staging::Staging;

/// Part sizes: the smallest that can hold the content in ten thousand parts is used.
pub(in crate::store) const PART_SIZES: [usize; 4] =
    [8 << 20, 16 << 20, 32 << 20, StoreConfig::MAX_PART];

impl Store {
    /// The largest content that `create_artifact` accepts, in bytes.
    pub const CREATE_MAX_BYTES: usize = 3 << 20;

    /// Stores content that is already in memory.
    ///
    /// # Errors
    /// `FileTooLarge`, `TtlExceedsLimit`, `ContentMismatch`, `SessionSealed`, `QuotaExceeded`, `UploadExpired`,
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn create_artifact(
        &self,
        caller: &Caller,
        spec: ArtifactSpec,
        content: Bytes,
    ) -> Result<Created> {
        if content.len() > Self::CREATE_MAX_BYTES {
            return Err(Error::FileTooLarge {
                limit_bytes: Self::CREATE_MAX_BYTES as u64,
                hint: "; send it as a stream",
            });
        }
        caller.reach().may_create(&spec)?;
        let mut upload = Upload::new(self.clone(), caller, spec)?;
        upload.expected = Some(content.len() as u64);
        if content.is_empty() && upload.spec.is_declared() {
            upload.claim_key().await?;
            return match upload.finish_early().await? {
                Some(created) => Ok(created),
                None => Err(Error::ContentMissing(upload.spec.declared_text())),
            };
        }
        if content.len() > self.limits().inline_bytes || upload.has_inputs_to_check() {
            upload.claim_key().await?;
        }
        upload.check_inputs().await?;
        upload.write_whole(content).await?;
        upload.finish(UploadEnd::default()).await
    }

    /// Begins to store content that arrives in pieces. Dropping the upload leaves nothing visible.
    ///
    /// # Errors
    /// `FileTooLarge`, `TtlExceedsLimit` and `QuotaExceeded` by what is declared; `SessionSealed`, `VersionConflict`, what a
    /// key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn begin_upload(&self, caller: &Caller, spec: ArtifactSpec) -> Result<Upload> {
        caller.reach().may_create(&spec)?;
        let mut upload = Upload::new(self.clone(), caller, spec)?;
        upload.claim_key().await?;
        upload.check_inputs().await?;
        if upload.earlier.is_none() {
            upload.check_early().await?;
        }
        Ok(upload)
    }
}

/// A running upload. After an error it can only be dropped.
pub struct Upload {
    store: Store,
    tenant: Tenant,
    /// The largest content.
    limit: u64,
    grant: Grant,
    /// Who makes it, for the audit trail.
    actor: Actor,
    spec: Arc<ArtifactSpec>,
    ttl: Option<Duration>,
    object: ObjectId,
    /// What the object reserves of the tenant's quota, if it does.
    reserved: Option<u64>,
    /// The resumable upload that ends with the commit.
    resumable: Option<UploadId>,
    /// The expected size of the content, if known.
    expected: Option<u64>,
    part_size: usize,
    size: u64,
    /// How much of it was sent in parts.
    sent: u64,
    /// The largest content for which the tenant's quota had room when it was last read; the maximum if only the commit
    /// can decide.
    room: u64,
    hashing: Hashing,
    /// Of the whole content, once it is known.
    pub(in crate::store) crc32: Option<u32>,
    content_type: Option<ContentType>,
    /// What has arrived since the last part.
    buffer: Buffer,
    /// Set once the content is too large for a row.
    staging: Option<Staging>,
    parts: Option<Parts>,
    /// The caller's key, claimed before the content arrived.
    holding: Option<ClaimGuard>,
    /// The key has a stored result: the content is only compared.
    earlier: Option<Earlier>,
    /// While the spec may still change: what is needed then.
    late: Option<LateSpec>,
}

impl Upload {
    pub(in crate::store) fn new(store: Store, caller: &Caller, spec: ArtifactSpec) -> Result<Self> {
        let tenant = caller.tenant.clone();
        let ttl = spec.expiry.resolve(tenant.keeping)?;
        let limit = caller.max_file_bytes(store.limits().upload_bytes);
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
            limit,
            grant: caller.grant.clone(),
            actor: Actor::of(caller),
            spec: Arc::new(spec),
            ttl,
            object: ObjectId::fresh(),
            reserved: None,
            resumable: None,
            expected,
            size: 0,
            sent: 0,
            room,
            hashing: Hashing::with_crc32(),
            crc32: None,
            buffer: Buffer::default(),
            staging: None,
            parts: None,
            holding: None,
            earlier: None,
            late: None,
        })
    }

    /// Ends this resumable upload with the commit, and uses its object, which has been staged, and what that reserves.
    pub(in crate::store) fn adopt(
        &mut self,
        upload: &UploadId,
        object: ObjectId,
        reserved: Option<u64>,
    ) {
        self.resumable = Some(upload.clone());
        self.object = object;
        self.reserved = reserved;
    }

    /// Takes the next piece of the content.
    ///
    /// # Errors
    /// `FileTooLarge`, `ContentMismatch` and `QuotaExceeded` as soon as there is more than was declared or there is room for,
    /// `UploadExpired`, `Unavailable`.
    pub async fn write(&mut self, piece: Bytes) -> Result<()> {
        if self.earlier.is_some() {
            self.count(piece.len())?;
            return self.hashing.update(piece).await;
        }
        if !self.outgrows_row(piece.len()).await? {
            self.buffer.keep_small(piece);
            return Ok(());
        }
        for mut piece in [self.buffer.take_small(), piece] {
            while !piece.is_empty() {
                if self.buffer.len() == self.part_size {
                    self.send_part().await?;
                }
                self.buffer_some(&mut piece).await?;
            }
        }
        Ok(())
    }

    /// Takes the whole content, which is in memory already and fits into one part.
    async fn write_whole(&mut self, content: Bytes) -> Result<()> {
        if self.earlier.is_some() {
            self.count(content.len())?;
            return self.hashing.update(content).await;
        }
        if self.outgrows_row(content.len()).await? {
            self.guess_content_type(&content);
            self.hashing.update(content.clone()).await?;
            self.buffer.keep_whole(content);
        } else {
            self.buffer.keep_small(content);
        }
        Ok(())
    }

    /// The error when the caller's stream was closed without its end.
    #[must_use]
    pub fn incomplete(&self) -> Error {
        Error::UploadIncomplete {
            received_bytes: self.size,
        }
    }

    /// Counts bytes that arrive, and refuses too many.
    fn count(&mut self, bytes: usize) -> Result<()> {
        self.size += bytes as u64;
        if self.size > self.limit {
            return Err(too_large(self.limit));
        }
        match self.spec.declared_size.filter(|size| self.size > *size) {
            Some(declared) => Err(Error::ContentMismatch {
                field: "size_bytes",
                declared: declared.to_string(),
                actual: format!("{} or more", self.size),
            }),
            None => Ok(()),
        }
    }

    /// Whether the content, with so many more bytes, is too large for a row. Then it has a staging row and room in the
    /// tenant's quota.
    async fn outgrows_row(&mut self, more: usize) -> Result<bool> {
        self.count(more)?;
        if let Some(holding) = &mut self.holding {
            holding.keep_alive().await?;
        }
        if self.size <= self.store.limits().inline_bytes as u64 {
            return Ok(false);
        }
        if self.size > self.room {
            self.check_quota(self.size).await?;
        }
        self.keep_alive().await?;
        Ok(true)
    }

    /// Moves as much of a piece as fits into one block to the part that is being filled.
    async fn buffer_some(&mut self, piece: &mut Bytes) -> Result<()> {
        let rest = self.expected.unwrap_or(u64::MAX).saturating_sub(self.sent);
        let wanted = usize::try_from(rest).map_or(self.part_size, |rest| rest.min(self.part_size));
        let (budget, tenant) = (&self.store.uploads, self.tenant.id);
        if let Some(block) = self.buffer.fill(budget, tenant, wanted, piece).await? {
            self.guess_content_type(&block);
            self.hashing.update(block).await?;
        }
        Ok(())
    }

    /// What the caller reaches.
    fn reach(&self) -> Reach<'_> {
        Reach {
            tenant: self.tenant.id,
            narrowing: self.grant.narrowing(),
        }
    }

    fn has_inputs_to_check(&self) -> bool {
        !self.reach().is_all() && !self.spec.inputs.is_empty()
    }

    /// Refuses inputs beyond the caller's reach, as the commit refuses those that are not there.
    pub(in crate::store) async fn check_inputs(&self) -> Result<()> {
        if self.earlier.is_some() || !self.has_inputs_to_check() {
            return Ok(());
        }
        let client = self.store.meta.client().await?;
        let within = reach::within(&client, self.reach(), &self.spec.inputs).await?;
        let outside = self.spec.inputs.iter().filter(|id| !within.contains(id));
        let outside: Vec<_> = outside.map(ToString::to_string).collect();
        match outside.is_empty() {
            true => Ok(()),
            false => Err(inputs_missing(&outside)),
        }
    }

    /// Refuses what the commit would refuse in the current state, before the content is sent.
    pub(in crate::store) async fn check_early(&mut self) -> Result<()> {
        self.check_quota(self.spec.declared_size.unwrap_or(0))
            .await?;
        self.check_place().await
    }

    /// Refuses a session that is closed and a version that is not the latest, as the commit does.
    pub(in crate::store) async fn check_place(&self) -> Result<()> {
        if self.spec.session_id.is_none() && self.spec.if_version.is_none() {
            return Ok(());
        }
        let client = self.store.meta.client().await?;
        if let Some(session) = &self.spec.session_id {
            let closed = sessions::closed(&client, self.tenant.id, session.as_str());
            if let Some(closed) = closed.await? {
                return Err(self.closed(closed));
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

    /// Refuses a content of at least so many bytes if the quota has no room for it now.
    async fn check_quota(&mut self, bytes: u64) -> Result<()> {
        if self.room == u64::MAX {
            return Ok(());
        }
        let client = self.store.meta.client().await?;
        self.room = match quotas::look(&client, self.tenant.id).await? {
            None => u64::MAX,
            Some(quota) => {
                quota.admit(1, bytes)?;
                quota.room()
            }
        };
        Ok(())
    }

    /// Ensures that the upload has a staging row with a valid lease.
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

    /// Sends a full buffer as the next part.
    async fn send_part(&mut self) -> Result<()> {
        if self.parts.is_none()
            && let Some(staging) = &self.staging
        {
            self.parts = Some(staging.begin_parts(self.part_size).await?);
        }
        if let Some(parts) = &mut self.parts {
            let part = self.buffer.take_part();
            self.sent += part.len() as u64;
            parts.send(part).await?;
        }
        Ok(())
    }

    /// The content type as given, or as guessed earlier or now.
    fn content_type(&self, first_bytes: &[u8]) -> ContentType {
        self.content_type
            .clone()
            .unwrap_or_else(|| ContentType::guess(&self.spec.filename, first_bytes))
    }

    fn guess_content_type(&mut self, first_bytes: &[u8]) {
        if let Some(late) = &mut self.late {
            late.see(first_bytes);
        }
        self.content_type = Some(self.content_type(first_bytes));
    }

    fn conflict(&self, current: Option<Box<Artifact>>) -> Error {
        let filename = self.spec.filename.as_str().to_owned();
        match current {
            // It is another agent's.
            Some(current) if !self.reach().has(&*current) => Error::VersionTaken {
                filename,
                version: current.version,
            },
            current => Error::VersionConflict { filename, current },
        }
    }

    fn closed(&self, closed: Closed) -> Error {
        let id = text_of(&self.spec.session_id).to_owned();
        match closed {
            Closed::Sealed(sealed_at) => Error::SessionSealed { id, sealed_at },
            Closed::Full => Error::SessionFull(id),
        }
    }
}

fn inputs_missing(ids: &[String]) -> Error {
    let rule = format!("must be visible artifacts; these are not: {}", some_of(ids));
    Error::invalid("spec.inputs", rule)
}

pub(in crate::store) fn too_large(limit_bytes: u64) -> Error {
    let hint = "";
    Error::FileTooLarge { limit_bytes, hint }
}

/// The size of the parts of a content.
pub(in crate::store) fn part_size_for(content: u64) -> usize {
    let fits = |size: &usize| *size as u64 * StoreConfig::MAX_PARTS >= content;
    PART_SIZES
        .into_iter()
        .find(fits)
        .unwrap_or(StoreConfig::MAX_PART)
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
