//! Sealing, sharing and deleting.

use cairn_client::{ArtifactRef, required, unary};
use cairn_proto::{
    json::{DownloadUrl, Link, Session},
    v1::{CreateDownloadUrlRequest, CreateLinkRequest, DeleteArtifactRequest, SealSessionRequest},
};
use serde_json::json;

use super::{Answer, Arguments, Mcp, ToolError};
use crate::args::time::TimeSpan;

pub(super) async fn seal(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let request = SealSessionRequest {
        session_id: arguments.text("session_id"),
        ..SealSessionRequest::default()
    };
    let sealed = mcp
        .client
        .sessions
        .clone()
        .seal_session(unary(request))
        .await?;
    let session = required(sealed.into_inner().session, "session")?;
    Answer::record(&Session::from(session))
}

pub(super) async fn link(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let (artifact_id, name) = mcp.wanted(arguments)?.into_fields();
    let expires_in = expires_in(arguments)?;
    let request = CreateLinkRequest {
        artifact_id,
        name,
        expires_in,
        max_downloads: arguments.number("max_downloads").unwrap_or_default(),
        ..CreateLinkRequest::default()
    };
    let made = mcp.client.links.clone().create_link(unary(request)).await?;
    let link = required(made.into_inner().link, "link")?;
    Answer::record(&Link::from(link))
}

fn expires_in(arguments: &Arguments) -> Result<Option<prost_types::Duration>, ToolError> {
    let Some(text) = arguments.given("expires_in") else {
        return Ok(None);
    };
    let span: Result<TimeSpan, String> = text.parse();
    let span = span.map_err(|rule| ToolError::new(format!("expires_in {rule}")))?;
    Ok(Some(span.into()))
}

pub(super) async fn url(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let (artifact_id, name) = mcp.wanted(arguments)?.into_fields();
    let request = CreateDownloadUrlRequest {
        artifact_id,
        name,
        expires_in: expires_in(arguments)?,
    };
    let mut client = mcp.client.artifacts.clone();
    let signed = client.create_download_url(unary(request)).await?;
    Answer::record(&DownloadUrl::from(signed.into_inner()))
}

pub(super) async fn delete(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let all_versions = arguments.flag("all_versions");
    let wanted = mcp.wanted(arguments)?;
    if all_versions && matches!(wanted, ArtifactRef::Id(_)) {
        return Err(ToolError::new(
            "all_versions is of a filename: give filename in place of artifact_id",
        ));
    }
    let (artifact_id, name) = wanted.into_fields();
    let request = DeleteArtifactRequest {
        artifact_id,
        name,
        all_versions,
        ..DeleteArtifactRequest::default()
    };
    let deleted = mcp
        .client
        .artifacts
        .clone()
        .delete_artifact(unary(request))
        .await?;
    let deleted = deleted.into_inner();
    Answer::record(&json!({
        "deleted_count": deleted.deleted_count.max(i64::from(!all_versions)),
        "artifact_id": deleted.artifact_id,
        "not_deleted_artifact_ids": deleted.not_deleted_artifact_ids,
        "job_id": deleted.job.map(|job| job.job_id),
    }))
}
