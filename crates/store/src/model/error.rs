//! The one error type of the store. It knows nothing of transports; each face maps it in one place.

use std::{error::Error as StdError, fmt, time::Duration};

use jiff::Timestamp;

use crate::model::{
    access::Scope,
    artifact::Artifact,
    limit::{CountReached, LimitReached},
    quota::QuotaExceeded,
    span::HumanDuration,
};

/// What went wrong, by what the caller can do about it.
///
/// `Display` is safe to show to a caller. The cause of a fault of ours is in `source()`, for the log alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request breaks rules; every one that it breaks is listed.
    #[error("{}", Violations(.0))]
    Invalid(Vec<Violation>),
    /// No API key, an unknown one or a revoked one.
    #[error("the API key is missing, unknown or revoked")]
    Unauthenticated,
    /// A token that proves nothing, and why.
    #[error("the token is refused: {0}")]
    TokenRefused(String),
    /// A token that proves who it is that no tenant knows.
    #[error(
        "no tenant lets '{subject}' of issuer '{issuer}' act for it: `cairn-api workloads add` does"
    )]
    UnknownWorkload {
        /// The token's `iss`.
        issuer: String,
        /// The token's `sub`.
        subject: String,
    },
    /// There are no keys to sign delegated tokens with.
    #[error("this server makes no tokens: its operator has to set CAIRN_DELEGATION_KEYS")]
    TokensDisabled,
    /// A credential that may not do this at all.
    #[error(
        "the credential has not the scope '{0}': use a key or a token that has it; `cairn whoami` shows what this one has"
    )]
    ScopeMissing(Scope),
    /// A credential that may do this, and not there.
    #[error("the credential reaches only what matches {reach}: {why}")]
    OutOfReach {
        /// What it reaches, as a filter.
        reach: String,
        /// What is wrong with the call.
        why: &'static str,
    },
    /// No such artifact for this tenant.
    #[error("artifact '{0}' does not exist")]
    ArtifactNotFound(String),
    /// The artifact has expired.
    #[error("artifact '{id}' expired at {expires_at}")]
    ArtifactExpired {
        /// The artifact.
        id: String,
        /// When it expired.
        expires_at: Timestamp,
    },
    /// The artifact was deleted.
    #[error("artifact '{id}' was deleted at {deleted_at}")]
    ArtifactDeleted {
        /// The artifact.
        id: String,
        /// When it was deleted.
        deleted_at: Timestamp,
    },
    /// No such session for this tenant.
    #[error("session '{0}' does not exist: no artifact was ever made in it")]
    SessionNotFound(String),
    /// A list takes too long, and would again.
    #[error(
        "the filter is too costly: narrow it by session, agent, user, namespace, label, metadata pair, filename or time"
    )]
    FilterTooCostly,
    /// No such link for this tenant.
    #[error("link '{0}' does not exist")]
    LinkNotFound(String),
    /// The content of a reserved artifact has not been stored, or nothing is reserved.
    #[error("no content has arrived for '{0}': send it to its upload URL, or ask for a new one")]
    UploadNotFound(String),
    /// No such resumable upload for this tenant, or one that is finished.
    #[error("upload '{0}' does not exist or is finished: `ListUploads` shows those that are open")]
    OpenUploadNotFound(String),
    /// Another call writes or finishes this upload.
    #[error(
        "a later call has taken over upload '{0}'; ask how much of it is stored before you write again"
    )]
    UploadTakenOver(String),
    /// The upload continues elsewhere.
    #[error("upload '{id}' continues at offset {offset}; send from there")]
    UploadOffsetMismatch {
        /// The upload.
        id: String,
        /// How many bytes of it are stored.
        offset: u64,
    },
    /// Parts of a presigned upload are not there, or have another size: their numbers.
    #[error(
        "upload '{id}' has not all of its parts: put parts {} with exactly their bytes, then finish again",
        Numbers(.parts)
    )]
    UploadPartsMissing {
        /// The upload.
        id: String,
        /// The numbers of the parts, in order.
        parts: Vec<i32>,
    },
    /// There is no S3 that callers can reach.
    #[error(
        "this server signs no URLs of S3: send the content to the server, or have its operator set CAIRN_S3_PUBLIC_ENDPOINT"
    )]
    PresignUnsupported,
    /// The caller of a write sent too little for too long; the upload stays open.
    #[error(
        "too few bytes of upload '{0}' arrived for too long; ask how much is stored, and send from there"
    )]
    UploadStalled(String),
    /// No such job for this tenant.
    #[error("job '{0}' does not exist")]
    JobNotFound(String),
    /// No such todo for this tenant, or its plan or session is gone.
    #[error(
        "todo '{0}' does not exist, or its plan is gone: `ListTodos` shows those that are there"
    )]
    TodoNotFound(String),
    /// No such API key for this tenant, or one that has ended.
    #[error("API key '{0}' does not exist, was revoked or has expired")]
    KeyNotFound(String),
    /// The link has expired or was revoked.
    #[error("link '{id}' ended at {ended_at}")]
    LinkExpired {
        /// The link.
        id: String,
        /// When it expired, or was revoked before that.
        ended_at: Timestamp,
    },
    /// The operator has switched links off for the tenant.
    #[error("links are switched off for this tenant: ask the operator to allow them")]
    LinksDisabled,
    /// The link opens with a password alone, and none was given, or a wrong one.
    #[error(
        "this link needs a password: send it by HTTP Basic authentication with any user name, as curl -u :PASSWORD does"
    )]
    LinkPassword,
    /// There were too many wrong passwords for the link lately.
    #[error("there were too many wrong passwords for this link: try again in 15 minutes")]
    LinkLocked,
    /// The session takes no new artifacts.
    #[error("Session '{id}' is sealed. No new artifacts can be added.")]
    SessionSealed {
        /// The session.
        id: String,
        /// When it was sealed.
        sealed_at: Timestamp,
    },
    /// The session takes no new artifacts until some are deleted.
    #[error(
        "session '{0}' has as many artifacts as a session may have: delete some, or use another session"
    )]
    SessionFull(String),
    /// The artifact is held.
    #[error("artifact '{0}' is under a legal hold: it cannot be deleted until that ends")]
    LegalHold(String),
    /// The session is open, and what was asked for is there once it is sealed.
    #[error("session '{0}' is not sealed: it has no manifest yet")]
    SessionNotSealed(String),
    /// What the caller thought to be the present state of a file is not; nothing was changed.
    #[error("{}", Conflict(.filename, .current.as_deref()))]
    VersionConflict {
        /// The file.
        filename: String,
        /// Its latest version, if it has one.
        current: Option<Box<Artifact>>,
    },
    /// As `VersionConflict`, where the caller may not hear of the version itself.
    #[error("'{filename}' is at version {version}; nothing was changed")]
    VersionTaken {
        /// The file.
        filename: String,
        /// The number of its latest version.
        version: i64,
    },
    /// The key was used for another request.
    #[error(
        "idempotency key '{key}' was used for another request, which differs in: {}; use a new key for a new request",
        .fields.join(", ")
    )]
    IdempotencyKeyReused {
        /// The key.
        key: String,
        /// What differs.
        fields: Vec<String>,
    },
    /// The first call with this key is under way.
    #[error("a call with idempotency key '{0}' is under way; try again to hear its answer")]
    IdempotencyInProgress(String),
    /// The stream of an upload was closed without saying that this was all.
    #[error(
        "the stream was closed without a message `end` after {received_bytes} bytes; nothing was stored, send the \
         content again and `end` after it"
    )]
    UploadIncomplete {
        /// How much of the content had arrived.
        received_bytes: u64,
    },
    /// The content is not what the caller declared.
    #[error(
        "the content's {field} is {actual}, but {declared} was declared; nothing was stored, send the content again"
    )]
    ContentMismatch {
        /// `content_hash` or `size_bytes`.
        field: &'static str,
        /// What the caller declared.
        declared: String,
        /// What arrived.
        actual: String,
    },
    /// The content was declared and not sent, and the tenant does not hold it where the caller could read it.
    #[error("content {0} is not held; send its bytes")]
    ContentMissing(String),
    /// The content is larger than this way of sending it allows.
    #[error("the content is larger than the limit of {limit_bytes} bytes{hint}")]
    FileTooLarge {
        /// The limit that it passed.
        limit_bytes: u64,
        /// Another way, if there is one; empty or starting with "; ".
        hint: &'static str,
    },
    /// The tenant's quota has no room for it.
    #[error(transparent)]
    QuotaExceeded(#[from] QuotaExceeded),
    /// The tenant may not keep an artifact that long. `None`: it may not keep one permanently.
    #[error("{}", TtlLimit(*.max))]
    TtlExceedsLimit {
        /// The longest time to live allowed; `None` when only "never" is refused.
        max: Option<Duration>,
    },
    /// The upload sent too little for too long, or outlived its lease.
    #[error("the upload has expired and nothing was stored: {0}; send it again from the start")]
    UploadExpired(&'static str),
    /// Events after the position that was asked for are forgotten.
    #[error(
        "events {}are forgotten: list the artifacts, then watch from position {first} on",
        .session.as_ref().map_or(String::new(), |id| format!("of session '{id}' "))
    )]
    EventsExpired {
        /// The session; `None` for a watch of several.
        session: Option<String>,
        /// The first position after which every event is there.
        first: i64,
    },
    /// This process has as many calls of a kind under way as it takes.
    #[error("the server has as many {0} as it takes; try again")]
    RateLimited(&'static str),
    /// A limit of the tenant or of the key is reached for now.
    #[error(transparent)]
    LimitReached(#[from] LimitReached),
    /// The tenant has as many of something as its plan allows.
    #[error(transparent)]
    CountReached(#[from] CountReached),
    /// There is no tenant of this name.
    #[error("there is no tenant '{0}'; `cairn admin tenants list` shows all")]
    TenantNotFound(String),
    /// This process ends; another one goes on.
    #[error("the server is stopping; try again")]
    Stopping,
    /// Postgres or the blob store does not answer; worth retrying.
    #[error("the {dependency} is not available at the moment; try again")]
    Unavailable {
        /// `database` or `blob store`.
        dependency: &'static str,
        /// For the log.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The stored bytes are not those that were committed.
    #[error("the stored bytes of artifact '{0}' are not those that were committed")]
    DataCorrupted(String),
    /// A record that cannot be read.
    #[error("the record of {record} '{id}' is damaged; the server's log says how")]
    RecordDamaged {
        /// What it is of, such as `artifact`.
        record: &'static str,
        /// Its id; `unknown` when that cannot be read either.
        id: String,
        /// For the log.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

/// The result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// One broken rule.
    #[must_use]
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation {
            field: field.into(),
            description: description.into(),
        }])
    }

    /// A fault of ours that has no cause but its description.
    #[must_use]
    pub fn internal(description: impl Into<String>) -> Self {
        Self::Internal(description.into().into())
    }
}

/// An error with all its causes, for those who run the store: causes are not for callers.
#[must_use]
pub fn describe(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        text += &format!(": {e}");
        cause = e.source();
    }
    text
}

