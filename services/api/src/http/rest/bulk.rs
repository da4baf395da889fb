//! Calls about several artifacts at once: by their ids, or by an expression that they match.

use axum::{Json, extract::State};
use cairn_proto::{
    json,
    v1::{
        self, ArtifactFilter, BatchGetArtifactsRequest, Content, DeleteArtifactsRequest,
        FindMissingContentRequest, RestoreArtifactsRequest, SetLegalHoldRequest, SetStageRequest,
        artifact_outcome::Outcome, artifact_service_server::ArtifactService,
    },
};
use serde::{Deserialize, Serialize};

use super::{
    call::{Call, Input},
    value,
};
use crate::{error::to_item_json, grpc::Services, http::failure::Failure};

/// Which artifacts a call is about: exactly one of the two is given.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Selected {
    artifact_ids: Vec<String>,
    /// An expression, as `ListArtifactsRequest.filter` has it.
    filter: String,
    /// Of a deletion: only say what it would delete.
    validate_only: bool,
}

fn matching(filter: String) -> Option<ArtifactFilter> {
    (!filter.is_empty()).then(|| ArtifactFilter {
        filter,
        ..ArtifactFilter::default()
    })
}

/// What a deletion did, or the job that goes on with it.
#[derive(Serialize)]
pub(super) struct Deleted {
    deleted_count: i64,
    size_bytes: i64,
    not_deleted_artifact_ids: Vec<String>,
    more: bool,
    job: Option<json::Job>,
}

pub(super) async fn delete(
    State(services): State<Services>,
    call: Call,
    Input(selected): Input<Selected>,
) -> Result<Json<Deleted>, Failure> {
    let request = DeleteArtifactsRequest {
        artifact_ids: selected.artifact_ids,
        filter: selected.filter,
        validate_only: selected.validate_only,
        idempotency_key: call.idempotency_key()?,
        matching: None,
    };
    let answer = services.delete_artifacts(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Deleted {
        deleted_count: answer.deleted_count,
        size_bytes: answer.size_bytes,
        not_deleted_artifact_ids: answer.not_deleted_artifact_ids,
        more: answer.more,
        job: answer.job.map(Into::into),
    }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Restore {
    artifact_ids: Vec<String>,
    filter: String,
}

#[derive(Serialize)]
pub(super) struct Restored {
    restored_count: i64,
    not_restored_artifact_ids: Vec<String>,
    more: bool,
}

pub(super) async fn restore(
    State(services): State<Services>,
    call: Call,
    Input(restore): Input<Restore>,
) -> Result<Json<Restored>, Failure> {
    let request = RestoreArtifactsRequest {
        artifact_ids: restore.artifact_ids,
        idempotency_key: call.idempotency_key()?,
        matching: matching(restore.filter),
    };
    let answer = services.restore_artifacts(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Restored {
        restored_count: answer.restored_count,
        not_restored_artifact_ids: answer.not_restored_artifact_ids,
        more: answer.more,
    }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SetStage {
    stage: String,
    artifact_ids: Vec<String>,
    filter: String,
    agent_id: String,
}

/// What a bulk call changed, or the job that goes on with it.
#[derive(Serialize)]
pub(super) struct Changed {
    changed_count: i64,
    missing_artifact_ids: Vec<String>,
    job: Option<json::Job>,
}

pub(super) async fn stage(
    State(services): State<Services>,
    call: Call,
    Input(set): Input<SetStage>,
) -> Result<Json<Changed>, Failure> {
    let request = SetStageRequest {
        stage: value::stage(&set.stage),
        artifact_ids: set.artifact_ids,
        filter: set.filter,
        agent_id: set.agent_id,
        idempotency_key: call.idempotency_key()?,
        matching: None,
    };
    let answer = services.set_stage(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Changed {
        changed_count: answer.changed_count,
        missing_artifact_ids: answer.missing_artifact_ids,
        job: answer.job.map(Into::into),
    }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SetHold {
    /// False ends the hold.
    legal_hold: Option<bool>,
    artifact_ids: Vec<String>,
    filter: String,
}

pub(super) async fn hold(
    State(services): State<Services>,
    call: Call,
    Input(set): Input<SetHold>,
) -> Result<Json<Changed>, Failure> {
    let request = SetLegalHoldRequest {
        artifact_ids: set.artifact_ids,
        legal_hold: value::required("legal_hold", set.legal_hold)?,
        idempotency_key: call.idempotency_key()?,
        matching: matching(set.filter),
    };
    let answer = services.set_legal_hold(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Changed {
        changed_count: answer.changed_count,
        missing_artifact_ids: answer.missing_artifact_ids,
        job: answer.job.map(Into::into),
    }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BatchGet {
    artifact_ids: Vec<String>,
    names: Vec<Name>,
}

/// A file by its name; its latest version when none is given.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Name {
    filename: String,
    session_id: String,
    namespace: String,
    user_id: String,
    version: i64,
}

/// In the order of the request, first the ids and then the names.
#[derive(Serialize)]
pub(super) struct Outcomes {
    outcomes: Vec<ArtifactOutcome>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ArtifactOutcome {
    Found { artifact: Box<json::Artifact> },
    Failed(Box<json::Error>),
}

pub(super) async fn get(
    State(services): State<Services>,
    call: Call,
    Input(batch): Input<BatchGet>,
) -> Result<Json<Outcomes>, Failure> {
    let names = batch.names.into_iter().map(|name| v1::ArtifactName {
        filename: name.filename,
        session_id: name.session_id,
        namespace: name.namespace,
        user_id: name.user_id,
        version: name.version,
    });
    let request = BatchGetArtifactsRequest {
        artifact_ids: batch.artifact_ids,
        names: names.collect(),
    };
    let answer = services.batch_get_artifacts(call.request(request)).await?;
    let outcomes = answer.into_inner().outcomes.into_iter();
    let outcomes = outcomes.filter_map(|outcome| {
        Some(match outcome.outcome? {
            Outcome::Artifact(artifact) => ArtifactOutcome::Found {
                artifact: Box::new(artifact.into()),
            },
            Outcome::Error(error) => ArtifactOutcome::Failed(Box::new(to_item_json(error))),
        })
    });
    Ok(Json(Outcomes {
        outcomes: outcomes.collect(),
    }))
}

/// A content by its hash and length.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Declared {
    content_hash: String,
    size_bytes: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Contents {
    contents: Vec<Declared>,
}

/// Those whose bytes must be sent.
#[derive(Serialize)]
pub(super) struct Missing {
    missing: Vec<Declared>,
}

pub(super) async fn missing_content(
    State(services): State<Services>,
    call: Call,
    Input(asked): Input<Contents>,
) -> Result<Json<Missing>, Failure> {
    let contents = asked.contents.into_iter().map(|content| Content {
        content_hash: content.content_hash,
        size_bytes: content.size_bytes,
    });
    let request = FindMissingContentRequest {
        contents: contents.collect(),
    };
    let answer = services.find_missing_content(call.request(request)).await?;
    let missing = answer.into_inner().missing.into_iter();
    let missing = missing.map(|content| Declared {
        content_hash: content.content_hash,
        size_bytes: content.size_bytes,
    });
    Ok(Json(Missing {
        missing: missing.collect(),
    }))
}
