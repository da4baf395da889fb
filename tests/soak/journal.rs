//! The requests of the clients and the answers: all that a caller can know.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use super::contents::Content;

/// What a caller may expect of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// It is unpublished.
    Unpublished,
    /// It must be readable.
    Live,
    /// It may have expired.
    Mortal,
    /// It must not be readable.
    Deleted,
    /// A write to it was refused after attempts with an unknown outcome, or it is no longer expected to be published.
    Unknown,
}

/// An artifact that an answer named.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) content: Arc<Content>,
    pub(super) session: String,
    pub(super) filename: String,
    pub(super) version: i64,
    pub(super) life: Life,
    pub(super) held: bool,
    /// When it was requested, or its publication.
    pub(super) asked: Instant,
    /// When its end was first requested: a deletion, or a time to live.
    pub(super) end_asked: Option<Instant>,
    /// When it was first reported as deleted.
    pub(super) end_answered: Option<Instant>,
    pub(super) restored: bool,
    /// Its time to live is short.
    pub(super) limited: bool,
}

#[derive(Debug, Default)]
pub(super) struct Session {
    /// When a seal was first requested.
    pub(super) seal_asked: Option<Instant>,
    /// When the seal was first answered.
    pub(super) sealed: Option<Instant>,
    /// The digest in the answer.
    pub(super) digest: Option<String>,
    /// Whether a write into it was refused after attempts with an unknown outcome.
    pub(super) doubtful: bool,
}

#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) records: HashMap<String, Record>,
    pub(super) sessions: HashMap<String, Session>,
    /// Titles of writes that were refused at the first attempt, and so were never made.
    pub(super) refused: HashSet<String>,
    /// Assigned versions: scope and filename, then the artifact.
    pub(super) versions: HashMap<(String, String, i64), String>,
    /// The sessions that writers write to.
    pub(super) open: Vec<String>,
    pub(super) sealed: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<Entries>);

impl Journal {
    pub(super) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap()
    }

    /// Changes a record.
    pub(super) fn change(&self, id: &str, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.entries().records.get_mut(id) {
            change(record);
        }
    }

    pub(super) fn record(&self, id: &str) -> Option<Record> {
        self.entries().records.get(id).cloned()
    }

    pub(super) fn seal_asked(&self, session: &str) {
        let mut entries = self.entries();
        let known = entries.sessions.entry(session.to_owned()).or_default();
        known.seal_asked.get_or_insert_with(Instant::now);
    }

    /// Returns the earlier digest, if it was another one.
    pub(super) fn sealed(&self, session: &str, digest: &str) -> Option<String> {
        let mut entries = self.entries();
        let known = entries.sessions.entry(session.to_owned()).or_default();
        known.sealed.get_or_insert_with(Instant::now);
        let told = known
            .digest
            .get_or_insert_with(|| digest.to_owned())
            .clone();
        if !entries.sealed.iter().any(|sealed| sealed == session) {
            entries.sealed.push(session.to_owned());
            entries.open.retain(|open| open != session);
        }
        (told != digest).then_some(told)
    }
}
