//! Who one is, and what is there.

use cairn_client::unary;
use cairn_proto::{
    json::{Artifact, Identity, Session},
    v1::{ListArtifactsRequest, ListSessionsRequest, WhoAmIRequest},
};
use serde::Serialize;

use super::{Answer, Arguments, Mcp, ToolError};
use crate::mcp::shown::{Artifacts, NextPage, kind, one_label, stage};

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
        agent_id: arguments.text("agent_id"),
        filename_glob: arguments.text("filename_glob"),
        kind: kind(arguments),
        stage: stage(arguments),
        labels: one_label(arguments),
        filter: arguments.text("filter"),
        latest_only: !arguments.flag("all_versions"),
        ..mcp.listing(mcp.session(arguments))
    };
    let mut client = mcp.client.artifacts.clone();
    let listed = client.list_artifacts(unary(request)).await?;
    Answer::record(&Artifacts::from(listed.into_inner()))
}

pub(super) async fn artifact(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let found = mcp.client.artifact(mcp.wanted(arguments)?).await?;
    Answer::record(&Artifact::from(found))
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
