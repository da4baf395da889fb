//! `cairn preview`.

use cairn_client::unary;
use cairn_proto::{json::Preview, v1::PreviewArtifactRequest};

use crate::{
    args::{name::Name, server::Server},
    error::CliError,
    terminal::{lines, output::Output},
};

/// Describe an artifact's content in a few lines
#[derive(clap::Args)]
#[command(override_usage = "cairn preview [OPTIONS] ID
       cairn preview [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID]")]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    /// The most bytes of the description: 256 to 262144; by default 16384
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(256..=262_144))]
    max_bytes: Option<i64>,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let (artifact_id, name) = args.name.or_id(args.artifact_id)?.into_fields();
    let mut client = args.server.connect().await?;
    let request = PreviewArtifactRequest {
        artifact_id,
        name,
        max_bytes: args.max_bytes.unwrap_or_default(),
    };
    let answer = client.reads.preview_artifact(unary(request)).await?;
    let preview = Preview::from(answer.into_inner());
    output.data(&preview, || lines::printable_lines(&preview.text))
}
