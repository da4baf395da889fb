//! The store as plain data: what every call must answer, and what must exist after it.

mod answers;
mod collector;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use collector::counted_by;

use super::call::{DELETED, EXPIRED, File, Follows, NOT_FOUND, Ttl};

/// All that a tenant can see of its store, and what pins bytes.
#[derive(Debug, Default)]
pub(super) struct Reference {
    /// In the order of their creation.
    pub(super) artifacts: Vec<Record>,
    /// In the order of their publication.
    pub(super) waiting: Vec<Waiting>,
    pub(super) sessions: BTreeMap<&'static str, Session>,
    /// The last version assigned to each file.
    versions: BTreeMap<File, i64>,
    /// The contents that have a live object.
    objects: BTreeSet<usize>,
}

/// A published artifact, in any state.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) file: File,
    pub(super) version: i64,
    /// By its place in the pool.
    pub(super) content: usize,
    pub(super) stage: &'static str,
    pub(super) until: Until,
    pub(super) life: Life,
    pub(super) held: bool,
    pub(super) session_held: bool,
    pub(super) persistent: bool,
    /// The source, if it is a copy.
    pub(super) input: Option<String>,
}

/// An unpublished artifact.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: String,
    pub(super) file: File,
    pub(super) content: usize,
    pub(super) ttl: Ttl,
    pub(super) follows: Option<i64>,
    pub(super) input: Option<String>,
    pub(super) persistent: bool,
    /// It waited too long.
    pub(super) overdue: bool,
}

/// How long an artifact can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Longer than a test passes.
    Later,
    Soon,
    /// Its time is over.
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Live,
    Deleted {
        /// Its own time was over then.
        of_age: bool,
        window_over: bool,
    },
    Purged {
        of_age: bool,
        retention_over: bool,
    },
}

#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) held: bool,
    /// Its manifest.
    pub(super) manifest: Option<BTreeSet<String>>,
}

impl From<Ttl> for Until {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Short => Self::Soon,
            Ttl::Long | Ttl::Never => Self::Later,
        }
    }
}

impl Record {
    pub(super) fn is_held(&self) -> bool {
        self.held || self.session_held
    }

    pub(super) fn is_visible(&self) -> bool {
        self.life == Life::Live && (self.until != Until::Over || self.is_held())
    }

    /// Its deletion could be undone, if its session were not sealed.
    pub(super) fn is_in_window(&self) -> bool {
        let open = matches!(
            self.life,
            Life::Deleted {
                window_over: false,
                ..
            }
        );
        open && self.until != Until::Over
    }

    fn delete(&mut self) {
        self.life = Life::Deleted {
            of_age: self.until == Until::Over,
            window_over: false,
        };
    }

    /// Its time is over and nothing holds it, and the store has not recorded that yet.
    fn is_due(&self) -> bool {
        self.life == Life::Live && !self.is_visible()
    }

    /// Why it cannot be read.
    fn why_not(&self) -> &'static str {
        match self.life {
            Life::Live => EXPIRED,
            Life::Deleted { of_age: true, .. } | Life::Purged { of_age: true, .. } => EXPIRED,
            Life::Deleted { .. } | Life::Purged { .. } => DELETED,
        }
    }
}

impl Reference {
    /// Every id that ever existed.
    pub(super) fn ids(&self) -> Vec<String> {
        let published = self.artifacts.iter().map(|record| record.id.clone());
        let waiting = self.waiting.iter().map(|waiting| waiting.id.clone());
        published.chain(waiting).collect()
    }

    pub(super) fn visible(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.artifacts.iter().filter(|record| record.is_visible())
    }

    /// How many are deleted and still pin their bytes.
    pub(super) fn deleted(&self) -> usize {
        let is_deleted = |record: &&Record| matches!(record.life, Life::Deleted { .. });
        self.artifacts.iter().filter(is_deleted).count()
    }

    fn find(&self, id: &str) -> Option<&Record> {
        self.artifacts.iter().find(|record| record.id == id)
    }

    /// A visible artifact, or why there is none.
    pub(super) fn readable(&mut self, id: &str) -> Result<&mut Record, &'static str> {
        let found = self.artifacts.iter_mut().find(|record| record.id == id);
        let record = found.ok_or(NOT_FOUND)?;
        if record.is_visible() {
            Ok(record)
        } else {
            Err(record.why_not())
        }
    }

    /// The latest visible version of a file.
    fn latest(&self, file: File) -> Option<&Record> {
        let versions = self.visible().filter(|record| record.file == file);
        versions.max_by_key(|record| record.version)
    }

    pub(super) fn latest_version(&self, file: File) -> i64 {
        self.latest(file).map_or(0, |record| record.version)
    }

    /// The publishable artifacts of a session.
    pub(super) fn waiting_in(&self, session: &str) -> impl Iterator<Item = &Waiting> {
        let waiting = self.waiting.iter();
        waiting.filter(move |waiting| waiting.file.session == session && !waiting.overdue)
    }

    /// Resolves "the latest version" and "another version".
    pub(super) fn pin_down(&self, file: File, follows: Follows) -> Follows {
        match follows {
            Follows::Latest => Follows::Version(self.latest_version(file)),
            Follows::Another => Follows::Version(self.latest_version(file) + 1),
            given => given,
        }
    }

    /// Whether anything pins this content.
    fn is_pinned(&self, content: usize) -> bool {
        let unpurged = |record: &Record| !matches!(record.life, Life::Purged { .. });
        let mut artifacts = self.artifacts.iter();
        let mut waiting = self.waiting.iter();
        artifacts.any(|record| record.content == content && unpurged(record))
            || waiting.any(|waiting| waiting.content == content)
    }

    fn is_sealed(&self, session: &str) -> bool {
        let session = self.sessions.get(session);
        session.is_some_and(|session| session.manifest.is_some())
    }

    fn next_version(&mut self, file: File) -> i64 {
        let last = self.versions.entry(file).or_default();
        *last += 1;
        *last
    }

    /// Records that the time of what has expired in a session is over.
    fn end_expired(&mut self, session: &str) {
        let due = |record: &&mut Record| record.file.session == session && record.is_due();
        self.artifacts
            .iter_mut()
            .filter(due)
            .for_each(Record::delete);
    }

    fn seal(&mut self, session: &'static str) {
        self.end_expired(session);
        let live = self.artifacts.iter();
        let live =
            live.filter(|record| record.file.session == session && record.life == Life::Live);
        let manifest = live.map(|record| record.id.clone()).collect();
        self.sessions.entry(session).or_default().manifest = Some(manifest);
    }
}
