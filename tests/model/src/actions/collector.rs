//! The collector: passes that are one transaction each, and workers, who review queued objects and reclaim condemned
//! ones. A worker that gets no answer to its delete is one that dies before it can record the deletion.
//!
//! Leases may run out at any time, because clocks may be wrong, and delete windows may end at any time. The grace may
//! end at any time too, unless a standby may take over: then it is longer than the lag, so the standby has the
//! condemnation.

use crate::{
    instance::Instance,
    invariants::ObjectState,
    state::{ArtifactRow, Collector, Sealer, State, bit, key_of, numbers},
    variants::Variant,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Takes the object from the queue and locks it.
    Review(u8),
    /// Looks for artifacts in a new statement, condemns the object or not, and commits.
    Decide,
    /// Claims a condemned object whose grace is over, and commits.
    Claim(u8),
    Delete,
    /// The request times out and may still be applied.
    DeleteLate,
    /// Records that the bytes are gone.
    Record,
    Crash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// The lease of an upload has run out.
    Stale(u8),
    /// The time of an artifact is over.
    Expire(u8),
    /// The delete window of an artifact is over. How an expired artifact is deleted is left out.
    Purge(u8),
    /// An unpublished artifact is given up.
    Discard(u8),
}

pub(super) fn offer(
    instance: &Instance,
    state: &State,
    worker: usize,
) -> impl Iterator<Item = Step> {
    let collector = state.collectors[worker];
    let fixed: &[Step] = match collector {
        Collector::Idle => &[],
        Collector::Reviewing { .. } => &[Step::Decide, Step::Crash],
        Collector::Deleting { .. } => &[Step::Delete, Step::DeleteLate, Step::Crash],
        Collector::Deleted { .. } => &[Step::Record, Step::Crash],
    };
    let fixed = fixed.iter().copied().filter(move |step| match step {
        Step::DeleteLate => instance.unclear,
        Step::Decide => may_decide(instance, state, collector),
        _ => true,
    });
    let idle = collector == Collector::Idle;
    let work = numbers().filter(move |_| idle);
    fixed.chain(work.filter_map(|object| work_on(instance, state, object)))
}

/// What an idle worker can do about an object.
fn work_on(instance: &Instance, state: &State, object: u8) -> Option<Step> {
    let row = state.db.objects[usize::from(object)]?;
    match row.state {
        ObjectState::Live if row.queued && !state.is_reviewed(object) => {
            // A statement that waits for the lock has already begun, and keeps its snapshot.
            let waits = instance.is(Variant::CondemnWithoutSecondLook);
            (waits || !state.is_locked(instance, object)).then_some(Step::Review(object))
        }
        ObjectState::Condemned => {
            let used =
                instance.is(Variant::LockedKeyFromContent) && is_key_used(instance, state, object);
            let due = grace_is_over(instance, state, object) && !used;
            due.then_some(Step::Claim(object))
        }
        _ => None,
    }
}

/// Whether an upload or an artifact uses the key of this condemned object.
fn is_key_used(instance: &Instance, state: &State, object: u8) -> bool {
    let key = key_of(instance, object);
    let mut users = numbers().filter(|other| {
        state.db.is(*other, ObjectState::Staging) || state.db.is(*other, ObjectState::Live)
    });
    users.any(|other| key_of(instance, other) == key)
}

fn grace_is_over(instance: &Instance, state: &State, object: u8) -> bool {
    let standby = state.standby.state_of(object);
    state.failovers >= instance.failovers
        || instance.is(Variant::GraceWithinLag)
        || matches!(standby, Some(ObjectState::Condemned | ObjectState::Gone))
}

fn may_decide(instance: &Instance, state: &State, collector: Collector) -> bool {
    match collector {
        Collector::Reviewing { object, .. } => !state.is_locked(instance, object),
        _ => false,
    }
}

pub(super) fn take(instance: &Instance, state: &mut State, worker: usize, step: Step) {
    let next = match (step, state.collectors[worker]) {
        (Step::Review(object), _) => {
            let stale = instance.is(Variant::CondemnWithoutSecondLook);
            let unpinned = stale && !state.db.is_pinned(object);
            Collector::Reviewing { object, unpinned }
        }
        (Step::Decide, Collector::Reviewing { object, unpinned }) => {
            decide(instance, state, object, unpinned)
        }
        (Step::Claim(object), _) => Collector::Deleting { object },
        (Step::Delete, Collector::Deleting { object }) => {
            delete(instance, state, object);
            Collector::Deleted { object }
        }
        (Step::DeleteLate, Collector::Deleting { object }) => {
            state.late_deletes |= bit(key_of(instance, object));
            Collector::Idle
        }
        (Step::Record, Collector::Deleted { object }) => {
            record(instance, state, object);
            Collector::Idle
        }
        _ => Collector::Idle,
    };
    state.collectors[worker] = next;
}

