//! Interrupts: most verbs end where they are, and some have something to say first.

use std::{future, pin::pin};

use futures_util::FutureExt;
use tokio::signal::ctrl_c;
use tokio_util::sync::CancellationToken;

tokio::task_local! {
    static INTERRUPT: CancellationToken;
}

/// Runs a verb to its end. `None` when an interrupt ended it: then it is dropped, and with it its temporary files and its
/// uploads. One that waits for [`interrupted`] is asked once more, and has its say if it needs no time for it.
///
/// Nobody else listens to the signal itself: two who listen do not hear it in the same moment.
pub(crate) async fn minded<T>(verb: impl Future<Output = T>) -> Option<T> {
    let interrupt = CancellationToken::new();
    let mut verb = pin!(INTERRUPT.scope(interrupt.clone(), verb));
    tokio::select! {
        // Interrupts are minded from the first word on.
        biased;
        _ = ctrl_c() => {
            interrupt.cancel();
            verb.now_or_never()
        }
        done = &mut verb => Some(done),
    }
}

/// Waits for an interrupt of the verb that runs.
pub(crate) async fn interrupted() {
    match INTERRUPT.try_with(Clone::clone) {
        Ok(interrupt) => interrupt.cancelled_owned().await,
        // What is no verb is not interrupted.
        Err(_) => future::pending().await,
    }
}
