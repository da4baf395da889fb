//! `cairn inspect`.

use cairn_proto::{json::Artifact, v1::GetArtifactRequest};

use crate::{
    args::name::{Name, Which},
    client::{Client, Server, required, unary},
    error::CliError,
    terminal::{output::Output, shapes::artifact_fields},
};

/// Print an artifact's record
#[derive(clap::Args)]
#[command(override_usage = "cairn inspect [OPTIONS] ID
       cairn inspect [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID]")]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let which = args.name.or_id(args.artifact_id)?;
    let client = args.server.connect().await?;
    let artifact = get(&client, which).await?;
    output.data(&artifact, || artifact_fields(&artifact))
}

/// Reads one artifact's record.
pub(crate) async fn get(client: &Client, which: Which) -> Result<Artifact, CliError> {
    let (artifact_id, name) = which.into_fields();
    let request = unary(GetArtifactRequest { artifact_id, name });
    let mut client = client.artifacts.clone();
    let answer = client.get_artifact(request).await?.into_inner();
    Ok(required(answer.artifact, "artifact")?.into())
}
