use std::{future::Future, time::Duration};

use tokio::time::{interval, timeout};

/// How long a test waits for what must happen. It takes milliseconds, but other processes may have the machine. What Cairn
/// does by itself after less than this, such as ending a statement, a test must forbid or wait for with
/// [`eventually_within`].
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for the result of a future.
///
/// # Panics
/// If there is none after [`PATIENCE`].
pub async fn within_patience<T>(what: &str, result: impl Future<Output = T>) -> T {
    within(PATIENCE, what, result).await
}

async fn within<T>(patience: Duration, what: &str, result: impl Future<Output = T>) -> T {
    timeout(patience, result)
        .await
        .unwrap_or_else(|_| panic!("not within {} s: {what}", patience.as_secs()))
}

/// Waits until a condition holds. It polls, so a test passes as soon as it can.
///
/// # Panics
/// If it does not hold within [`PATIENCE`].
pub async fn eventually(what: &str, is_so: impl AsyncFnMut() -> bool) {
    eventually_within(PATIENCE, what, is_so).await;
}

/// Waits until a condition holds that would hold by itself after a longer time.
///
/// # Panics
/// If it does not hold within this time.
pub async fn eventually_within(
    patience: Duration,
    what: &str,
    mut is_so: impl AsyncFnMut() -> bool,
) {
    let mut tick = interval(Duration::from_millis(20));
    let wait = async {
        loop {
            tick.tick().await;
            if is_so().await {
                return;
            }
        }
    };
    within(patience, what, wait).await;
}
