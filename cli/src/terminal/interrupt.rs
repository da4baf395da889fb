//! Signals that end a verb: most verbs end at once, and some print a last message.

use std::{future, time::Duration};

use futures_util::FutureExt;
use tokio::{
    task::{JoinError, spawn_blocking},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{error::CliError, terminal::signals::Signals};

/// How long an interrupted verb waits for work that must not be cut off.
const FINISH: Duration = Duration::from_secs(5);

tokio::task_local! {
    static INTERRUPT: Interrupt;
}

#[derive(Clone, Default)]
struct Interrupt {
    token: CancellationToken,
    finishing: TaskTracker,
}

/// How a verb ended.
pub(crate) enum VerbEnd<T> {
    Done(T),
    /// By the signal of this number, with the verb's last result if it had one.
    Interrupted(Option<T>, i32),
}

/// Runs a verb to its end, or until a signal: then the verb is dropped, and with it its temporary files and its uploads.
/// A verb that waits for [`interrupted`] is polled once more, and its result counts if it is ready then.
///
/// Only this function listens for signals: two listeners would not receive them at the same moment.
pub(crate) async fn run_until_interrupted<T>(
    verb: impl Future<Output = T>,
) -> Result<VerbEnd<T>, CliError> {
    let mut signals = Signals::listen()?;
    let interrupt = Interrupt::default();
    let mut verb = Box::pin(INTERRUPT.scope(interrupt.clone(), verb));
    let signal = tokio::select! {
        // Signals win over a result that is ready in the same moment.
        biased;
        signal = signals.next() => signal,
        done = &mut verb => return Ok(VerbEnd::Done(done)),
    };
    interrupt.token.cancel();
    let said = verb.as_mut().now_or_never();
    drop(verb);
    interrupt.finishing.close();
    tokio::select! {
        _ = timeout(FINISH, interrupt.finishing.wait()) => {}
        _ = signals.next() => {}
    }
    Ok(VerbEnd::Interrupted(said, signal))
}

/// Waits for a signal that ends the verb that runs.
pub(crate) async fn interrupted() {
    match INTERRUPT.try_with(|interrupt| interrupt.token.clone()) {
        Ok(token) => token.cancelled_owned().await,
        // Outside a verb, wait without an end.
        Err(_) => future::pending().await,
    }
}

/// Runs blocking work on a thread of its own. A signal that ends the verb does not cut the work off.
pub(crate) async fn run_to_completion<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    let token = INTERRUPT.try_with(|interrupt| interrupt.finishing.token());
    spawn_blocking(move || {
        let _token = token;
        work()
    })
    .await
}
