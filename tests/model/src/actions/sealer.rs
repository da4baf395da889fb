//! The sealer: takes the session's lock, ends what has expired, writes the manifest of what is live, and commits.

use super::uploader::enters_session;
use crate::{
    instance::Instance,
    state::{ArtifactRow, Caller, Sealer, Set, State, has, numbers},
    variants::Variant,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Stamp,
    /// Ends what has expired, once every holder of such a row has ended.
    End,
    /// Writes what is live into the manifest, in a later statement, and commits.
    Seal,
    Crash,
}

pub(super) fn offer(instance: &Instance, state: &State) -> impl Iterator<Item = Step> {
    let (first, crash) = match state.sealer {
        Sealer::Idle => {
            let open = instance.session && state.db.manifest.is_none();
            let may = open && !has_writers(instance, state);
            (may.then_some(Step::Stamp), None)
        }
        Sealer::Stamped => {
            let mut expired = numbers().filter(|artifact| has(expired(instance, state), *artifact));
            let waits = expired.any(|artifact| state.is_row_locked(artifact));
            ((!waits).then_some(Step::End), Some(Step::Crash))
        }
        Sealer::Ended(_) => (Some(Step::Seal), Some(Step::Crash)),
    };
    first.into_iter().chain(crash)
}

/// Whether a transaction holds the session's lock shared.
fn has_writers(instance: &Instance, state: &State) -> bool {
    let mut commits = state.commits();
    let commits = !instance.is(Variant::CommitWithoutSessionLock)
        && commits.any(|commit| enters_session(instance, commit.upload));
    commits
        || match state.caller {
            Caller::Restoring { .. } => !instance.is(Variant::RestoreWithoutSessionLock),
            Caller::Publishing { .. } => true,
            _ => false,
        }
}

/// What the seal ends.
fn expired(instance: &Instance, state: &State) -> Set {
    if instance.is(Variant::SealWithoutEnding) || instance.is(Variant::ManifestByTimes) {
        return 0;
    }
    let expired = |row: &ArtifactRow| matches!(row, ArtifactRow::Live { expired: true, .. });
    state.db.those(expired)
}

pub(super) fn take(instance: &Instance, state: &mut State, step: Step) {
    match (step, state.sealer) {
        (Step::Stamp, _) => {
            stamp(state);
            state.sealer = Sealer::Stamped;
        }
        (Step::End, _) => state.sealer = Sealer::Ended(expired(instance, state)),
        (Step::Seal, Sealer::Ended(rows)) => {
            for artifact in numbers().filter(|artifact| has(rows, *artifact)) {
                if let Some(object) = state.row(artifact).and_then(ArtifactRow::pins) {
                    let after = false;
                    state.set_row(artifact, ArtifactRow::Deleted { object, after });
                }
            }
            state.db.manifest = Some(manifest(instance, state));
            state.sealer = Sealer::Idle;
        }
        _ => state.sealer = Sealer::Idle,
    }
}

/// Everything live, because expired artifacts were ended; without that, everything readable.
fn manifest(instance: &Instance, state: &State) -> Set {
    let db = &state.db;
    if instance.is(Variant::ManifestByTimes) {
        return db.members_by_times();
    }
    let readable_only = instance.is(Variant::SealWithoutEnding);
    db.those(|row| match row {
        ArtifactRow::Live { expired, .. } => !(readable_only && *expired),
        _ => false,
    })
}

/// Everything that has been deleted so far was deleted before this seal.
fn stamp(state: &mut State) {
    for row in state.db.artifacts.iter_mut().flatten() {
        match row {
            ArtifactRow::Deleted { after, .. } | ArtifactRow::Purged { after } => *after = false,
            _ => {}
        }
    }
    if let Caller::Deleting { after, .. } = &mut state.caller {
        *after = false;
    }
}
