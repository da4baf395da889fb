//! Transfers of several files at a time.

use futures_util::stream::{self, StreamExt};

use super::{failures::Failures, interrupt::interrupted, output::Output, progress::Progress};
use crate::error::CliError;

/// How many files are in transfer at a time: small ones share calls, large ones wait for [`cairn_client::Room`].
pub(crate) const IN_FLIGHT: usize = 128;

/// Transfers things, some at a time, and returns the results of those that succeeded, in the order of the things. `done` is
/// the past participle for the message after an interrupt.
pub(crate) async fn transfer<T, R>(
    things: Vec<T>,
    done: &str,
    output: Output,
    failures: &mut Failures,
    one: impl AsyncFn(T, &Progress) -> Result<R, CliError>,
) -> Vec<R> {
    let all = things.len();
    let progress = Progress::of(all);
    let mut ended = Vec::new();
    let transfers = async {
        let mut transfers = stream::iter(things.into_iter().enumerate())
            .map(async |(place, thing)| (place, one(thing, &progress).await))
            .buffer_unordered(IN_FLIGHT);
        loop {
            let next = tokio::select! {
                biased;
                () = interrupted() => return true,
                next = transfers.next() => next,
            };
            let Some((place, outcome)) = next else {
                return false;
            };
            progress.one_done();
            match outcome {
                Ok(result) => ended.push((place, result)),
                Err(error) => progress.aside(|| failures.add(output, &error)),
            }
        }
    };
    let tell = |words: &str| output.progress(words);
    let is_interrupted = progress.report_during(tell, transfers).await;
    if is_interrupted && all > 1 {
        let words = format!("interrupted: {} of {all} were {done}", ended.len());
        failures.add(output, &CliError::Interrupted(words));
    } else if is_interrupted {
        failures.add_interrupt();
    }
    ended.sort_by_key(|(place, _)| *place);
    ended.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Failures, transfer};
    use crate::{
        error::{CliError, Fault},
        terminal::output::Output,
    };

    #[tokio::test(start_paused = true)]
    async fn results_keep_their_order_and_the_worst_failure_counts() {
        let mut failures = Failures::default();
        let things = vec![5, 1, 4, 2, 3];
        let done = transfer(
            things,
            "done",
            Output::new(false),
            &mut failures,
            async |thing, _| {
                tokio::time::sleep(Duration::from_secs(thing)).await;
                match thing {
                    1 => Err(CliError::BadAnswer("one".to_owned())),
                    3 => Err(CliError::Usage("three".to_owned())),
                    _ => Ok(thing * 10),
                }
            },
        )
        .await;
        assert_eq!(done, [50, 40, 20]);
        let worst = failures.into_result().map_err(|error| error.fault());
        assert_eq!(worst, Err(Fault::Server));
    }
}
