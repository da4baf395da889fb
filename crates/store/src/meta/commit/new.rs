//! What is committed, and how a commit ends.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    meta::{
        error::{PgError, from_pg, is_worth_repeating},
        sessions::Closed,
    },
    model::{
        artifact::{Artifact, Created},
        audit::Actor,
        digest::ContentHash,
        error::Error,
        id::{ArtifactId, ObjectId, TenantId, UploadId},
        idempotency::{Claim, KeyRecord},
        quota::QuotaExceeded,
        spec::ArtifactSpec,
        text::ContentType,
    },
};

/// The artifact to commit, complete.
pub(crate) struct NewArtifact {
    pub(crate) tenant: TenantId,
    /// Whether the tenant had a quota when the caller was authenticated.
    pub(crate) has_quota: bool,
    pub(crate) id: ArtifactId,
    pub(crate) spec: Arc<ArtifactSpec>,
    pub(crate) content_type: ContentType,
    pub(crate) ttl: Option<Duration>,
    pub(crate) hash: ContentHash,
    /// For ZIP archives; `None`: they compute it when they need it.
    pub(crate) crc32: Option<u32>,
    pub(crate) size: u64,
    /// This upload's own object.
    pub(crate) object: ObjectId,
    /// The resumable upload that ends with this commit, if any.
    pub(crate) upload: Option<UploadId>,
    /// What that object reserves of the tenant's quota, if it does.
    pub(crate) reserved: Option<u64>,
    pub(crate) payload: Payload,
    /// The grace of condemned bytes.
    pub(crate) grace: Duration,
    /// How long the artifact is kept if it is unpublished.
    pub(crate) unpublished_window: Duration,
    /// Who makes it.
    pub(crate) actor: Actor,
    /// The claim of the caller's key, if any, with the content in its request.
    pub(crate) claim: Option<Claim>,
}

/// The place of this upload's bytes.
pub(crate) enum Payload {
    /// In memory; they go into the row.
    Inline(Bytes),
    /// In the blob store, under the key of the object, whose row is `staging`.
    Staged,
    /// Not sent: a visible artifact of the tenant must have them already.
    Existing,
}

/// The outcome of the transaction.
pub(crate) enum Outcome {
    Created(Box<Created>),
    /// Another attempt has claimed the key, or it has a stored result; nothing was committed.
    KeyTaken(Option<KeyRecord>),
    /// The bytes that were not sent are not stored; nothing was committed.
    ContentMissing,
    /// The session is closed since then; nothing was committed.
    Closed(Closed),
    /// The latest version is not the expected one; nothing was committed.
    Conflict(Option<Box<Artifact>>),
    /// The latest version has the same content, which the caller wants returned; nothing was committed.
    Existing(Box<Artifact>),
    /// These inputs are not visible; nothing was committed.
    InputsMissing(Vec<String>),
    /// The tenant's quota has no room; nothing was committed.
    OverQuota(QuotaExceeded),
    /// The collector condemned the staging object because its lease had expired; nothing was committed.
    Lost,
}

/// Why a transaction has no outcome.
pub(crate) enum Failure {
    /// Nothing was committed, or it is unknown; a retry finds out.
    Repeat(PgError),
    /// Nothing was committed: the quota has no room for every possible writer, and perhaps for this one alone.
    Crowded,
    Final(Error),
}

impl From<PgError> for Failure {
    fn from(e: PgError) -> Self {
        if is_worth_repeating(&e) {
            Self::Repeat(e)
        } else {
            Self::Final(from_pg(e))
        }
    }
}

/// What is known before the first attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Nothing was tried.
    First,
    /// It may have been committed already.
    InDoubt,
}

impl NewArtifact {
    /// The CRC-32 as Postgres stores it: a signed number of the same bits.
    pub(super) fn stored_crc32(&self) -> Option<i32> {
        self.crc32.map(u32::cast_signed)
    }
}
