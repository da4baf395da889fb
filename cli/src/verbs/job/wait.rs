//! Waiting for a job to end.

use std::time::Duration;

use cairn_proto::{
    json::Job,
    v1::{self, GetJobRequest},
};
use tokio::time::sleep;

use crate::{
    again::until_answered,
    client::{Client, required, unary},
    error::CliError,
    terminal::{interrupt::interrupted, output::Output, progress::Progress},
};

/// How often a job is looked at: soon at first, as most are short, then less and less.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What becomes of a call that is too large for the server to do at once.
#[derive(clap::Args)]
pub(crate) struct Wait {
    /// When so many match that the server makes a job of it, print the job and do not wait for its end
    #[arg(long, requires = "expression", conflicts_with = "artifact_ids")]
    no_wait: bool,
}

impl Wait {
    /// Waits, unless that is not wanted.
    pub(crate) fn unless(no_wait: bool) -> Self {
        Self { no_wait }
    }

    /// The job that a call started, if it did: at its end, or as it is where nobody waits.
    pub(crate) async fn on(
        &self,
        client: &Client,
        job: Option<v1::Job>,
        output: Output,
    ) -> Result<Option<Job>, CliError> {
        match job.map(Job::from) {
            Some(job) if !self.no_wait => until_ended(client, job, output).await.map(Some),
            job => Ok(job),
        }
    }
}

/// Reads one job's record.
pub(super) async fn get(client: &Client, job_id: &str) -> Result<Job, CliError> {
    let request = unary(GetJobRequest {
        job_id: job_id.to_owned(),
    });
    let mut client = client.jobs.clone();
    let answer = client.get_job(request).await?.into_inner();
    Ok(required(answer.job, "job")?.into())
}

/// Looks at a job until it has ended, and shows how far it is. An interrupt ends the waiting, and not the job.
pub(super) async fn until_ended(
    client: &Client,
    job: Job,
    output: Output,
) -> Result<Job, CliError> {
    let id = job.job_id.clone();
    tokio::select! {
        // An interrupt that has come is not overlooked.
        biased;
        () = interrupted() => Err(CliError::Interrupted(format!(
            "{id} goes on without you: see it with `cairn job show {id}`, end it with `cairn job cancel {id}`"
        ))),
        ended = watch(client, job, output) => ended.map_err(|error| error.about(id.clone())),
    }
}

async fn watch(client: &Client, mut job: Job, output: Output) -> Result<Job, CliError> {
    if !job.has_ended() {
        output.progress(&format!("{} is under way; waiting for its end", job.job_id));
    }
    let progress = Progress::of(1);
    let bar = progress.things(&job.job_id, job.length());
    let mut pause = FIRST_PAUSE;
    while !job.has_ended() {
        bar.set_position(u64::try_from(job.done_count + job.held_count).unwrap_or(0));
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let tell = |words: &str| progress.aside(|| output.progress(words));
        job = until_answered(tell, async || get(client, &job.job_id).await).await?;
    }
    Ok(job)
}
