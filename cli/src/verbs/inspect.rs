//! `cairn inspect`.

use cairn_proto::json::Artifact;

use crate::{
    args::name::Name,
    args::server::Server,
    error::CliError,
    terminal::{output::Output, render::artifact_fields},
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
    let artifact = Artifact::from(client.artifact(which).await?);
    output.data(&artifact, || artifact_fields(&artifact))
}
