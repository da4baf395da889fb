//! What a caller can ask of the store, and the answers.

use std::collections::BTreeSet;

use cairn_store::{Origin, State};

pub(super) const NOT_FOUND: &str = "ARTIFACT_NOT_FOUND";
pub(super) const EXPIRED: &str = "ARTIFACT_EXPIRED";
pub(super) const DELETED: &str = "ARTIFACT_DELETED";
pub(super) const NO_SUCH_SESSION: &str = "SESSION_NOT_FOUND";
pub(super) const TOO_LATE: &str = "SESSION_SEALED";
pub(super) const HELD: &str = "LEGAL_HOLD";
pub(super) const CONFLICT: &str = "VERSION_CONFLICT";
pub(super) const MISMATCH: &str = "CONTENT_MISMATCH";
pub(super) const MISSING: &str = "CONTENT_MISSING";
pub(super) const INVALID: &str = "INVALID_ARGUMENT";

pub(super) const NO_SESSION: &str = "";

/// A file: its session, which may be none, and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct File {
    pub(super) session: &'static str,
    pub(super) name: &'static str,
}

/// The spec of an artifact to create.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) file: File,
    pub(super) follows: Follows,
    pub(super) return_existing: bool,
    pub(super) unpublished: bool,
    pub(super) persistent: bool,
    pub(super) ttl: Ttl,
}

/// Which version must precede the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    Any,
    /// The latest version at the call.
    Latest,
    /// Another version.
    Another,
    /// The number that the other two mean.
    Version(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ttl {
    /// Within the time that a test passes.
    Short,
    Long,
    Never,
}

/// How the content is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Whole,
    AsStream,
    /// Only its hash and size.
    Not,
    /// As a stream, and only if the store does not have it.
    IfMissing,
    /// Declared as another content.
    Misdeclared,
    /// To an upload that outlives its process, in two writes.
    InPieces,
    /// To an upload whose parts are put straight into S3.
    ToUrls,
}

/// Which artifacts a bulk deletion is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Matching {
    Session(&'static str),
    Filename(&'static str),
    Stage(&'static str),
}

/// A call. Artifacts are given by their places at first, and by their ids when it is made.
#[derive(Debug, Clone)]
pub(super) enum Call<A> {
    Create {
        spec: Spec,
        content: usize,
        sent: Sent,
    },
    Copy {
        source: A,
        spec: Spec,
    },
    /// All unpublished ones, if none are named.
    Publish {
        session: &'static str,
        ids: Vec<A>,
        seal: bool,
    },
    Seal(&'static str),
    Read(A),
    Update {
        id: A,
        ttl: Option<Ttl>,
        stage: &'static str,
    },
    Delete(A),
    /// Every version of it.
    DeleteFile(File),
    DeleteSession(&'static str),
    DeleteThese(Vec<A>),
    DeleteMatching(Matching),
    Restore(Vec<A>),
    Hold {
        ids: Vec<A>,
        hold: bool,
    },
    HoldSession {
        session: &'static str,
        hold: bool,
    },
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Made {
        origin: Origin,
        state: State,
        version: i64,
        /// The existing artifact.
        existing: Option<String>,
    },
    /// Bytes, by their place in the pool.
    Bytes(usize),
    Published(Vec<(String, i64)>),
    Updated {
        version: i64,
        stage: &'static str,
    },
    /// The session, whose current state is compared after every step.
    Session,
    Deleted,
    DeletedMany {
        count: u64,
        bytes: u64,
        not_deleted: BTreeSet<String>,
    },
    SessionDeleted {
        count: u64,
        bytes: u64,
        held: u64,
    },
    Restored {
        count: u64,
        not_restored: BTreeSet<String>,
    },
    Held {
        changed: u64,
        missing: BTreeSet<String>,
    },
    /// By the name of the reason; a fault of the server in words.
    Refused(String),
}

impl<A> Call<A> {
    /// The same call, with its artifacts given in another way.
    pub(super) fn map<B>(self, mut each: impl FnMut(A) -> B) -> Call<B> {
        match self {
            Self::Create {
                spec,
                content,
                sent,
            } => Call::Create {
                spec,
                content,
                sent,
            },
            Self::Copy { source, spec } => {
                let source = each(source);
                Call::Copy { source, spec }
            }
            Self::Publish { session, ids, seal } => {
                let ids = ids.into_iter().map(each).collect();
                Call::Publish { session, ids, seal }
            }
            Self::Seal(session) => Call::Seal(session),
            Self::Read(id) => Call::Read(each(id)),
            Self::Update { id, ttl, stage } => {
                let id = each(id);
                Call::Update { id, ttl, stage }
            }
            Self::Delete(id) => Call::Delete(each(id)),
            Self::DeleteFile(file) => Call::DeleteFile(file),
            Self::DeleteSession(session) => Call::DeleteSession(session),
            Self::DeleteThese(ids) => Call::DeleteThese(ids.into_iter().map(each).collect()),
            Self::DeleteMatching(matching) => Call::DeleteMatching(matching),
            Self::Restore(ids) => Call::Restore(ids.into_iter().map(each).collect()),
            Self::Hold { ids, hold } => {
                let ids = ids.into_iter().map(each).collect();
                Call::Hold { ids, hold }
            }
            Self::HoldSession { session, hold } => Call::HoldSession { session, hold },
        }
    }

    /// The spec of the artifact that it creates.
    pub(super) fn spec_mut(&mut self) -> Option<&mut Spec> {
        match self {
            Self::Create { spec, .. } | Self::Copy { spec, .. } => Some(spec),
            _ => None,
        }
    }
}

impl Call<String> {
    /// Every artifact that it names, once.
    pub(super) fn drop_repetitions(&mut self) {
        if let Self::Publish { ids, .. }
        | Self::DeleteThese(ids)
        | Self::Restore(ids)
        | Self::Hold { ids, .. } = self
        {
            let mut seen = BTreeSet::new();
            ids.retain(|id| seen.insert(id.clone()));
        }
    }
}
