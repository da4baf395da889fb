//! The sealer: it takes the session's lock and the time of the seal, then reads the manifest and commits.

use super::uploader::enters_session;
use crate::{
    instance::Instance,
    state::{ArtifactRow, Caller, Sealer, State},
    variants::Variant,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Stamp,
    /// Reads the manifest once whoever is deleting has ended, keeps it, and commits.
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
            let deleting = matches!(state.caller, Caller::Deleting { .. });
            let may = !deleting || instance.is(Variant::TimeBeforeLock);
            (may.then_some(Step::Seal), Some(Step::Crash))
        }
    };
    first.into_iter().chain(crash)
}

/// Whether somebody holds the session's lock shared.
fn has_writers(instance: &Instance, state: &State) -> bool {
    let mut commits = state.commits();
    let commits = !instance.is(Variant::CommitWithoutSessionLock)
        && commits.any(|commit| enters_session(instance, commit.upload));
    commits
        || match state.caller {
            Caller::Restoring { .. } => !instance.is(Variant::RestoreWithoutSessionLock),
            Caller::Prolonging { .. } => !instance.is(Variant::ProlongWithoutSessionLock),
            Caller::Publishing { .. } => true,
            _ => false,
        }
}

pub(super) fn take(state: &mut State, step: Step) {
    match step {
        Step::Stamp => {
            stamp(state);
            state.sealer = Sealer::Stamped;
        }
        Step::Seal => {
            state.db.manifest = Some(state.db.members());
            state.sealer = Sealer::Idle;
        }
        Step::Crash => state.sealer = Sealer::Idle,
    }
}

/// Whatever has been deleted so far was deleted before this seal.
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
