//! How soon a server that does not answer is asked again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

const SHORTEST: Duration = Duration::from_millis(500);

/// For how long a server that is back is not noticed, at the most.
const LONGEST: Duration = Duration::from_secs(10);

/// The pause before the next push. It doubles as long as nothing can be pushed.
#[derive(Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    until: Option<Instant>,
}

impl Pace {
    /// Begins a pause; `None` when there is one.
    pub(super) fn slow_down(&mut self, now: Instant) -> Option<Duration> {
        if self.rests(now) {
            return None;
        }
        let pause = SHORTEST * 2_u32.pow(self.failures.min(8));
        let pause = pause.min(LONGEST);
        self.failures += 1;
        self.until = Some(now + pause);
        Some(pause)
    }

    /// Ends the pause, for something could be pushed.
    pub(super) fn go_on(&mut self) {
        *self = Self::default();
    }

    pub(super) fn rests(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Waits for the end of the pause.
    pub(super) async fn rest(&self) {
        if let Some(until) = self.until {
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{LONGEST, Pace, SHORTEST};

    #[tokio::test(start_paused = true)]
    async fn pauses_double_and_failures_in_a_pause_do_not_count() {
        let mut pace = Pace::default();
        let mut pauses = Vec::new();
        for _ in 0..99 {
            pauses.extend(pace.slow_down(Instant::now()));
            assert_eq!(pace.slow_down(Instant::now()), None);
            pace.rest().await;
            assert!(!pace.rests(Instant::now()));
        }
        assert_eq!(pauses[..3], [1, 2, 4].map(|n| n * SHORTEST));
        assert_eq!(pauses[5..], [LONGEST; 94]);
        pace.go_on();
        assert_eq!(pace.slow_down(Instant::now()), Some(SHORTEST));
        assert_eq!(pace.slow_down(Instant::now()), None::<Duration>);
    }
}
