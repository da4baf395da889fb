//! Waiting for a job.

use std::time::Duration;

use cairn_proto::v1::{GetJobRequest, Job};
use tokio::time::sleep;

use crate::{Client, Error, required, retry, unary};

/// How often a job is read: soon at first, as most are short, then less and less.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Client {
    /// Reads one job's record.
    ///
    /// # Errors
    ///
    /// A refusal with reason JOB_NOT_FOUND for an unknown id.
    pub async fn job(&self, job_id: &str) -> Result<Job, Error> {
        let request = unary(GetJobRequest {
            job_id: job_id.to_owned(),
        });
        let answer = self.jobs.clone().get_job(request).await?.into_inner();
        required(answer.job, "job")
    }

    /// Reads a job until it has ended, and returns its last record. `seen` gets each record before the next pause, `tell`
    /// hears why a call is repeated. The job goes on when the returned future is dropped.
    ///
    /// # Errors
    ///
    /// That of a read which retries could not help.
    pub async fn wait_for_job(
        &self,
        mut job: Job,
        mut seen: impl FnMut(&Job),
        tell: impl Fn(&str),
    ) -> Result<Job, Error> {
        let mut pause = FIRST_PAUSE;
        while job.finished_at.is_none() {
            seen(&job);
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            job = retry(&tell, async || self.job(&job.job_id).await).await?;
        }
        Ok(job)
    }
}
