//! `cairn job`: work that was too large for one call, which the store goes on with by itself.

mod render;
mod wait;

use cairn_client::{required, unary};
use cairn_proto::{
    json::{Job, Page},
    v1::{CancelJobRequest, JobState, ListJobsRequest},
};
use clap::{Subcommand, ValueEnum};
use serde::Serialize;

pub(crate) use self::{
    render::{fields, outcome},
    wait::Wait,
};
use crate::{
    args::server::Server,
    args::{
        key::Key,
        page::{PageArgs, hint_more},
    },
    error::CliError,
    terminal::output::Output,
};

/// List, show, await and cancel jobs, which do the work of rm and stage that is too much for one call
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List jobs, newest first
    Ls(LsArgs),
    /// Print a job's record
    Show(OneArgs),
    /// Wait for a job to end; fails when the job failed or was cancelled
    Wait(OneArgs),
    /// Cancel a job; finished work stays done
    Cancel(CancelArgs),
}

#[derive(clap::Args)]
struct LsArgs {
    /// Only in this state
    #[arg(long)]
    state: Option<State>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct OneArgs {
    /// The job
    #[arg(value_name = "JOB")]
    job_id: String,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct CancelArgs {
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    one: OneArgs,
}

/// How far a job is.
#[derive(Clone, Copy, ValueEnum)]
enum State {
    Running,
    Succeeded,
    Cancelled,
    Failed,
}

impl From<State> for JobState {
    fn from(state: State) -> Self {
        match state {
            State::Running => Self::Running,
            State::Succeeded => Self::Succeeded,
            State::Cancelled => Self::Cancelled,
            State::Failed => Self::Failed,
        }
    }
}

#[derive(Serialize)]
struct Listing {
    jobs: Vec<Job>,
    #[serde(flatten)]
    more: Page,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.verb {
        Verb::Ls(args) => ls(args, output).await,
        Verb::Show(args) => show(args, output).await,
        Verb::Wait(args) => wait(args, output).await,
        Verb::Cancel(args) => cancel(args, output).await,
    }
}

async fn ls(args: LsArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let state = args.state.map_or(0, |state| JobState::from(state).into());
    let fetch = async |page_size, page_token| {
        let request = ListJobsRequest {
            page_size,
            page_token,
            state,
        };
        let answer = client.jobs.list_jobs(unary(request)).await?.into_inner();
        Ok((answer.jobs, answer.next_page_token))
    };
    let (jobs, more) = args.page.read(fetch).await?;
    let listing = Listing {
        jobs: jobs.into_iter().map(Job::from).collect(),
        more,
    };
    output.data(&listing, || render::table(&listing.jobs))?;
    hint_more(&listing.more, output);
    Ok(())
}

async fn show(args: OneArgs, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let job = Job::from(client.job(&args.job_id).await?);
    output.data(&job, || fields(&job))
}

async fn wait(args: OneArgs, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let job = client.job(&args.job_id).await?;
    let job = wait::until_ended(&client, job, output).await?;
    output.data(&job, || fields(&job))?;
    outcome(&job)
}

async fn cancel(args: CancelArgs, output: Output) -> Result<(), CliError> {
    let client = args.one.server.connect().await?;
    let request = CancelJobRequest {
        job_id: args.one.job_id,
        idempotency_key: args.key.field(),
    };
    let cancel = async || {
        let mut client = client.jobs.clone();
        let answer = client.cancel_job(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.key.call(output, cancel).await?;
    let job = Job::from(required(answer.job, "job")?);
    output.data(&job, || fields(&job))
}
