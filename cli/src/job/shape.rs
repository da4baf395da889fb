//! A job, as JSON has it and as a person reads it.

use cairn_proto::v1::{self, JobState, JobType};
use serde::Serialize;

use crate::{
    error::CliError,
    output,
    record::stage_name,
    shapes::{header, key_or_workload, or_dash, present, size},
    time::{age, rfc3339},
};

/// What the server says of a job that has more to do than it counts.
const MORE_THAN_COUNTED: i64 = 10_001;

/// Work that the store goes on with by itself.
#[derive(Debug, Serialize)]
pub(crate) struct Job {
    pub(crate) job_id: String,
    r#type: Option<String>,
    state: Option<String>,
    filter: String,
    pub(crate) done_count: i64,
    pub(crate) size_bytes: i64,
    pub(crate) held_count: i64,
    estimated_count: i64,
    stage: Option<String>,
    session_id: Option<String>,
    /// Of a job that sets legal holds: whether it holds.
    legal_hold: Option<bool>,
    agent_id: Option<String>,
    api_key_last_4: String,
    workload: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    finished_at: Option<String>,
    last_error: Option<String>,
    #[serde(skip)]
    age: String,
}

impl From<v1::Job> for Job {
    fn from(job: v1::Job) -> Self {
        Self {
            r#type: type_name(job.r#type),
            state: state_name(job.state),
            // Of a job that sets no stage there is none, and not the first.
            stage: (job.stage != 0).then(|| stage_name(job.stage)).flatten(),
            legal_hold: (job.r#type == JobType::SetLegalHold as i32).then_some(job.legal_hold),
            session_id: present(job.session_id),
            job_id: job.job_id,
            filter: job.filter,
            done_count: job.done_count,
            size_bytes: job.size_bytes,
            held_count: job.held_count,
            estimated_count: job.estimated_count,
            agent_id: present(job.agent_id),
            api_key_last_4: job.api_key_last_4,
            workload: present(job.workload),
            age: age(job.created_at),
            created_at: rfc3339(job.created_at),
            updated_at: rfc3339(job.updated_at),
            finished_at: rfc3339(job.finished_at),
            last_error: present(job.last_error),
        }
    }
}

impl Job {
    pub(crate) fn has_ended(&self) -> bool {
        self.finished_at.is_some()
    }

    /// How many there are to deal with, where that was counted.
    pub(super) fn length(&self) -> Option<u64> {
        let counted = self.estimated_count < MORE_THAN_COUNTED;
        counted.then(|| u64::try_from(self.estimated_count).unwrap_or(0))
    }

    /// An error for a job that ended before it had done everything.
    pub(crate) fn outcome(&self) -> Result<(), CliError> {
        let (id, done) = (&self.job_id, self.done_count);
        match self.state.as_deref() {
            Some("failed") => {
                let why = self.last_error.as_deref().unwrap_or("no reason was told");
                Err(CliError::Server(format!(
                    "{id} failed after {done}, which stay done: {why}"
                )))
            }
            Some("cancelled") => Err(CliError::Usage(format!(
                "{id} was cancelled after {done}, which stay done"
            ))),
            _ => Ok(()),
        }
    }

    fn of_how_many(&self) -> String {
        let all = self.length();
        all.map_or("more than 10,000".to_owned(), |all| all.to_string())
    }

    /// Every field on its line.
    pub(crate) fn fields(&self) -> String {
        output::fields(&[
            ("job", Some(self.job_id.clone())),
            ("type", self.r#type.clone()),
            ("filter", Some(self.filter.clone())),
            ("to", self.stage.clone()),
            ("session", self.session_id.clone()),
            ("hold", self.legal_hold.map(|hold| hold.to_string())),
            ("agent", self.agent_id.clone()),
            (
                "key",
                Some(key_or_workload(
                    &self.api_key_last_4,
                    self.workload.as_deref(),
                )),
            ),
            ("state", self.state.clone()),
            (
                "done",
                Some(format!("{} of {}", self.done_count, self.of_how_many())),
            ),
            ("size", (self.size_bytes > 0).then(|| size(self.size_bytes))),
            (
                "held",
                (self.held_count > 0).then(|| self.held_count.to_string()),
            ),
            ("created", self.created_at.clone()),
            ("updated", self.updated_at.clone()),
            ("finished", self.finished_at.clone()),
            ("last error", self.last_error.clone()),
        ])
    }
}

/// Jobs, one to a line.
pub(super) fn table(jobs: &[Job]) -> String {
    let mut rows = vec![header([
        "ID", "TYPE", "STATE", "DONE", "OF", "AGE", "FILTER",
    ])];
    rows.extend(jobs.iter().map(|job| {
        vec![
            job.job_id.clone(),
            or_dash(job.r#type.clone()),
            or_dash(job.state.clone()),
            job.done_count.to_string(),
            job.of_how_many(),
            job.age.clone(),
            job.filter.clone(),
        ]
    }));
    output::table(&rows)
}

/// "delete_artifacts", "set_stage", "delete_session" or "set_legal_hold"; `None` for one that is newer than this command.
fn type_name(kind: i32) -> Option<String> {
    match JobType::try_from(kind).ok()? {
        JobType::Unspecified => None,
        kind => name(kind.as_str_name(), "JOB_TYPE_"),
    }
}

/// "running", "succeeded", "cancelled" or "failed"; `None` for one that is newer than this command.
fn state_name(state: i32) -> Option<String> {
    match JobState::try_from(state).ok()? {
        JobState::Unspecified => None,
        state => name(state.as_str_name(), "JOB_STATE_"),
    }
}

fn name(name: &str, prefix: &str) -> Option<String> {
    Some(name.strip_prefix(prefix)?.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use cairn_proto::v1::{self, JobState};

    use super::Job;
    use crate::error::Fault;

    fn job(state: JobState) -> Job {
        Job::from(v1::Job {
            job_id: "job_1".to_owned(),
            state: state.into(),
            done_count: 7,
            estimated_count: 10_001,
            last_error: "no space".to_owned(),
            ..v1::Job::default()
        })
    }

    #[test]
    fn a_job_that_did_not_do_everything_is_a_failure_and_says_what_stays_done() {
        for (state, fault, words) in [
            (JobState::Running, None, ""),
            (JobState::Succeeded, None, ""),
            (
                JobState::Cancelled,
                Some(Fault::Caller),
                "was cancelled after 7",
            ),
            (
                JobState::Failed,
                Some(Fault::Server),
                "after 7, which stay done: no space",
            ),
        ] {
            let error = job(state).outcome().err();
            assert_eq!(error.as_ref().map(|error| error.fault()), fault);
            assert!(error.is_none_or(|error| error.to_string().contains(words)));
        }
    }

    #[test]
    fn what_was_not_counted_has_no_length_and_a_job_that_sets_no_stage_has_none() {
        let many = job(JobState::Running);
        assert_eq!(many.length(), None);
        assert!(many.fields().contains("7 of more than 10,000"));
        assert_eq!(many.stage, None);
    }
}
