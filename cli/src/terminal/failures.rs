//! Failures among several things, of which one does not stop the others.

use cairn_proto::json::Job;
use serde::Serialize;

use crate::{
    error::{CliError, Fault},
    terminal::output::Output,
    verbs::job,
};

/// The failures among several things, each printed when it happened.
#[derive(Default)]
pub(crate) struct Failures {
    worst: Option<Fault>,
}

impl Failures {
    pub(crate) fn add(&mut self, output: Output, error: &CliError) {
        self.worst = self.worst.max(output.fail(error));
    }

    /// Notes an interrupt about which there is nothing to say.
    pub(crate) fn add_interrupt(&mut self) {
        self.worst = Some(Fault::Interrupt);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.worst.is_none()
    }

    /// An error that says no more than whose fault the worst of them was.
    pub(crate) fn into_result(self) -> Result<(), CliError> {
        self.worst
            .map_or(Ok(()), |fault| Err(CliError::AlreadyReported(fault)))
    }
}

/// The JSON answer of a call that changes several artifacts.
#[derive(Serialize)]
pub(crate) struct Changed {
    pub(crate) changed_count: i64,
    pub(crate) missing_artifact_ids: Vec<String>,
    /// The job that changes them, where there are too many for one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<Job>,
}

impl Changed {
    /// Prints it. The call succeeded, but a missing artifact is still the caller's error.
    pub(crate) fn print(self, what: &str, output: Output) -> Result<(), CliError> {
        output.data(&self, || self.text(what))?;
        self.outcome(output)
    }

    /// It as a person reads it.
    pub(crate) fn text(&self, what: &str) -> String {
        match &self.job {
            Some(job) if !job.has_ended() => job::fields(job),
            _ => format!("{} {what}\n", self.changed_count),
        }
    }

    /// An error for a job that failed, and for artifacts that are missing.
    pub(crate) fn outcome(&self, output: Output) -> Result<(), CliError> {
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

/// Reports each of these as an error of the caller.
pub(crate) fn not_done(ids: &[String], why: &str, output: Output) -> Result<(), CliError> {
    let mut failures = Failures::default();
    for id in ids {
        failures.add(output, &CliError::Usage(format!("{id}: {why}")));
    }
    failures.into_result()
}

#[cfg(test)]
mod tests {
    use super::Failures;

    #[test]
    fn without_failures_the_result_is_ok() {
        assert!(Failures::default().into_result().is_ok());
    }
}
