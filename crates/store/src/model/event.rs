//! Events of sessions.

use jiff::Timestamp;

use super::{
    artifact::{Artifact, State},
    error::Result,
    record::Stage,
    spec::check_labels,
    text::Identifier,
    validate::Violations,
};

/// An event of a session.
#[derive(Debug, Clone)]
pub struct Event {
    /// 1, 2, 3 … within the session, or a number that increases along all sessions of the tenant.
    pub position: i64,
    /// The session in which it happened.
    pub session_id: String,
    /// When.
    pub occurred_at: Timestamp,
    /// What.
    pub what: EventKind,
    /// The subject of an event.
    pub subject: Subject,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// An artifact became visible.
    Created,
    /// An artifact moved from one stage to another.
    Staged {
        /// The stage before.
        from: Stage,
        /// The stage since.
        to: Stage,
        /// Who moved it; may be empty.
        agent_id: String,
    },
    /// An artifact was deleted, or found to have expired.
    Deleted,
    /// An artifact was restored.
    Restored,
    /// The session was sealed.
    Sealed,
}

/// The subject of an event.
#[derive(Debug, Clone)]
pub enum Subject {
    /// The session itself.
    Session,
    /// An artifact, as it is now.
    Artifact(Box<Artifact>, State),
    /// The artifact with this id, whose record is gone.
    Forgotten(String),
}

/// Where a watch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchStart {
    /// After this position; 0: from the first event.
    After(i64),
    /// From now on.
    Now,
}

/// A batch of events for a watcher.
#[derive(Debug, Clone)]
pub struct EventBatch {
    /// The events, in order; none in a keepalive message.
    pub events: Vec<Event>,
    /// The position from which to continue.
    pub position: i64,
}

/// Which sessions of a tenant are watched.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Any of these; empty: every session.
    pub(crate) sessions: Vec<String>,
    /// All of these; empty: any.
    pub(crate) labels: Vec<String>,
    /// Whether the watch ends when all named sessions are sealed.
    pub(crate) until_sealed: bool,
}

impl Watched {
    /// The most sessions that are named: each event is compared with all of them.
    const MAX_SESSIONS: usize = 100;
    /// The most labels.
    const MAX_LABELS: usize = 8;

    /// Takes the ids of sessions and the labels that a session must all have. Neither means every session.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault.
    pub fn new(ids: Vec<String>, labels: Vec<String>, until_sealed: bool) -> Result<Self> {
        let mut faults = Violations::new();
        let ids = faults.each("session_ids", ids, Self::MAX_SESSIONS, Identifier::new);
        let few = faults.fits("labels", labels.len(), Self::MAX_LABELS);
        let labels = if few {
            check_labels(&mut faults, "labels", labels)
        } else {
            Vec::new()
        };
        if until_sealed && (ids.is_empty() || !labels.is_empty()) {
            let rule = "must be given with session_ids and without labels";
            faults.add("until_sealed", rule);
        }
        let sessions = ids.iter().map(|id| id.as_str().to_owned()).collect();
        faults.finish(Some(Self {
            sessions,
            labels,
            until_sealed,
        }))
    }
}
