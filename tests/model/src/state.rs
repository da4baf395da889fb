//! A state of the whole deployment: two databases, the store, the network, and the progress of every party.
//!
//! Uploads, objects, artifacts and keys have small numbers. An artifact has the number of its upload, and so has an
//! object, unless ids come from a sequence. Locks are not stored: the holder of each follows from the progress of the
//! parties.

use crate::{instance::Instance, invariants::ObjectState, variants::Variant};

/// The largest number of uploads, and so of objects, artifacts and keys.
pub(crate) const UPLOADS: usize = 3;

/// A set of numbers, one bit each.
pub(crate) type Set = u8;

/// The rows of one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Db {
    pub(crate) objects: [Option<ObjectRow>; UPLOADS],
    pub(crate) artifacts: [Option<ArtifactRow>; UPLOADS],
    /// What the session held when it was sealed, written down then.
    pub(crate) manifest: Option<Set>,
    /// Unknown keys that the scanner has seen.
    pub(crate) suspects: Set,
    /// The next id, where the database gives them.
    pub(crate) sequence: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ObjectRow {
    pub(crate) state: ObjectState,
    /// Its hash, once the upload is complete.
    pub(crate) content: Option<u8>,
    /// Queued for review.
    pub(crate) queued: bool,
}

/// The row of an artifact. `expired`: the artifact's time is over. `after`: it was deleted after the latest stamp of a
/// seal, which matters only to a variant that computes a manifest from times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ArtifactRow {
    Unpublished { object: u8 },
    Live { object: u8, expired: bool },
    Deleted { object: u8, after: bool },
    Purged { after: bool },
    Discarded,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Uploader {
    pub(crate) phase: Phase,
    /// A commit whose answer is lost; Postgres may still be running it, and holds its locks.
    pub(crate) doubt: Option<Commit>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    #[default]
    Idle,
    /// The staging row is committed; the bytes are not known to be stored.
    Staged { upload: u8, object: u8 },
    /// The bytes are stored, or none are to be.
    Stored { upload: u8, object: Option<u8> },
    /// Flight one of the commit is over: locked, and looked.
    Looked(Commit),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Commit {
    pub(crate) upload: u8,
    pub(crate) object: Option<u8>,
    pub(crate) duplicate: Option<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Collector {
    #[default]
    Idle,
    /// It has locked the object. `unpinned` is what it saw before, which it must not rely on.
    Reviewing { object: u8, unpinned: bool },
    /// The claim is committed; the bytes are to be deleted.
    Deleting { object: u8 },
    /// The bytes are deleted; that is to be recorded.
    Deleted { object: u8 },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Scanner {
    #[default]
    Idle,
    /// It knows which keys are known, and has not listed the store yet.
    Asked(Set),
    /// It knows which keys there are, and has not asked about them yet.
    Listed(Set),
    /// These keys are to be deleted.
    Deleting(Set),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Sealer {
    #[default]
    Idle,
    /// It has the session's lock and has taken the time of the seal.
    Stamped,
    /// It has ended these artifacts, which had expired, and holds their rows; the manifest is not written yet.
    Ended(Set),
}

/// A caller that changes an artifact of the session, in two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    #[default]
    Idle,
    /// It has the row's lock, and the time of the deletion.
    Deleting { artifact: u8, after: bool },
    /// It has the session's lock, and has seen that the session is open, or has the artifact in its manifest.
    Restoring { artifact: u8 },
    /// It has the session's lock, and has seen that the session is open.
    Publishing { artifact: u8 },
    /// It has the row's lock, and has seen that the artifact can be read.
    Prolonging { artifact: u8 },
    /// It knows what the artifact pinned, and will pin it again without a second check.
    PinningAgain { artifact: u8, object: u8 },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The primary's rows.
    pub(crate) db: Db,
    /// The standby's rows: the primary's rows at some earlier time.
    pub(crate) standby: Db,
    /// The content under each key.
    pub(crate) store: [Option<u8>; UPLOADS],
    /// Writes that no party waits for any more and that may still be applied.
    pub(crate) late_puts: [Option<u8>; UPLOADS],
    /// Deletes that no party waits for any more and that may still be applied.
    pub(crate) late_deletes: Set,
    pub(crate) uploaders: [Uploader; 2],
    pub(crate) collectors: [Collector; 2],
    pub(crate) scanner: Scanner,
    pub(crate) sealer: Sealer,
    pub(crate) caller: Caller,
    /// How many uploads have begun.
    pub(crate) begun: u8,
    pub(crate) failovers: u8,
    /// Something went back that must not; never reset.
    pub(crate) came_back: bool,
}

pub(crate) fn bit(number: u8) -> Set {
    1 << number
}

pub(crate) fn has(set: Set, number: u8) -> bool {
    set & bit(number) != 0
}

/// All numbers.
pub(crate) fn numbers() -> impl Iterator<Item = u8> {
    0..UPLOADS as u8
}

impl ArtifactRow {
    /// An artifact that can be read.
    pub(crate) const fn visible(object: u8) -> Self {
        let expired = false;
        Self::Live { object, expired }
    }

    /// The object that it pins.
    pub(crate) fn pins(self) -> Option<u8> {
        match self {
            Self::Unpublished { object }
            | Self::Live { object, .. }
            | Self::Deleted { object, .. } => Some(object),
            Self::Purged { .. } | Self::Discarded => None,
        }
    }
}

impl Db {
    pub(crate) fn state_of(&self, object: u8) -> Option<ObjectState> {
        self.objects[usize::from(object)].map(|row| row.state)
    }

    pub(crate) fn is(&self, object: u8, state: ObjectState) -> bool {
        self.state_of(object) == Some(state)
    }

    pub(crate) fn set(&mut self, object: u8, state: ObjectState) {
        if let Some(row) = &mut self.objects[usize::from(object)] {
            row.state = state;
        }
    }

    pub(crate) fn queue(&mut self, object: u8) {
        if let Some(row) = &mut self.objects[usize::from(object)] {
            row.queued = true;
        }
    }

    pub(crate) fn unqueue(&mut self, object: u8) {
        if let Some(row) = &mut self.objects[usize::from(object)] {
            row.queued = false;
        }
    }

    /// Ends an upload, whose content is now known. Creates the row if it is missing.
    pub(crate) fn settle(&mut self, object: u8, state: ObjectState, content: u8) {
        self.objects[usize::from(object)] = Some(ObjectRow {
            state,
            content: Some(content),
            queued: false,
        });
    }

    /// Records that bytes are gone. Of such rows only their existence matters.
    pub(crate) fn bury(&mut self, object: u8) {
        self.objects[usize::from(object)] = Some(ObjectRow {
            state: ObjectState::Gone,
            content: None,
            queued: false,
        });
    }

    /// The object in this state that has this content.
    pub(crate) fn with_content(&self, state: ObjectState, content: u8) -> Option<u8> {
        let mut rows = numbers().zip(&self.objects);
        let has = |row: &ObjectRow| row.state == state && row.content == Some(content);
        let found = rows.find(|(_, row)| row.as_ref().is_some_and(has));
        found.map(|(object, _)| object)
    }

    pub(crate) fn is_pinned(&self, object: u8) -> bool {
        let mut rows = self.artifacts.iter().flatten();
        rows.any(|artifact| artifact.pins() == Some(object))
    }

    /// The artifacts whose rows are like this.
    pub(crate) fn those(&self, like: impl Fn(&ArtifactRow) -> bool) -> Set {
        let rows = numbers().zip(&self.artifacts);
        let those = rows.filter(|(_, row)| row.as_ref().is_some_and(&like));
        those.fold(0, |set, (number, _)| set | bit(number))
    }

    /// What the session holds: its manifest, and whatever can be read.
    pub(crate) fn members(&self) -> Set {
        let readable = |row: &ArtifactRow| matches!(row, ArtifactRow::Live { expired: false, .. });
        self.manifest.unwrap_or_default() | self.those(readable)
    }

    /// The same, computed from times: what can be read, and what was deleted after the stamp.
    pub(crate) fn members_by_times(&self) -> Set {
        self.those(|row| {
            matches!(
                row,
                ArtifactRow::Live { expired: false, .. }
                    | ArtifactRow::Deleted { after: true, .. }
                    | ArtifactRow::Purged { after: true }
            )
        })
    }
}

impl State {
    /// The commits that hold their locks: those that have read, and those in doubt.
    pub(crate) fn commits(&self) -> impl Iterator<Item = Commit> {
        self.uploaders.iter().flat_map(|uploader| {
            let looked = match uploader.phase {
                Phase::Looked(commit) => Some(commit),
                _ => None,
            };
            looked.into_iter().chain(uploader.doubt)
        })
    }

    /// Whether a commit holds this object, its own or a duplicate.
    pub(crate) fn is_locked(&self, instance: &Instance, object: u8) -> bool {
        let shares = !instance.is(Variant::DedupeWithoutLock);
        self.commits().any(|commit| {
            commit.object == Some(object) || (shares && commit.duplicate == Some(object))
        })
    }

    /// Whether a worker reviews this object.
    pub(crate) fn is_reviewed(&self, object: u8) -> bool {
        let mut collectors = self.collectors.iter();
        collectors.any(|c| matches!(c, Collector::Reviewing { object: o, .. } if *o == object))
    }

    /// Whether a worker is deleting the bytes under this key.
    pub(crate) fn is_being_deleted(&self, instance: &Instance, key: u8) -> bool {
        self.collectors.iter().any(|collector| match collector {
            Collector::Deleting { object } | Collector::Deleted { object } => {
                key_of(instance, *object) == key
            }
            _ => false,
        })
    }

    /// Whether a transaction holds the row of this artifact.
    pub(crate) fn is_row_locked(&self, artifact: u8) -> bool {
        let ended = match self.sealer {
            Sealer::Ended(rows) => has(rows, artifact),
            _ => false,
        };
        let changing = match self.caller {
            Caller::Deleting { artifact, .. } | Caller::Prolonging { artifact } => Some(artifact),
            _ => None,
        };
        ended || changing == Some(artifact)
    }

    pub(crate) fn row(&self, artifact: u8) -> Option<ArtifactRow> {
        self.db.artifacts[usize::from(artifact)]
    }

    pub(crate) fn set_row(&mut self, artifact: u8, row: ArtifactRow) {
        self.db.artifacts[usize::from(artifact)] = Some(row);
    }
}

/// The key of an object's bytes.
pub(crate) fn key_of(instance: &Instance, object: u8) -> u8 {
    if instance.is(Variant::KeyFromContent) || instance.is(Variant::LockedKeyFromContent) {
        instance.contents[usize::from(object)]
    } else {
        object
    }
}