fn decide(instance: &Instance, state: &mut State, object: u8, seen: bool) -> Collector {
    let db = &mut state.db;
    let forgotten = |row: &ArtifactRow| {
        instance.is(Variant::UnpublishedForgotten) && matches!(row, ArtifactRow::Unpublished { .. })
    };
    let mut rows = db.artifacts.iter().flatten();
    let found = rows.any(|row| row.pins() == Some(object) && !forgotten(row));
    let unpinned = if instance.is(Variant::CondemnWithoutSecondLook) {
        seen
    } else {
        !found
    };
    if unpinned && instance.is(Variant::BytesFirst) {
        return Collector::Deleting { object };
    }
    if unpinned && instance.foreign_key && db.is_pinned(object) {
        return Collector::Idle; // Postgres refuses; the object stays queued
    }
    if unpinned && db.is(object, ObjectState::Live) {
        db.set(object, ObjectState::Condemned);
    }
    db.unqueue(object);
    Collector::Idle
}

fn delete(instance: &Instance, state: &mut State, object: u8) {
    state.store[usize::from(key_of(instance, object))] = None;
}

fn record(instance: &Instance, state: &mut State, object: u8) {
    let db = &mut state.db;
    let first = instance.is(Variant::BytesFirst) && !db.is_pinned(object);
    if !first && !db.is(object, ObjectState::Condemned) {
        return;
    }
    if instance.is(Variant::CommitMakesRow) {
        db.objects[usize::from(object)] = None;
    } else {
        db.bury(object);
    }
}

/// The work that the passes find. They skip a row that a commit has locked; a step that queues an object waits for its
/// review.
pub(super) fn passes(instance: &Instance, state: &State) -> impl Iterator<Item = Pass> {
    let stale = numbers().filter(|object| {
        state.db.is(*object, ObjectState::Staging) && !state.is_locked(instance, *object)
    });
    let others = numbers().filter_map(|artifact| match state.row(artifact)? {
        ArtifactRow::Live { expired: false, .. } => {
            // Computed from times, an artifact that expires later existed at the seal.
            let times = instance.is(Variant::ManifestByTimes);
            let open = state.sealer == Sealer::Idle && state.db.manifest.is_none();
            let may = instance.session && instance.deletions && (open || !times);
            may.then_some(Pass::Expire(artifact))
        }
        ArtifactRow::Live { object, .. } | ArtifactRow::Deleted { object, .. } => {
            let locked = state.is_reviewed(object) || state.is_row_locked(artifact);
            (!locked).then_some(Pass::Purge(artifact))
        }
        ArtifactRow::Unpublished { object } => {
            (!state.is_reviewed(object)).then_some(Pass::Discard(artifact))
        }
        ArtifactRow::Purged { .. } | ArtifactRow::Discarded => None,
    });
    stale.map(Pass::Stale).chain(others)
}

pub(super) fn take_pass(instance: &Instance, state: &mut State, pass: Pass) {
    match pass {
        Pass::Stale(object) => state.db.set(object, ObjectState::Condemned),
        Pass::Expire(artifact) => {
            if let Some(ArtifactRow::Live { object, .. }) = state.row(artifact) {
                let expired = true;
                state.set_row(artifact, ArtifactRow::Live { object, expired });
            }
        }
        Pass::Purge(artifact) => {
            let row = state.row(artifact);
            let after = matches!(row, Some(ArtifactRow::Deleted { after: true, .. }));
            unpin(state, artifact, ArtifactRow::Purged { after });
        }
        Pass::Discard(artifact) if instance.is(Variant::DiscardWithoutQueue) => {
            state.set_row(artifact, ArtifactRow::Discarded);
        }
        Pass::Discard(artifact) => unpin(state, artifact, ArtifactRow::Discarded),
    }
}

/// Unpins an artifact's object, and queues it.
pub(super) fn unpin(state: &mut State, artifact: u8, end: ArtifactRow) {
    if let Some(object) = state.row(artifact).and_then(ArtifactRow::pins) {
        state.set_row(artifact, end);
        state.db.queue(object);
    }
}
