//! What happens in sessions.

use jiff::Timestamp;

use super::{
    artifact::{Artifact, State},
    record::Stage,
};

/// Something that happened in a session.
#[derive(Debug, Clone)]
pub struct Event {
    /// 1, 2, 3 … within the session.
    pub position: i64,
    /// When.
    pub occurred_at: Timestamp,
    /// What.
    pub what: Happening,
    /// What it happened to.
    pub subject: Subject,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
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

/// What it happened to.
#[derive(Debug, Clone)]
pub enum Subject {
    /// The session itself.
    Session,
    /// An artifact, as it is now.
    Artifact(Box<Artifact>, State),
    /// The artifact with this id, whose record is gone.
    Forgotten(String),
}

/// Where watching begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchStart {
    /// After this position; 0: with the first event.
    After(i64),
    /// With what happens from now on.
    Now,
}

/// What a watcher is told at once.
#[derive(Debug, Clone)]
pub struct Told {
    /// What happened, in order; nothing in a sign of life.
    pub events: Vec<Event>,
    /// Where to go on from.
    pub position: i64,
}
