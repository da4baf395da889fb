//! Reports of runs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    metrics,
    model::{
        deployment::Pause,
        error::{Error, describe},
    },
};

/// The maximum failures of one run that are reported one by one.
const FAILURES: usize = 100;
/// The maximum items that a dry run names.
const NAMED: usize = 10_000;

/// What a run of some passes did, or would do now in a dry run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Why nothing was done, if the collector is paused.
    pub paused: Option<Pause>,
    /// The counters, by the names in [`super::Pass::counts`] and [`super::Pass::looks`].
    #[serde(flatten)]
    pub counts: BTreeMap<&'static str, u64>,
    /// In a dry run, what would be done and why, at most 10,000 items of each pass.
    #[serde(rename = "would", skip_serializing_if = "Vec::is_empty")]
    pub planned: Vec<PlannedAction>,
    /// What failed, at most 100 items of each pass; the next run retries it.
    pub failures: Vec<Failure>,
}

/// One action that a run would have taken.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedAction {
    /// The pass that would have done it.
    pub pass: &'static str,
    /// The action, such as `delete bytes`.
    pub action: &'static str,
    /// Its target: the id of an artifact, an object or a link, or a key of the blob store.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// How many bytes it would free, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Why.
    pub why: String,
}

/// One failed action.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The pass in which it happened.
    pub pass: &'static str,
    /// What happened.
    pub error: String,
}

impl Report {
    /// A count by its name; 0 for what no pass of the run counts.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, name: &'static str, count: u64) {
        *self.counts.entry(name).or_default() += count;
    }

    pub(super) fn fail(&mut self, pass: &'static str, error: &Error) {
        if let Error::RecordDamaged { record, .. } = error {
            metrics::damaged_record(record);
        }
        self.fail_with(pass, describe(error));
    }

    pub(super) fn fail_with(&mut self, pass: &'static str, error: String) {
        tracing::error!(pass, error, "a garbage collection pass failed");
        if self.failures_of(pass) < FAILURES {
            self.failures.push(Failure { pass, error });
        }
    }

    pub(crate) fn failures_of(&self, pass: &str) -> usize {
        let failures = self.failures.iter();
        failures.filter(|failure| failure.pass == pass).count()
    }

    pub(super) fn plan(&mut self, action: PlannedAction) {
        let planned = self.planned.iter().filter(|one| one.pass == action.pass);
        if planned.count() < NAMED {
            self.planned.push(action);
        }
    }
}
