use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

/// Limits the rate of deletions of all passes of a process.
#[derive(Clone)]
pub(crate) struct Pace {
    per_second: u32,
    /// When the next deletion may begin.
    next: Arc<Mutex<Instant>>,
}

impl Pace {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second: per_second.max(1),
            next: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// How many of `wanted` keys to take at once: no more than are deleted in ten seconds, so that claims do not expire
    /// while they wait.
    pub(crate) fn at_once(&self, wanted: u32) -> u32 {
        wanted.min(self.per_second.saturating_mul(10))
    }

    /// Waits until so many keys may be deleted.
    pub(crate) async fn wait(&self, keys: usize) {
        let mut next = self.next.lock().await;
        let begin = (*next).max(Instant::now());
        *next = begin + Duration::from_secs_f64(keys as f64 / f64::from(self.per_second));
        drop(next);
        sleep_until(begin).await;
    }
}
