use std::time::Duration;

use tokio::time::{interval, timeout};

/// Waits until a condition holds. It polls, so a test passes as soon as it can.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let mut tick = interval(Duration::from_millis(20));
    let wait = async {
        loop {
            tick.tick().await;
            if is_so().await {
                return;
            }
        }
    };
    timeout(Duration::from_secs(30), wait)
        .await
        .unwrap_or_else(|_| panic!("within half a minute: {what}"));
}
