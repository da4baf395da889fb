//! `cairn restore`.

use cairn_client::unary;
use cairn_proto::v1::RestoreArtifactsRequest;
use serde::Serialize;

use crate::{
    args::key::Key,
    args::server::Server,
    error::CliError,
    terminal::{failures::not_done, output::Output},
};

/// Take deletions back, as long as the store's delete window is open
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The artifacts, at most 1,000
    #[arg(value_name = "ID", required = true)]
    artifact_ids: Vec<String>,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
struct Restored {
    restored_count: i64,
    not_restored_artifact_ids: Vec<String>,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let request = RestoreArtifactsRequest {
        artifact_ids: args.artifact_ids,
        idempotency_key: args.key.field(),
        ..RestoreArtifactsRequest::default()
    };
    let restore = async || {
        let mut client = client.artifacts.clone();
        let answer = client.restore_artifacts(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.key.call(output, restore).await?;
    let restored = Restored {
        restored_count: answer.restored_count,
        not_restored_artifact_ids: answer.not_restored_artifact_ids,
    };
    output.data(&restored, || {
        format!("{} restored\n", restored.restored_count)
    })?;
    let why = "not restored: it never was, has expired, its delete window is over, or its session was sealed without it";
    not_done(&restored.not_restored_artifact_ids, why, output)
}
