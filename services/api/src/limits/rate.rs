//! A rate, as GCRA has it: one time, at which all that was taken is paid. The rate comes with each call, so a changed plan
//! applies at once. Pieces may be larger than the burst, which crates for rate limits refuse.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What was taken at a rate.
#[derive(Default)]
pub(crate) struct Rate(Mutex<Option<Instant>>);

impl Rate {
    /// Takes something, unless more than the burst would be taken; then, how long until it may be.
    pub(crate) fn take(
        &self,
        cost: f64,
        per_second: f64,
        burst: f64,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let after = paid.unwrap_or(now).max(now) + seconds(cost / per_second);
        let early = (after - now).saturating_sub(seconds(burst / per_second));
        if early > Duration::ZERO {
            return Err(early);
        }
        *paid = Some(after);
        Ok(())
    }

    /// Takes something in any case, and says how long to wait until no more than the burst is taken.
    pub(crate) fn owe(&self, cost: f64, per_second: f64, burst: f64, now: Instant) -> Duration {
        let mut paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let after = paid.unwrap_or(now).max(now) + seconds(cost / per_second);
        *paid = Some(after);
        (after - now).saturating_sub(seconds(burst / per_second))
    }

    /// How much may be taken now, and how long until it is the burst.
    pub(crate) fn left(&self, per_second: f64, burst: f64, now: Instant) -> (f64, Duration) {
        let paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let owed = paid.map_or(Duration::ZERO, |paid| paid.saturating_duration_since(now));
        let left = burst - owed.as_secs_f64() * per_second;
        (left.max(0.0), owed)
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(3600))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Instant, Rate};

    #[test]
    fn a_rate_lets_the_burst_through_and_then_its_pace() {
        let (rate, now) = (Rate::default(), Instant::now());
        for _ in 0..4 {
            assert_eq!(rate.take(1.0, 2.0, 4.0, now), Ok(()));
        }
        let half = Duration::from_millis(500);
        assert_eq!(rate.take(1.0, 2.0, 4.0, now), Err(half));
        assert_eq!(rate.take(1.0, 2.0, 4.0, now + half), Ok(()));
        assert!(rate.take(1.0, 2.0, 4.0, now + half).is_err());
        let (left, full_in) = rate.left(2.0, 4.0, now + half + half);
        assert_eq!((left, full_in), (1.0, Duration::from_millis(1500)));
    }

    #[test]
    fn what_is_larger_than_the_burst_waits_instead() {
        let (rate, now) = (Rate::default(), Instant::now());
        assert_eq!(rate.owe(10.0, 1.0, 5.0, now), Duration::from_secs(5));
        assert_eq!(rate.owe(1.0, 1.0, 5.0, now), Duration::from_secs(6));
        let later = now + Duration::from_secs(11);
        assert_eq!(rate.owe(1.0, 1.0, 5.0, later), Duration::ZERO);
    }
}
