//! A caller: deletes, restores and extends artifacts, and publishes unpublished ones.
//!
//! With a session this takes two steps: one takes locks and reads, the other writes and commits. Otherwise it is one
//! transaction, which waits for the row, so nothing comes in between.

use super::collector::unpin;
use crate::{
    instance::Instance,
    invariants::ObjectState,
    state::{ArtifactRow, Caller, Sealer, State, has, numbers},
    variants::Variant,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Delete(u8),
    Restore(u8),
    /// Changes an artifact's expiry.
    Prolong(u8),
    Publish(u8),
    /// The second step of the operation that has begun.
    Finish,
    Crash,
}

pub(super) fn offer(instance: &Instance, state: &State) -> impl Iterator<Item = Step> {
    let idle = state.caller == Caller::Idle;
    let begun = numbers().filter(move |_| idle);
    let begun = begun.flat_map(|artifact| steps_on(instance, state, artifact));
    let finish = (!idle).then_some(Step::Finish);
    let crash = (!idle).then_some(Step::Crash);
    begun.flatten().chain(finish).chain(crash)
}

fn steps_on(instance: &Instance, state: &State, artifact: u8) -> [Option<Step>; 2] {
    let lock = state.sealer == Sealer::Idle;
    let open = state.db.manifest.is_none();
    match state.row(artifact) {
        Some(ArtifactRow::Live { .. }) if state.is_row_locked(artifact) => [None, None],
        Some(ArtifactRow::Live { expired, .. }) => {
            let delete = instance.deletions && !expired;
            // An expired artifact can still be read under a hold, or by a reader whose clock is behind.
            let prolong = instance.session;
            [
                delete.then_some(Step::Delete(artifact)),
                prolong.then_some(Step::Prolong(artifact)),
            ]
        }
        Some(ArtifactRow::Deleted { after, .. }) => {
            let lock = lock || instance.is(Variant::RestoreWithoutSessionLock);
            let listed = state.db.manifest.is_some_and(|set| has(set, artifact));
            let may = if instance.is(Variant::ManifestByTimes) {
                after
            } else {
                listed || instance.is(Variant::RestoreWhatIsNotListed)
            };
            let restore = lock && (open || may);
            [restore.then_some(Step::Restore(artifact)), None]
        }
        Some(ArtifactRow::Unpublished { .. }) => {
            let publish = lock && open;
            [publish.then_some(Step::Publish(artifact)), None]
        }
        _ => [None, None],
    }
}

pub(super) fn take(instance: &Instance, state: &mut State, step: Step) {
    let begun = match step {
        Step::Delete(artifact) => {
            let sealed = state.sealer != Sealer::Idle || state.db.manifest.is_some();
            let after = sealed && instance.is(Variant::ManifestByTimes);
            Caller::Deleting { artifact, after }
        }
        Step::Prolong(artifact) => Caller::Prolonging { artifact },
        Step::Restore(artifact) if instance.is(Variant::RestoreWithoutSecondLook) => {
            pin_again(state, artifact)
        }
        Step::Restore(artifact) => Caller::Restoring { artifact },
        Step::Publish(artifact) if instance.is(Variant::PublishInTwo) => {
            let again = pin_again(state, artifact);
            unpin(state, artifact, ArtifactRow::Discarded);
            again
        }
        Step::Publish(artifact) => Caller::Publishing { artifact },
        Step::Finish => {
            finish(instance, state, state.caller);
            Caller::Idle
        }
        Step::Crash => Caller::Idle,
    };
    let two_steps = instance.session || matches!(begun, Caller::PinningAgain { .. });
    if two_steps {
        state.caller = begun;
    } else {
        finish(instance, state, begun);
        state.caller = Caller::Idle;
    }
}

/// Remembers which object an artifact pins, regardless of later changes.
fn pin_again(state: &State, artifact: u8) -> Caller {
    let object = state.row(artifact).and_then(ArtifactRow::pins);
    object.map_or(Caller::Idle, |object| Caller::PinningAgain {
        artifact,
        object,
    })
}

/// Writes and commits. Once the row is locked, its current state is read again.
fn finish(instance: &Instance, state: &mut State, caller: Caller) {
    let row = |artifact| state.row(artifact);
    let (artifact, becomes) = match caller {
        Caller::Deleting { artifact, after } => match row(artifact) {
            Some(ArtifactRow::Live { object, .. }) => {
                (artifact, ArtifactRow::Deleted { object, after })
            }
            _ => return,
        },
        Caller::Restoring { artifact } => match row(artifact) {
            Some(ArtifactRow::Deleted { object, .. }) => (artifact, ArtifactRow::visible(object)),
            _ => return,
        },
        Caller::Prolonging { artifact } => match row(artifact) {
            Some(ArtifactRow::Live { object, .. }) => (artifact, ArtifactRow::visible(object)),
            _ => return,
        },
        Caller::Publishing { artifact } => match row(artifact) {
            Some(ArtifactRow::Unpublished { object }) => (artifact, ArtifactRow::visible(object)),
            _ => return,
        },
        Caller::PinningAgain { artifact, object } => {
            if instance.foreign_key && !state.db.is(object, ObjectState::Live) {
                return;
            }
            (artifact, ArtifactRow::visible(object))
        }
        Caller::Idle => return,
    };
    state.set_row(artifact, becomes);
}
