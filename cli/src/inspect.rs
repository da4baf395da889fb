//! `cairn inspect`.

use cairn_proto::v1::GetArtifactRequest;

use crate::{
    client::{Client, Server, required, unary},
    error::CliError,
    output::Output,
    shapes::Artifact,
};

/// Print an artifact's record
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ID")]
    artifact_id: String,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let artifact = get(&mut client, args.artifact_id).await?;
    output.data(&artifact, || artifact.fields())
}

/// Reads one artifact's record.
pub(crate) async fn get(client: &mut Client, artifact_id: String) -> Result<Artifact, CliError> {
    let request = unary(GetArtifactRequest {
        artifact_id,
        ..GetArtifactRequest::default()
    });
    let answer = client.artifacts.get_artifact(request).await?.into_inner();
    Ok(required(answer.artifact, "artifact")?.into())
}
