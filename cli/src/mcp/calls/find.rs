//! Who one is, and what is there.

use cairn_client::unary;
use cairn_proto::{
    json::{Artifact, Identity, Session},
    v1::{ListArtifactsRequest, ListSessionsRequest, WhoAmIRequest},
};
use serde::Serialize;

use super::{Answer, Arguments, Mcp, ToolError};
use crate::mcp::{
    content::{part, text_of},
    shown::{Artifacts, Brief, NextPage, kind, one_label, stage},
};

#[derive(Serialize)]
struct Who {
    tenant: String,
    scopes: Vec<String>,
    reaches: Option<cairn_proto::json::Narrowing>,
    session_id: String,
    agent_id: String,
    stored_artifacts: i64,
    max_artifacts: Option<i64>,
    stored_bytes: i64,
    max_stored_bytes: Option<i64>,
    max_upload_bytes: i64,
    default_ttl: String,
    server_version: String,
}

pub(super) async fn whoami(mcp: &Mcp) -> Result<Answer, ToolError> {
    let who = mcp
        .client
        .identity
        .clone()
        .who_am_i(unary(WhoAmIRequest {}))
        .await?;
    let who = Identity::from(who.into_inner());
    Answer::record(&Who {
        tenant: who.tenant_name,
        scopes: who.scopes,
        reaches: who.narrowing,
        session_id: mcp.session.clone(),
        agent_id: mcp.agent.clone(),
        stored_artifacts: who.stored_artifacts,
        max_artifacts: who.max_artifacts,
        stored_bytes: who.stored_bytes,
        max_stored_bytes: who.max_stored_bytes,
        max_upload_bytes: who.max_upload_bytes,
        default_ttl: who.default_ttl,
        server_version: who.server_version,
    })
}

pub(super) async fn artifacts(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let request = ListArtifactsRequest {
        page_size: arguments.limit(),
        page_token: arguments.text("cursor"),
        session_id: mcp.session(arguments),
        agent_id: arguments.text("agent_id"),
        namespace: mcp.namespace.clone(),
        user_id: mcp.user.clone(),
        include_user_scope: !mcp.user.is_empty() && !mcp.session(arguments).is_empty(),
        filename_glob: arguments.text("filename_glob"),
        kind: kind(arguments),
        stage: stage(arguments),
        labels: one_label(arguments),
        filter: arguments.text("filter"),
        latest_only: !arguments.flag("all_versions"),
        ..ListArtifactsRequest::default()
    };
    let listed = mcp
        .client
        .artifacts
        .clone()
        .list_artifacts(unary(request))
        .await?;
    let listed = listed.into_inner();
    Answer::record(&Artifacts {
        artifacts: listed.artifacts.into_iter().map(Brief::from).collect(),
        page: NextPage::before(listed.next_page_token),
    })
}

pub(super) async fn artifact(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let found = mcp.client.artifact(mcp.wanted(arguments)?).await?;
    Answer::record(&Artifact::from(found))
}

/// How much of a content is shown, in bytes, by default.
const SHOWN: i64 = 16 << 10;

pub(super) async fn read(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let offset = arguments.number("offset").unwrap_or_default();
    let limit = arguments.number("max_bytes").unwrap_or(SHOWN);
    let (artifact, shown) = part(mcp, mcp.wanted(arguments)?, offset, limit).await?;
    let size = artifact.size_bytes;
    let Some((text, end)) = text_of(&shown, offset, size) else {
        return Err(ToolError::new(format!(
            "{} is no text in UTF-8: its type is {}. Next: call create_download_link",
            artifact.artifact_id, artifact.content_type
        )));
    };
    Ok(Answer::Text(match (offset, end >= size) {
        (0, true) => text.to_owned(),
        (_, true) => format!("{text}\n[to byte {end}, the end]"),
        (_, false) => {
            format!("{text}\n[to byte {end} of {size}. Next: call again with offset={end}]")
        }
    }))
}

#[derive(Serialize)]
struct Sessions {
    sessions: Vec<Session>,
    #[serde(flatten)]
    page: NextPage,
}

pub(super) async fn sessions(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let request = ListSessionsRequest {
        page_size: arguments.limit(),
        page_token: arguments.text("cursor"),
        session_id_prefix: arguments.text("prefix"),
        labels: one_label(arguments),
        ..ListSessionsRequest::default()
    };
    let listed = mcp
        .client
        .sessions
        .clone()
        .list_sessions(unary(request))
        .await?;
    let listed = listed.into_inner();
    Answer::record(&Sessions {
        sessions: listed.sessions.into_iter().map(Into::into).collect(),
        page: NextPage::before(listed.next_page_token),
    })
}
