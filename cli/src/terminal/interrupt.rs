//! Signals that end a verb: most verbs end where they are, and some have something to say first.

use std::{future, time::Duration};

use futures_util::FutureExt;
use tokio::{
    task::{JoinError, spawn_blocking},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{error::CliError, terminal::signals::Signals};

/// How long a verb that was ended waits for what must not be cut off.
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
    /// By the signal of this number; with what it had to say, if it had.
    Interrupted(Option<T>, i32),
}

/// Runs a verb to its end, or until a signal ends it: then it is dropped, and with it its temporary files and its uploads.
/// One that waits for [`interrupted`] is asked once more, and has its say if it needs no time for it.
///
/// Only this listens to the signals: two listeners do not hear them in the same moment.
pub(crate) async fn run_until_interrupted<T>(
    verb: impl Future<Output = T>,
) -> Result<VerbEnd<T>, CliError> {
    let mut signals = Signals::listen()?;
    let interrupt = Interrupt::default();
    let mut verb = Box::pin(INTERRUPT.scope(interrupt.clone(), verb));
    let signal = tokio::select! {
        // Signals are minded from the first word on.
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
        // What is no verb is not interrupted.
        Err(_) => future::pending().await,
    }
}

/// Does work that blocks, on a thread of its own. A signal that ends the verb does not cut the work off.
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
