//! Creates of one small artifact.

use cairn_proto::v1::{Artifact, CreateArtifactRequest};

use crate::{Client, Error, required, unary};

/// One CreateArtifact call.
pub(crate) async fn alone(
    client: &Client,
    request: CreateArtifactRequest,
) -> Result<Artifact, Error> {
    let mut artifacts = client.artifacts.clone();
    let answer = artifacts.create_artifact(unary(request)).await?;
    required(answer.into_inner().artifact, "artifact")
}
