//! Calls about several artifacts at once: by their ids, or by an expression that they match.

use axum::{Json, body::Bytes, extract::State};
use base64::{Engine, prelude::BASE64_STANDARD as STANDARD};
use cairn_proto::{
    json,
    v1::{
        self, ArtifactFilter, BatchGetArtifactsRequest, Content, DeleteArtifactsRequest,
        FindMissingContentRequest, RestoreArtifactsRequest, SetLegalHoldRequest, SetStageRequest,
        artifact_outcome::Outcome, artifact_service_server::ArtifactService,
    },
};
use cairn_store::{ArtifactSpec, Error};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    call::{Call, Input, InputWithContent},
    matching::Matching,
    spec::SpecFields,
    value,
};
use crate::{
    error::to_item_json,
    grpc::{Services, batch},
    http::failure::Failure,
};

/// Which artifacts a deletion is about: exactly one of the three is given.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Selected {
    artifact_ids: Vec<String>,
    /// An expression, as `ListArtifactsRequest.filter` has it.
    filter: String,
    matching: Option<Matching>,
    /// Of a deletion: only say what it would delete.
    validate_only: bool,
}

/// The one of an expression and fields that is given, for an RPC that has no field for the expression alone.
fn either(filter: String, matching: Option<Matching>) -> Result<Option<ArtifactFilter>, Error> {
    match (filter.is_empty(), matching) {
        (true, matching) => matching.map(Matching::filter).transpose(),
        (false, None) => Ok(Some(ArtifactFilter {
            filter,
            ..ArtifactFilter::default()
        })),
        (false, Some(_)) => {
            let rule = "must not be given beside filter";
            Err(Error::invalid("matching", rule))
        }
    }
}

/// What a deletion did, or the job that goes on with it.
#[derive(JsonSchema, Serialize)]
pub(super) struct BulkDeleted {
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
) -> Result<Json<BulkDeleted>, Failure> {
    let request = DeleteArtifactsRequest {
        artifact_ids: selected.artifact_ids,
        filter: selected.filter,
        validate_only: selected.validate_only,
        idempotency_key: call.idempotency_key()?,
        matching: selected.matching.map(Matching::filter).transpose()?,
    };
    let answer = services.delete_artifacts(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(BulkDeleted {
        deleted_count: answer.deleted_count,
        size_bytes: answer.size_bytes,
        not_deleted_artifact_ids: answer.not_deleted_artifact_ids,
        more: answer.more,
        job: answer.job.map(Into::into),
    }))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Restore {
    artifact_ids: Vec<String>,
    filter: String,
    matching: Option<Matching>,
}

#[derive(JsonSchema, Serialize)]
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
        matching: either(restore.filter, restore.matching)?,
    };
    let answer = services.restore_artifacts(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Restored {
        restored_count: answer.restored_count,
        not_restored_artifact_ids: answer.not_restored_artifact_ids,
        more: answer.more,
    }))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SetStage {
    stage: String,
    artifact_ids: Vec<String>,
    filter: String,
    matching: Option<Matching>,
    agent_id: String,
}

/// What a bulk call changed, or the job that goes on with it.
#[derive(JsonSchema, Serialize)]
pub(super) struct Changed {
    changed_count: i64,
    missing_artifact_ids: Vec<String>,
    job: Option<json::Job>,
}

pub(super) async fn stage(
    State(services): State<Services>,
    call: Call,
    Input(set): Input<SetStage>,
) -> Result<Json<json::Staged>, Failure> {
    let request = SetStageRequest {
        stage: value::stage(&set.stage),
        artifact_ids: set.artifact_ids,
        filter: set.filter,
        agent_id: set.agent_id,
        idempotency_key: call.idempotency_key()?,
        matching: set.matching.map(Matching::filter).transpose()?,
    };
    let answer = services.set_stage(call.request(request)).await?;
    Ok(Json(answer.into_inner().into()))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SetHold {
    /// False ends the hold.
    legal_hold: Option<bool>,
    artifact_ids: Vec<String>,
    filter: String,
    matching: Option<Matching>,
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
        matching: either(set.filter, set.matching)?,
    };
    let answer = services.set_legal_hold(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Changed {
        changed_count: answer.changed_count,
        missing_artifact_ids: answer.missing_artifact_ids,
        job: answer.job.map(Into::into),
    }))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BatchGet {
    artifact_ids: Vec<String>,
    names: Vec<Name>,
}

/// A file by its name; its latest version when none is given.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Name {
    filename: String,
    session_id: String,
    namespace: String,
    user_id: String,
    version: i64,
}

/// In the order of the request, first the ids and then the names.
#[derive(JsonSchema, Serialize)]
pub(super) struct Outcomes {
    outcomes: Vec<ArtifactOutcome>,
}

#[derive(JsonSchema, Serialize)]
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
    Ok(shown(answer.into_inner().outcomes))
}

fn shown(outcomes: Vec<v1::ArtifactOutcome>) -> Json<Outcomes> {
    let outcomes = outcomes.into_iter().filter_map(|outcome| {
        Some(match outcome.outcome? {
            Outcome::Artifact(artifact) => ArtifactOutcome::Found {
                artifact: Box::new(artifact.into()),
            },
            Outcome::Error(error) => ArtifactOutcome::Failed(Box::new(to_item_json(error))),
        })
    });
    Json(Outcomes {
        outcomes: outcomes.collect(),
    })
}

/// Artifacts with their content, each at most 3 MiB, all of them at most 4 MiB as JSON.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BatchCreate {
    artifacts: Vec<WithContent>,
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WithContent {
    spec: SpecFields,
    /// The content, if it is text.
    content: String,
    /// The content, if it is not; in base64.
    content_base64: String,
}

impl WithContent {
    fn content(&mut self) -> Result<Bytes, Error> {
        let text = std::mem::take(&mut self.content);
        match (text.is_empty(), self.content_base64.is_empty()) {
            (_, true) => Ok(text.into()),
            (true, false) => {
                let bytes = STANDARD.decode(&self.content_base64);
                let rule = "must be base64, with padding";
                let bytes = bytes.map_err(|_| Error::invalid("content_base64", rule))?;
                Ok(bytes.into())
            }
            (false, false) => {
                let rule = "must not be given beside content";
                Err(Error::invalid("content_base64", rule))
            }
        }
    }
}

/// Creates each as one call would. With an idempotency key, each has a key of its own that is made of it and of the
/// artifact's place.
pub(super) async fn create(
    State(services): State<Services>,
    call: Call,
    Input(batch): InputWithContent<BatchCreate>,
) -> Result<Json<Outcomes>, Failure> {
    batch::check("artifacts", batch.artifacts.len())?;
    let key = call.idempotency_key()?;
    let items = batch.artifacts.into_iter().enumerate();
    let items = items.map(|(place, mut item)| {
        let key = match key.as_str() {
            "" => String::new(),
            key => format!("{key}#{place}"),
        };
        let content = item.content()?;
        Ok((ArtifactSpec::new(item.spec.raw(key)?)?, content))
    });
    let outcomes = batch::create(&services.store, call.caller(), items.collect()).await;
    Ok(shown(outcomes))
}

/// A content by its hash and length.
#[derive(Debug, Default, JsonSchema, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Declared {
    content_hash: String,
    size_bytes: i64,
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Contents {
    contents: Vec<Declared>,
}

/// Those whose bytes must be sent.
#[derive(JsonSchema, Serialize)]
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
