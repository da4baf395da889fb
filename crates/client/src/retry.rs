//! Retries: only for calls that change nothing or have an idempotency key, which take effect once however often they are
//! sent.

use std::time::Duration;

use cairn_proto::reason::Retry;
use tokio::time::{Instant, sleep};

use crate::Error;

/// The pauses before a lost call is sent again: long enough for a server to restart, and short enough for a person who waits.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// How long to wait for the first call with the same key: longer than the server takes to notice that its caller died.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often to ask about it when the server does not say.
const ASK: Duration = Duration::from_secs(1);

/// How often a failing call is repeated: four times after growing pauses, 7.5 seconds in all, when the answer was lost, and for
/// up to 90 seconds while the first call with its idempotency key is still running.
#[derive(Debug, Clone)]
pub struct Retries {
    pauses: std::slice::Iter<'static, Duration>,
    /// How long to wait for the first call with the same key.
    longest: Duration,
    waiting_since: Option<Instant>,
    /// Whether an answer was lost, so that the call that is under way may be this one.
    lost: bool,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            pauses: PAUSES.iter(),
            longest: PATIENCE,
            waiting_since: None,
            lost: false,
        }
    }
}

impl Retries {
    /// No retry at all.
    #[must_use]
    pub fn none() -> Self {
        Self {
            pauses: [].iter(),
            longest: Duration::ZERO,
            waiting_since: None,
            lost: false,
        }
    }

    /// Makes a call until it succeeds or a retry does not help. `tell` hears why it is repeated.
    ///
    /// # Errors
    ///
    /// That of the last call.
    pub async fn run<T>(
        mut self,
        tell: impl Fn(&str),
        mut call: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.pause(error, &tell).await?,
            }
        }
    }

    /// Waits until a call that failed in this way is to be repeated. `tell` hears why.
    ///
    /// # Errors
    ///
    /// The same error when a retry does not help, or there were enough of them.
    pub async fn pause(&mut self, error: Error, tell: impl Fn(&str)) -> Result<(), Error> {
        match again(&error) {
            None => return Err(error),
            Some(Again::UnderWay(after)) => {
                let first = self.waiting_since.is_none();
                let waited = self
                    .waiting_since
                    .get_or_insert_with(Instant::now)
                    .elapsed();
                if waited >= self.longest {
                    return Err(self.given_up(error, waited));
                }
                if first {
                    tell(
                        "the first call with this idempotency key is under way; waiting for its answer",
                    );
                }
                sleep(after.unwrap_or(ASK).min(self.longest - waited)).await;
            }
            Some(Again::Lost(after)) => {
                self.lost = true;
                let Some(pause) = self.pauses.next() else {
                    return Err(error);
                };
                // A server that wants to be left alone for longer than this is not waited for.
                let pause = after.unwrap_or_default().clamp(*pause, PATIENCE);
                tell(&format!("{error}; trying again in {pause:?}"));
                sleep(pause).await;
            }
        }
        Ok(())
    }

    /// The error of a call that was waited for in vain.
    fn given_up(&self, error: Error, waited: Duration) -> Error {
        if !self.lost {
            return error;
        }
        Error::Connection(format!(
            "lost the server: the answer to this call was lost, and after {waited:?} it is still under way"
        ))
    }
}

/// Makes a call with the usual retries. `tell` hears why it is repeated.
///
/// # Errors
///
/// That of the last call.
pub async fn retry<T>(
    tell: impl Fn(&str),
    call: impl AsyncFnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    Retries::default().run(tell, call).await
}

/// Why a call is worth repeating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// The first call with its idempotency key is still running, and is worth asking about after this pause.
    UnderWay(Option<Duration>),
    /// It may have been lost, or was too much at the moment; the server asks for this pause.
    Lost(Option<Duration>),
}

