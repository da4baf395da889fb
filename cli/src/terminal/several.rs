//! Doing the same to several things, where one that fails does not stop the others.

use cairn_proto::json::Job;
use futures_util::stream::{self, StreamExt};
use serde::Serialize;

use crate::{
    error::{CliError, Fault},
    terminal::{interrupt::interrupted, output::Output, progress::Progress},
    verbs::job,
};

/// How many files are in transfer at a time: small ones share calls, large ones wait for [`cairn_client::Room`].
pub(crate) const IN_FLIGHT: usize = 128;

/// The failures among several things, each told when it happened.
#[derive(Default)]
pub(crate) struct Failures {
    worst: Option<Fault>,
}

impl Failures {
    pub(crate) fn add(&mut self, output: Output, error: &CliError) {
        self.worst = self.worst.max(output.fail(error));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.worst.is_none()
    }

    /// An error that says no more than whose fault the worst of them was.
    pub(crate) fn into_result(self) -> Result<(), CliError> {
        self.worst
            .map_or(Ok(()), |fault| Err(CliError::Told(fault)))
    }
}

/// What became of artifacts that one call was to change, as JSON has it.
#[derive(Serialize)]
pub(crate) struct Changed {
    pub(crate) changed_count: i64,
    pub(crate) missing_artifact_ids: Vec<String>,
    /// The job that changes them, where there are too many for one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<Job>,
}

impl Changed {
    /// Prints it. The call succeeded; whoever named an artifact that is not there made a mistake all the same.
    pub(crate) fn print(self, what: &str, output: Output) -> Result<(), CliError> {
        output.data(&self, || match &self.job {
            Some(job) if !job.has_ended() => job::fields(job),
            _ => format!("{} {what}\n", self.changed_count),
        })?;
        if let Some(job) = &self.job {
            job::outcome(job)?;
        }
        not_done(
            &self.missing_artifact_ids,
            "no such artifact, or it has expired or been deleted",
            output,
        )
    }
}

/// Tells each of these to be a mistake of the caller's.
pub(crate) fn not_done(ids: &[String], why: &str, output: Output) -> Result<(), CliError> {
    let mut failures = Failures::default();
    for id in ids {
        failures.add(output, &CliError::Usage(format!("{id}: {why}")));
    }
    failures.into_result()
}

/// Transfers things, some at a time, and returns what came of those that did not fail, in the order of the things. `done` is
/// what became of them in a word, for when a signal ends it amid them.
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
    let is_interrupted = progress.told(tell, transfers).await;
    if is_interrupted && all > 1 {
        let words = format!("interrupted: {} of {all} were {done}", ended.len());
        failures.add(output, &CliError::Interrupted(words));
    } else if is_interrupted {
        failures.worst = Some(Fault::Interrupt);
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
    async fn results_keep_the_order_of_the_things_and_the_worst_failure_is_kept() {
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

    #[test]
    fn without_failures_all_is_well() {
        assert!(Failures::default().into_result().is_ok());
    }
}
