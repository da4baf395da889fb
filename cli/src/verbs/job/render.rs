//! A job, as a person reads it.

use cairn_proto::json::Job;

use crate::{
    args::time::age,
    error::CliError,
    terminal::{
        output,
        render::{header, key_or_workload, or_dash, shown, size},
    },
};

/// An error for a job that ended before it had done everything.
pub(crate) fn outcome(job: &Job) -> Result<(), CliError> {
    let (id, done) = (&job.job_id, job.done_count);
    match job.state.as_deref() {
        Some("failed") => {
            let why = job
                .last_error
                .as_deref()
                .unwrap_or("the server gave no reason");
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

fn of_how_many(job: &Job) -> String {
    let all = job.length();
    all.map_or("more than 10,000".to_owned(), |all| all.to_string())
}

/// Every field on its line.
pub(crate) fn fields(job: &Job) -> String {
    output::fields(&[
        ("job", Some(job.job_id.clone())),
        ("type", job.r#type.clone()),
        ("filter", Some(job.filter.clone())),
        ("to", job.stage.clone()),
        ("session", job.session_id.clone()),
        ("hold", job.legal_hold.map(|hold| hold.to_string())),
        ("agent", job.agent_id.clone()),
        (
            "key",
            Some(key_or_workload(
                &job.api_key_last_4,
                job.workload.as_deref(),
            )),
        ),
        ("state", job.state.clone()),
        (
            "done",
            Some(format!("{} of {}", job.done_count, of_how_many(job))),
        ),
        ("size", (job.size_bytes > 0).then(|| size(job.size_bytes))),
        (
            "held",
            (job.held_count > 0).then(|| job.held_count.to_string()),
        ),
        ("created", shown(job.created_at)),
        ("updated", shown(job.updated_at)),
        ("finished", shown(job.finished_at)),
        ("last error", job.last_error.clone()),
    ])
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
            of_how_many(job),
            age(job.created_at),
            job.filter.clone(),
        ]
    }));
    output::table(&rows)
}

#[cfg(test)]
mod tests {
    use cairn_proto::{
        json::Job,
        v1::{self, JobState},
    };

    use super::{fields, outcome};
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
    fn an_incomplete_job_is_a_failure_and_says_what_is_done() {
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
            let error = outcome(&job(state)).err();
            assert_eq!(error.as_ref().map(|error| error.fault()), fault);
            assert!(error.is_none_or(|error| error.to_string().contains(words)));
        }
    }

    #[test]
    fn an_uncounted_job_has_more_than_was_counted() {
        let many = job(JobState::Running);
        assert!(fields(&many).contains("7 of more than 10,000"));
    }
}