fn again(error: &Error) -> Option<Again> {
    match error {
        Error::Connection(_) => Some(Again::Lost(None)),
        Error::Refused(refusal) => match refusal.retry() {
            Retry::No => None,
            Retry::WhenFirstEnds => Some(Again::UnderWay(refusal.retry_after())),
            Retry::AfterPause | Retry::FromStart => Some(Again::Lost(refusal.retry_after())),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, time::Duration};

    use tokio::time::Instant;
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::{Again, PATIENCE, PAUSES, again, retry};
    use crate::Error;

    fn under_way(after: u64) -> Error {
        let mut details = ErrorDetails::with_error_info("IDEMPOTENCY_IN_PROGRESS", "cairn.dev", []);
        details.set_retry_info(Some(Duration::from_secs(after)));
        Status::with_error_details(Code::Aborted, "under way", details).into()
    }

    fn lost() -> Error {
        Error::Connection("lost the server".to_owned())
    }

    /// Makes a call that fails in this way so many times, then succeeds. Returns the outcome, how often it was made, how long
    /// it took and how often a reason was reported.
    async fn calls(
        failures: usize,
        error: impl Fn() -> Error,
    ) -> (Result<(), String>, usize, Duration, usize) {
        let (mut made, reasons, start) = (0, RefCell::new(0), Instant::now());
        let outcome = retry(
            |_| *reasons.borrow_mut() += 1,
            async || {
                made += 1;
                if made <= failures {
                    Err(error())
                } else {
                    Ok(())
                }
            },
        )
        .await;
        let outcome = outcome.map_err(|error| error.to_string());
        (outcome, made, start.elapsed(), reasons.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_call_is_repeated_after_growing_pauses() {
        assert_eq!(calls(0, lost).await, (Ok(()), 1, Duration::ZERO, 0));
        assert_eq!(calls(2, lost).await, (Ok(()), 3, PAUSES[0] + PAUSES[1], 2));
        let all = PAUSES.iter().sum();
        let words = Err("lost the server".to_owned());
        assert_eq!(calls(99, lost).await, (words, 5, all, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_under_way_is_waited_for_up_to_a_limit() {
        let three = Duration::from_secs(9);
        assert_eq!(calls(3, || under_way(3)).await, (Ok(()), 4, three, 1));
        let words = Err("under way".to_owned());
        assert_eq!(
            calls(99, || under_way(7)).await,
            (words.clone(), 14, PATIENCE, 1)
        );
        // A server that says nonsense is not asked without a pause, nor waited for without an end.
        assert_eq!(calls(99, || under_way(3600)).await, (words, 2, PATIENCE, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_call_that_stays_under_way_is_a_lost_connection() {
        let mut calls = 0;
        let outcome = retry(
            |_| {},
            async || {
                calls += 1;
                match calls {
                    1 => Err::<(), _>(lost()),
                    _ => Err(under_way(9)),
                }
            },
        );
        assert!(matches!(outcome.await, Err(Error::Connection(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_a_retry_cannot_help_is_final() {
        let (outcome, made, ..) = calls(1, || Error::BadAnswer("odd".to_owned())).await;
        assert!(outcome.is_err());
        assert_eq!(made, 1);
    }

    #[test]
    fn lost_and_unfinished_calls_are_repeated_and_no_others() {
        let second = Some(Duration::from_secs(1));
        for (reason, expected) in [
            ("UNAVAILABLE", Some(Again::Lost(second))),
            ("UPLOAD_EXPIRED", Some(Again::Lost(second))),
            ("RATE_LIMITED", Some(Again::Lost(second))),
            ("IDEMPOTENCY_IN_PROGRESS", Some(Again::UnderWay(second))),
            ("VERSION_CONFLICT", None),
            ("SESSION_SEALED", None),
            ("QUOTA_EXCEEDED", None),
            ("IDEMPOTENCY_KEY_REUSED", None),
            ("INTERNAL", None),
        ] {
            let mut details = ErrorDetails::with_error_info(reason, "cairn.dev", []);
            details.set_retry_info(second);
            let status = Status::with_error_details(Code::Aborted, "words", details);
            assert_eq!(again(&status.into()), expected, "{reason}");
        }
        let lost = again(&Status::unavailable("gone").into());
        assert_eq!(lost, Some(Again::Lost(None)));
    }
}
