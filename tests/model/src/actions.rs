//! The steps of each party: one file a party, with its possible steps in a state and their effects.

mod caller;
mod collector;
mod failures;
mod scanner;
mod sealer;
mod uploader;

pub(crate) use scanner::known;

use crate::{instance::Instance, state::State};

/// One step of one party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Uploader(usize, uploader::Step),
    /// One transaction writes and commits both uploads, which have looked in it.
    WriteTogether,
    Collector(usize, collector::Step),
    Pass(collector::Pass),
    Scanner(scanner::Step),
    Caller(caller::Step),
    Sealer(sealer::Step),
    Failure(failures::Step),
}

/// Every possible next step. Of two identical parties, only one needs to take it.
pub(crate) fn offer(instance: &Instance, state: &State, actions: &mut Vec<Action>) {
    let [first, second] = state.uploaders;
    for uploader in 0..if first == second { 1 } else { 2 } {
        let steps = uploader::offer(instance, state, uploader);
        actions.extend(steps.map(|step| Action::Uploader(uploader, step)));
    }
    actions.extend(uploader::may_write_together(instance, state).then_some(Action::WriteTogether));
    let [first, second] = state.collectors;
    let workers = usize::from(instance.workers);
    for worker in 0..if first == second {
        workers.min(1)
    } else {
        workers
    } {
        let steps = collector::offer(instance, state, worker);
        actions.extend(steps.map(|step| Action::Collector(worker, step)));
    }
    actions.extend(collector::passes(instance, state).map(Action::Pass));
    actions.extend(scanner::offer(instance, state).map(Action::Scanner));
    actions.extend(caller::offer(instance, state).map(Action::Caller));
    actions.extend(sealer::offer(instance, state).map(Action::Sealer));
    actions.extend(failures::offer(instance, state).map(Action::Failure));
}

/// Applies it.
pub(crate) fn take(instance: &Instance, state: &mut State, action: Action) {
    match action {
        Action::Uploader(uploader, step) => uploader::take(instance, state, uploader, step),
        Action::WriteTogether => uploader::write_together(instance, state),
        Action::Collector(worker, step) => collector::take(instance, state, worker, step),
        Action::Pass(pass) => collector::take_pass(instance, state, pass),
        Action::Scanner(step) => scanner::take(instance, state, step),
        Action::Caller(step) => caller::take(instance, state, step),
        Action::Sealer(step) => sealer::take(instance, state, step),
        Action::Failure(step) => failures::take(instance, state, step),
    }
}

/// Whether it is a failover, after which the rows belong to another history.
pub(crate) fn is_failover(action: Action) -> bool {
    action == Action::Failure(failures::Step::FailOver)
}
