//! Steps of the environment: requests and commits that arrive after all, replication, failover. A lost request is one
//! that never arrives.

use super::uploader::{apply, stored};
use crate::{
    instance::Instance,
    state::{Caller, Collector, Db, Phase, Sealer, State, bit, has, numbers},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    PutLands(u8),
    DeleteLands(u8),
    /// A commit in doubt has been made.
    CommitLands(usize),
    /// It has been rolled back.
    CommitFades(usize),
    /// The standby catches up.
    Replicate,
    /// The standby takes over, with what it has.
    FailOver,
}

pub(super) fn offer(instance: &Instance, state: &State) -> impl Iterator<Item = Step> {
    let puts = numbers().filter(|key| state.late_puts[usize::from(*key)].is_some());
    let deletes = numbers().filter(|key| has(state.late_deletes, *key));
    let uploaders = 0..state.uploaders.len();
    let doubts = uploaders.filter(|i| state.uploaders[*i].doubt.is_some());
    let doubts = doubts.flat_map(|i| [Step::CommitLands(i), Step::CommitFades(i)]);
    let lags = state.failovers < instance.failovers && state.standby != state.db;
    let replication = [Step::Replicate, Step::FailOver];
    puts.map(Step::PutLands)
        .chain(deletes.map(Step::DeleteLands))
        .chain(doubts)
        .chain(replication.into_iter().filter(move |_| lags))
}

pub(super) fn take(instance: &Instance, state: &mut State, step: Step) {
    match step {
        Step::PutLands(key) => {
            let content = state.late_puts[usize::from(key)].take();
            state.store[usize::from(key)] = content;
        }
        Step::DeleteLands(key) => {
            state.late_deletes &= !bit(key);
            state.store[usize::from(key)] = None;
        }
        Step::CommitLands(uploader) => {
            if let Some(commit) = state.uploaders[uploader].doubt.take() {
                apply(instance, state, commit);
            }
        }
        Step::CommitFades(uploader) => state.uploaders[uploader].doubt = None,
        Step::Replicate => state.standby = state.db,
        Step::FailOver => fail_over(instance, state),
    }
}

/// Ends every open transaction. What was committed and not replicated never happened.
fn fail_over(instance: &Instance, state: &mut State) {
    state.failovers += 1;
    state.db = state.standby;
    if state.failovers == instance.failovers {
        state.standby = Db::default(); // no party will ask for it again
    }
    for uploader in &mut state.uploaders {
        uploader.doubt = None;
        if let Phase::Looked(commit) = uploader.phase {
            uploader.phase = stored(commit);
        }
    }
    for collector in &mut state.collectors {
        if let Collector::Reviewing { .. } = collector {
            *collector = Collector::Idle;
        }
    }
    state.sealer = Sealer::Idle;
    state.caller = Caller::Idle;
}