/// One field at fault, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field in the request, such as `spec.filename` or `metadata["k"]`.
    pub field: String,
    /// The rule that it breaks.
    pub description: String,
}

/// Numbers for a message or its metadata: the first twenty.
pub struct Numbers<'a>(pub &'a [i32]);

impl fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, number) in self.0.iter().take(20).enumerate() {
            let separator = if i == 0 { "" } else { "," };
            write!(f, "{separator}{number}")?;
        }
        Ok(())
    }
}

struct Violations<'a>(&'a [Violation]);

impl fmt::Display for Violations<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, violation) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(
                f,
                "{separator}{}: {}",
                violation.field, violation.description
            )?;
        }
        Ok(())
    }
}

struct Conflict<'a>(&'a str, Option<&'a Artifact>);

impl fmt::Display for Conflict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            None => write!(f, "'{}' has no version now; nothing was changed", self.0),
            Some(current) => write!(
                f,
                "'{}' is at version {}, made at {}; nothing was changed: read it, then try again",
                self.0, current.version, current.created_at
            ),
        }
    }
}

struct TtlLimit(Option<Duration>);

impl fmt::Display for TtlLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(max) => write!(
                f,
                "this tenant keeps artifacts for at most {}; give a shorter ttl",
                HumanDuration(max)
            ),
            None => f.write_str("this tenant keeps no artifact permanently; give a ttl"),
        }
    }
}
