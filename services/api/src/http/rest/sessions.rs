//! Sessions.

use axum::{Json, extract::State};
use cairn_proto::{
    json,
    v1::{
        CommitSessionRequest, DeleteSessionRequest, GetSessionRequest, ListManifestRequest,
        ListSessionsRequest, SealSessionRequest, Session, SetSessionLegalHoldRequest,
        UpdateSessionRequest, session_service_server::SessionService,
    },
};
use prost_types::FieldMask;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answer::Accepted,
    call::{Call, Input, Named},
    query::Query,
    value::{self, moment, page_size},
};
use crate::{grpc::Services, http::failure::Failure};

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListQuery {
    created_after: Option<String>,
    created_before: Option<String>,
    label: Vec<String>,
    session_id_prefix: String,
    namespace: String,
    user_id: String,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i32>,
    /// The cursor.
    after: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Sessions {
    sessions: Vec<json::Session>,
    #[serde(flatten)]
    page: json::Page,
}

pub(super) async fn list(
    State(services): State<Services>,
    call: Call,
    Query(query): Query<ListQuery>,
) -> Result<Json<Sessions>, Failure> {
    let request = ListSessionsRequest {
        page_size: page_size(query.limit)?,
        page_token: query.after,
        created_after: moment("created_after", query.created_after.as_deref())?,
        created_before: moment("created_before", query.created_before.as_deref())?,
        labels: query.label,
        session_id_prefix: query.session_id_prefix,
        namespace: query.namespace,
        user_id: query.user_id,
    };
    let answer = services.list_sessions(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Sessions {
        sessions: answer.sessions.into_iter().map(Into::into).collect(),
        page: json::Page::before(answer.next_page_token),
    }))
}

fn shown(session: Option<Session>) -> Json<json::Session> {
    Json(session.unwrap_or_default().into())
}

pub(super) async fn get(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
) -> Result<Json<json::Session>, Failure> {
    let request = GetSessionRequest { session_id };
    let answer = services.get_session(call.request(request)).await?;
    Ok(shown(answer.into_inner().session))
}

/// What to change; a field that is not given stays.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Update {
    display_name: Option<String>,
    labels: Option<Vec<String>>,
    /// Makes the session when there is none.
    allow_missing: bool,
}

pub(super) async fn update(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
    Input(update): Input<Update>,
) -> Result<Json<json::Session>, Failure> {
    let named = [
        (update.display_name.is_some(), "display_name"),
        (update.labels.is_some(), "labels"),
    ];
    let paths = named.into_iter().filter(|(is_given, _)| *is_given);
    let request = UpdateSessionRequest {
        session_id,
        update_mask: Some(FieldMask {
            paths: paths.map(|(_, path)| path.to_owned()).collect(),
        }),
        display_name: update.display_name.unwrap_or_default(),
        labels: update.labels.unwrap_or_default(),
        allow_missing: update.allow_missing,
        idempotency_key: call.idempotency_key()?,
    };
    let answer = services.update_session(call.request(request)).await?;
    Ok(shown(answer.into_inner().session))
}

/// The job that deletes the session.
#[derive(JsonSchema, Serialize)]
pub(super) struct Deleting {
    job: json::Job,
}

pub(super) async fn delete(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
) -> Result<Accepted<Deleting>, Failure> {
    let request = DeleteSessionRequest {
        session_id,
        idempotency_key: call.idempotency_key()?,
    };
    let answer = services.delete_session(call.request(request)).await?;
    let job = answer.into_inner().job.unwrap_or_default().into();
    Ok(Accepted(Deleting { job }))
}

pub(super) async fn seal(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
) -> Result<Json<json::SealedSession>, Failure> {
    let request = SealSessionRequest {
        session_id,
        idempotency_key: call.idempotency_key()?,
    };
    let answer = services.seal_session(call.request(request)).await?;
    Ok(Json(answer.into_inner().session.unwrap_or_default().into()))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Commit {
    /// Which of the session's unpublished artifacts; empty: all.
    artifact_ids: Vec<String>,
    /// Whether to seal the session in the same transaction.
    seal: bool,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Committed {
    artifacts: Vec<json::PublishedArtifact>,
    session: json::Session,
}

pub(super) async fn commit(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
    Input(commit): Input<Commit>,
) -> Result<Json<Committed>, Failure> {
    let request = CommitSessionRequest {
        session_id,
        artifact_ids: commit.artifact_ids,
        seal: commit.seal,
        idempotency_key: call.idempotency_key()?,
    };
    let answer = services.commit_session(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Committed {
        artifacts: answer.artifacts.into_iter().map(Into::into).collect(),
        session: answer.session.unwrap_or_default().into(),
    }))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Hold {
    /// False ends the hold.
    legal_hold: Option<bool>,
}

pub(super) async fn hold(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
    Input(hold): Input<Hold>,
) -> Result<Json<json::Session>, Failure> {
    let request = SetSessionLegalHoldRequest {
        session_id,
        legal_hold: value::required("legal_hold", hold.legal_hold)?,
        idempotency_key: call.idempotency_key()?,
    };
    let answer = services
        .set_session_legal_hold(call.request(request))
        .await?;
    Ok(shown(answer.into_inner().session))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ManifestQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i32>,
    cursor: String,
}

/// A line of a sealed session's manifest.
#[derive(JsonSchema, Serialize)]
pub(super) struct ManifestEntry {
    filename: String,
    version: i64,
    artifact_id: String,
    size_bytes: i64,
    content_hash: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Manifest {
    entries: Vec<ManifestEntry>,
    #[serde(flatten)]
    page: json::Page,
}

pub(super) async fn manifest(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
    Query(query): Query<ManifestQuery>,
) -> Result<Json<Manifest>, Failure> {
    let request = ListManifestRequest {
        page_size: page_size(query.limit)?,
        page_token: query.cursor,
        session_id,
    };
    let answer = services.list_manifest(call.request(request)).await?;
    let answer = answer.into_inner();
    let entries = answer.entries.into_iter().map(|entry| ManifestEntry {
        filename: entry.filename,
        version: entry.version,
        artifact_id: entry.artifact_id,
        size_bytes: entry.size_bytes,
        content_hash: entry.content_hash,
    });
    Ok(Json(Manifest {
        entries: entries.collect(),
        page: json::Page::before(answer.next_page_token),
    }))
}
