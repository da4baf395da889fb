//! Waiting for a job to end.

use cairn_client::Client;
use cairn_proto::{json::Job, v1};

use crate::{
    error::CliError,
    terminal::{interrupt::interrupted, output::Output, progress::Progress},
};

/// Whether to wait for the job of a call that is too large for the server to do at once.
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

    /// The job that a call started, if any: at its end, or as it is without waiting.
    pub(crate) async fn on(
        &self,
        client: &Client,
        job: Option<v1::Job>,
        output: Output,
    ) -> Result<Option<Job>, CliError> {
        match job {
            Some(job) if !self.no_wait => until_ended(client, job, output).await.map(Some),
            job => Ok(job.map(Job::from)),
        }
    }
}

/// Waits until a job has ended, and shows how far it is. An interrupt ends the waiting, and not the job.
pub(super) async fn until_ended(
    client: &Client,
    job: v1::Job,
    output: Output,
) -> Result<Job, CliError> {
    let id = job.job_id.clone();
    tokio::select! {
        // An interrupt that has come is not overlooked.
        biased;
        () = interrupted() => Err(CliError::Interrupted(format!(
            "{id} is still running on the server: see it with `cairn job show {id}`, end it with `cairn job cancel {id}`"
        ))),
        ended = watch(client, job, output) => ended.map_err(|error| error.about(id.clone())),
    }
}

async fn watch(client: &Client, job: v1::Job, output: Output) -> Result<Job, CliError> {
    let first = Job::from(job.clone());
    if !first.has_ended() {
        output.progress(&format!("{} is under way; waiting for its end", job.job_id));
    }
    let progress = Progress::of(1);
    let bar = progress.things(&first.job_id, first.length());
    let seen = |job: &v1::Job| {
        bar.set_position(u64::try_from(job.done_count + job.held_count).unwrap_or(0));
    };
    let tell = |words: &str| progress.aside(|| output.progress(words));
    Ok(client.wait_for_job(job, seen, tell).await?.into())
}
