//! Making a call again when its answer is lost: only for calls that change nothing or have an idempotency key, which take
//! effect once however often they are sent.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Again, CliError};

/// The pauses after which a call that was lost is sent again: long enough for a server to be started anew, and short enough
/// for whoever waits.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// How long to wait for the first call with the same key: longer than the server takes to notice that it died.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often to ask about it when the server does not say.
const ASK: Duration = Duration::from_secs(1);

/// How much longer a call that fails is made again.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    pauses: std::slice::Iter<'static, Duration>,
    /// How long to wait for the first call with the same key.
    longest: Duration,
    waiting_since: Option<Instant>,
    /// Whether an answer was lost, so that the call that is under way may be this one.
    lost: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            pauses: PAUSES.iter(),
            longest: PATIENCE,
            waiting_since: None,
            lost: false,
        }
    }
}

impl Patience {
    /// For whoever makes a call again by rules of their own: gives up at once.
    pub(crate) fn none() -> Self {
        Self {
            pauses: [].iter(),
            longest: Duration::ZERO,
            waiting_since: None,
            lost: false,
        }
    }

    /// Makes a call until it is answered for good, or it is time to give up. `tell` hears why it is made again.
    pub(crate) async fn until_answered<T>(
        mut self,
        tell: impl Fn(&str),
        mut call: impl AsyncFnMut() -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        loop {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.pause(error, &tell).await?,
            }
        }
    }

    /// Waits until it is time to make a call again that failed in this way; the error when it is time to give up. `tell`
    /// hears why.
    pub(crate) async fn pause(
        &mut self,
        error: CliError,
        tell: impl Fn(&str),
    ) -> Result<(), CliError> {
        match error.again() {
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
    fn given_up(&self, error: CliError, waited: Duration) -> CliError {
        if !self.lost {
            return error;
        }
        CliError::Network(format!(
            "lost the server: the answer to this call was lost, and after {waited:?} it is still under way"
        ))
    }
}

/// Makes a call with the usual patience.
pub(crate) async fn until_answered<T>(
    tell: impl Fn(&str),
    call: impl AsyncFnMut() -> Result<T, CliError>,
) -> Result<T, CliError> {
    Patience::default().until_answered(tell, call).await
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, time::Duration};

    use tokio::time::Instant;
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::{PATIENCE, PAUSES, until_answered};
    use crate::error::{CliError, Fault};

    fn under_way(after: u64) -> CliError {
        let mut details = ErrorDetails::with_error_info("IDEMPOTENCY_IN_PROGRESS", "cairn.dev", []);
        details.set_retry_info(Some(Duration::from_secs(after)));
        Status::with_error_details(Code::Aborted, "under way", details).into()
    }

    fn lost() -> CliError {
        CliError::Network("lost the server".to_owned())
    }

    /// Makes a call that fails in this way so many times, then succeeds. Returns the outcome, how often it was made, how long
    /// it took and how often it was told.
    async fn calls(
        failures: usize,
        error: impl Fn() -> CliError,
    ) -> (Result<(), String>, usize, Duration, usize) {
        let (mut made, told, start) = (0, RefCell::new(0), Instant::now());
        let outcome = until_answered(
            |_| *told.borrow_mut() += 1,
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
        (outcome, made, start.elapsed(), told.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_call_is_made_a_few_times_more_and_longer_apart_each_time() {
        assert_eq!(calls(0, lost).await, (Ok(()), 1, Duration::ZERO, 0));
        assert_eq!(calls(2, lost).await, (Ok(()), 3, PAUSES[0] + PAUSES[1], 2));
        let all = PAUSES.iter().sum();
        let words = Err("lost the server".to_owned());
        assert_eq!(calls(99, lost).await, (words, 5, all, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_under_way_is_asked_about_as_the_server_says_and_not_for_ever() {
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
    async fn a_lost_call_that_stays_under_way_is_the_networks_fault() {
        let mut calls = 0;
        let outcome = until_answered(
            |_| {},
            async || {
                calls += 1;
                match calls {
                    1 => Err::<(), _>(lost()),
                    _ => Err(under_way(9)),
                }
            },
        );
        let fault = outcome.await.map_err(|error| error.fault());
        assert_eq!(fault, Err(Fault::Network));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_use_to_repeat_is_not_repeated() {
        let (outcome, made, ..) = calls(1, || CliError::BadAnswer("odd".to_owned())).await;
        assert!(outcome.is_err());
        assert_eq!(made, 1);
    }
}
