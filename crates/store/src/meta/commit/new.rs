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
        digest::ContentHash,
        error::Error,
        id::{ArtifactId, ObjectId, TenantId},
        idempotency::{Claim, KeyRecord},
        quota::QuotaExceeded,
        spec::ArtifactSpec,
        text::ContentType,
    },
};

/// The artifact to commit, all of it known.
pub(crate) struct NewArtifact {
    pub(crate) tenant: TenantId,
    /// Whether the tenant had a quota when the caller was let in.
    pub(crate) has_quota: bool,
    pub(crate) id: ArtifactId,
    pub(crate) spec: Arc<ArtifactSpec>,
    pub(crate) content_type: ContentType,
    pub(crate) ttl: Option<Duration>,
    pub(crate) hash: ContentHash,
    pub(crate) size: u64,
    /// This upload's own object.
    pub(crate) object: ObjectId,
    pub(crate) payload: Payload,
    /// How long condemned bytes are left alone.
    pub(crate) grace: Duration,
    /// How long the artifact waits, if it is unpublished.
    pub(crate) unpublished_window: Duration,
    /// The caller's key for this write, if it has one, with the content in its request.
    pub(crate) claim: Option<Claim>,
}

/// Where the bytes of this upload are.
pub(crate) enum Payload {
    /// Here; they go into the row.
    Inline(Bytes),
    /// In the blob store, under the key of the object, whose row is `staging`.
    Staged,
    /// Not sent: the tenant must hold them already, under an artifact that can be read.
    Existing,
}

/// How the transaction ended.
pub(crate) enum Outcome {
    Created(Box<Created>),
    /// The key is held by another attempt, or stands for an earlier one; nothing was committed.
    KeyTaken(Option<KeyRecord>),
    /// The bytes that were not sent are not held; nothing was committed.
    ContentMissing,
    /// The session was closed then; nothing was committed.
    Closed(Closed),
    /// The latest version is not the one that the caller expects; nothing was committed.
    Conflict(Option<Box<Artifact>>),
    /// The latest version has the same content, and the caller wants that one; nothing was committed.
    Existing(Box<Artifact>),
    /// These inputs are not visible; nothing was committed.
    InputsMissing(Vec<String>),
    /// The tenant's quota has no room for it; nothing was committed.
    OverQuota(QuotaExceeded),
    /// The collector took the staging object because its lease had run out; nothing was committed.
    Lost,
}

/// Why a transaction has no outcome.
pub(crate) enum Failure {
    /// Nothing was committed, or it is not known; running it again tells.
    Repeat(PgError),
    /// Nothing was committed: the quota has no room for all who may be writing, and perhaps for this one alone.
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
