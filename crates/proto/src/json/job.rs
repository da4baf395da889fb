//! A job.

use jiff::Timestamp;
use serde::Serialize;

use super::value::{job_state, job_type, present, stage, timestamp};
use crate::v1::{self, JobType};

/// The estimate of a job that has more to do than the server counts.
const MORE_THAN_COUNTED: i64 = 10_001;

/// Work that the store does batch by batch; the fields are those of [`v1::Job`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Job {
    /// "job_" and 16 characters.
    pub job_id: String,
    /// As [`job_type`] has it.
    pub r#type: Option<String>,
    /// As [`job_state`] has it.
    pub state: Option<String>,
    /// Which artifacts it is about, as an expression.
    pub filter: String,
    /// How many artifacts it has dealt with.
    pub done_count: i64,
    /// The sum of their sizes in bytes.
    pub size_bytes: i64,
    /// How many it left alone because a legal hold keeps them.
    pub held_count: i64,
    /// How many there were at its start; 10,001 means more than 10,000.
    pub estimated_count: i64,
    /// Of a job that sets a stage: which.
    pub stage: Option<String>,
    /// Of a job that deletes a session: which.
    pub session_id: Option<String>,
    /// Of a job that sets legal holds: whether it sets them or ends them.
    pub legal_hold: Option<bool>,
    /// The agent that the caller named.
    pub agent_id: Option<String>,
    /// The last four characters of the API key; empty for a workload.
    pub api_key_last_4: String,
    /// The subject of the token that was used in place of a key.
    pub workload: Option<String>,
    /// When it was asked for.
    pub created_at: Option<Timestamp>,
    /// When it last made progress.
    pub updated_at: Option<Timestamp>,
    /// When it ended; `None` while it is running.
    pub finished_at: Option<Timestamp>,
    /// Why its last batch failed.
    pub last_error: Option<String>,
}

impl Job {
    /// Whether it has ended, with success or without.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.finished_at.is_some()
    }

    /// How many artifacts it has to deal with; `None` when there are more than the server counts.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        let counted = self.estimated_count < MORE_THAN_COUNTED;
        counted.then(|| u64::try_from(self.estimated_count).unwrap_or(0))
    }
}

impl From<v1::Job> for Job {
    fn from(job: v1::Job) -> Self {
        Self {
            r#type: job_type(job.r#type),
            state: job_state(job.state),
            // A job that sets no stage has none; it is not a draft.
            stage: (job.stage != 0).then(|| stage(job.stage)).flatten(),
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
            created_at: timestamp(job.created_at),
            updated_at: timestamp(job.updated_at),
            finished_at: timestamp(job.finished_at),
            last_error: present(job.last_error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uncounted_job_has_no_length() {
        let job = |estimated_count| {
            Job::from(v1::Job {
                estimated_count,
                ..v1::Job::default()
            })
        };
        assert_eq!(job(10_001).length(), None);
        assert_eq!(job(10_000).length(), Some(10_000));
    }

    #[test]
    fn a_job_that_sets_no_stage_has_none() {
        assert_eq!(Job::from(v1::Job::default()).stage, None);
    }
}
