//! `cairn session delete`.

use std::io::{self, IsTerminal};

use cairn_client::{Client, required, unary};
use cairn_proto::v1::{ArtifactFilter, DeleteArtifactsRequest, DeleteSessionRequest};

use crate::{
    args::key::Key,
    args::server::Server,
    error::CliError,
    terminal::{output::Output, question::confirmed},
    verbs::{
        job::Wait,
        rm::{Removed, show_much},
    },
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The session
    #[arg(value_name = "ID")]
    session_id: String,
    /// Print how much would be deleted, and delete nothing; unpublished artifacts are not counted
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Print the job that does it, and do not wait for its end
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let ask = !args.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    if args.dry_run || ask {
        let mut would = Removed::default();
        let answer = would_delete(&client, &args.session_id).await?;
        let words = format!("session {}: {}", args.session_id, show_much(&answer));
        would.add(answer);
        if args.dry_run {
            return would.print(output);
        }
        if !confirmed(&words, output).await? {
            return Err(CliError::Usage("nothing was deleted".to_owned()));
        }
    }
    let request = DeleteSessionRequest {
        session_id: args.session_id,
        idempotency_key: args.key.field(),
    };
    let delete = async || {
        let mut client = client.sessions.clone();
        let answer = client.delete_session(unary(request.clone())).await?;
        required(answer.into_inner().job, "job")
    };
    let job = args.key.call(output, delete).await?;
    let wait = Wait::unless(args.no_wait);
    let mut removed = Removed::default();
    removed.of_job(wait.on(&client, Some(job), output).await?);
    removed.print(output)
}

async fn would_delete(
    client: &Client,
    session_id: &str,
) -> Result<cairn_proto::v1::DeleteArtifactsResponse, CliError> {
    let request = DeleteArtifactsRequest {
        matching: Some(ArtifactFilter {
            session_id: session_id.to_owned(),
            persistent: Some(false),
            ..ArtifactFilter::default()
        }),
        validate_only: true,
        ..DeleteArtifactsRequest::default()
    };
    let mut client = client.artifacts.clone();
    let answer = client.delete_artifacts(unary(request)).await?;
    Ok(answer.into_inner())
}
