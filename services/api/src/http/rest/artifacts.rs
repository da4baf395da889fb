//! Artifacts: reading and changing records.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::header};
use cairn_proto::{
    json,
    v1::{
        self, DeleteArtifactRequest, GetArtifactRequest, GetLineageRequest, LineageDirection,
        ListArtifactsRequest, ListStageChangesRequest, ListVersionsRequest, UpdateArtifactRequest,
        artifact_service_server::ArtifactService,
    },
};
use cairn_store::ArtifactRef;
use prost_types::FieldMask;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answer::{Created, Record},
    call::{Call, Input, Named},
    query::{Query, QueryWithMetadata},
    session_artifacts::refuse_if_match,
    spec::SpecFields,
    value::{self, Ttl, moment, page_size},
};
use crate::{
    grpc::{Services, convert},
    http::failure::Failure,
};

/// Which artifacts to list; all that is given must hold, beside parameters `metadata.KEY=VALUE`.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListQuery {
    session_id: String,
    agent_id: String,
    namespace: String,
    user_id: String,
    filename: String,
    filename_prefix: String,
    content_type: String,
    kind: String,
    stage: String,
    label: Vec<String>,
    created_after: Option<String>,
    created_before: Option<String>,
    /// An expression, as `ListArtifactsRequest.filter` has it.
    filter: String,
    latest_only: bool,
    include_user_scope: bool,
    order_by: String,
    /// `/` lists one level of a folder: files, and prefixes.
    delimiter: String,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i32>,
    cursor: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Artifacts {
    artifacts: Vec<json::Artifact>,
    /// With a delimiter, the folders of the level.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prefixes: Vec<String>,
    #[serde(flatten)]
    page: json::Page,
}

pub(super) async fn list(
    State(services): State<Services>,
    call: Call,
    QueryWithMetadata(query, metadata): QueryWithMetadata<ListQuery>,
) -> Result<Json<Artifacts>, Failure> {
    let request = ListArtifactsRequest {
        page_size: page_size(query.limit)?,
        page_token: query.cursor,
        session_id: query.session_id,
        agent_id: query.agent_id,
        namespace: query.namespace,
        user_id: query.user_id,
        filename: query.filename,
        filename_prefix: query.filename_prefix,
        content_type: query.content_type,
        kind: value::kind(&query.kind),
        stage: value::stage(&query.stage),
        labels: query.label,
        created_after: moment("created_after", query.created_after.as_deref())?,
        created_before: moment("created_before", query.created_before.as_deref())?,
        metadata: metadata.into_iter().collect(),
        filter: query.filter,
        latest_only: query.latest_only,
        include_user_scope: query.include_user_scope,
        order_by: query.order_by,
        delimiter: query.delimiter,
        ..ListArtifactsRequest::default()
    };
    let answer = services.list_artifacts(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Artifacts {
        artifacts: answer.artifacts.into_iter().map(Into::into).collect(),
        prefixes: answer.prefixes,
        page: json::Page::before(answer.next_page_token),
    }))
}

pub(super) async fn get(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
) -> Result<Record, Failure> {
    let if_none_match = call.header(&header::IF_NONE_MATCH).to_owned();
    let request = GetArtifactRequest {
        artifact_id,
        name: None,
    };
    let answer = services.get_artifact(call.request(request)).await?;
    Ok(Record::of(answer.into_inner().artifact, &if_none_match))
}

/// What to change; a field that is not given stays, and a metadata value of null removes its key.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Update {
    title: Option<String>,
    labels: Option<Vec<String>>,
    stage: Option<String>,
    metadata: Option<BTreeMap<String, Option<String>>>,
    ttl: Option<String>,
    persistent: Option<bool>,
    agent_id: String,
}

pub(super) async fn update(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Input(update): Input<Update>,
) -> Result<Record, Failure> {
    let mut paths = Vec::new();
    let mut given = |is_given, path: &str| {
        if is_given {
            paths.push(path.to_owned());
        }
    };
    given(update.title.is_some(), "title");
    given(update.labels.is_some(), "labels");
    given(update.stage.is_some(), "stage");
    given(update.ttl.is_some(), "expiry");
    given(update.persistent.is_some(), "persistent");
    let mut metadata = BTreeMap::new();
    for (key, value) in update.metadata.unwrap_or_default() {
        given(true, &format!("metadata.{key}"));
        metadata.extend(value.map(|value| (key, value)));
    }
    let ttl = update.ttl.as_deref().map(value::ttl).transpose()?;
    let request = UpdateArtifactRequest {
        artifact_id,
        update_mask: Some(FieldMask { paths }),
        title: update.title.unwrap_or_default(),
        labels: update.labels.unwrap_or_default(),
        stage: value::stage(&update.stage.unwrap_or_default()),
        metadata: metadata.into_iter().collect(),
        persistent: update.persistent.unwrap_or_default(),
        expiry: ttl.map(Ttl::expiry),
        agent_id: update.agent_id,
        etag: call.if_match(),
        idempotency_key: call.idempotency_key()?,
        ..UpdateArtifactRequest::default()
    };
    let answer = services.update_artifact(call.request(request)).await?;
    Ok(Record::of(answer.into_inner().artifact, ""))
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Deleted {
    #[serde(flatten)]
    deleted: json::DeletedArtifact,
    /// Until when it can be restored.
    purge_after: Option<jiff::Timestamp>,
}

pub(super) async fn delete(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
) -> Result<Json<Deleted>, Failure> {
    refuse_if_match(&call)?;
    let request = DeleteArtifactRequest {
        artifact_id,
        idempotency_key: call.idempotency_key()?,
        ..DeleteArtifactRequest::default()
    };
    let answer = services.delete_artifact(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Deleted {
        deleted: json::DeletedArtifact {
            artifact_id: json::present(answer.artifact_id),
            deleted: true,
            deleted_at: json::timestamp(answer.deleted_at),
        },
        purge_after: json::timestamp(answer.purge_after),
    }))
}

pub(super) async fn copy(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Input(spec): Input<SpecFields>,
) -> Result<Created<json::Artifact>, Failure> {
    let source = ArtifactRef::new(&artifact_id, None)?;
    let spec = spec.raw(call.idempotency_key()?)?;
    let copied = services.store.copy_artifact(call.caller(), &source, spec);
    let copied = convert::created(copied.await?);
    Ok(Created(copied.into()))
}

/// A file, whose versions are listed.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct VersionsQuery {
    filename: String,
    session_id: String,
    namespace: String,
    user_id: String,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i32>,
    cursor: String,
}

pub(super) async fn versions(
    State(services): State<Services>,
    call: Call,
    Query(query): Query<VersionsQuery>,
) -> Result<Json<Artifacts>, Failure> {
    let request = ListVersionsRequest {
        page_size: page_size(query.limit)?,
        page_token: query.cursor,
        name: Some(v1::ArtifactName {
            filename: query.filename,
            session_id: query.session_id,
            namespace: query.namespace,
            user_id: query.user_id,
            ..v1::ArtifactName::default()
        }),
        read_mask: None,
    };
    let answer = services.list_versions(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Artifacts {
        artifacts: answer.artifacts.into_iter().map(Into::into).collect(),
        prefixes: vec![],
        page: json::Page::before(answer.next_page_token),
    }))
}

#[derive(JsonSchema, Serialize)]
pub(super) struct StageChanges {
    changes: Vec<json::StageChange>,
}

pub(super) async fn stages(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
) -> Result<Json<StageChanges>, Failure> {
    let request = ListStageChangesRequest {
        artifact_id,
        name: None,
    };
    let answer = services.list_stage_changes(call.request(request)).await?;
    let changes = answer.into_inner().changes.into_iter();
    Ok(Json(StageChanges {
        changes: changes.map(Into::into).collect(),
    }))
}

/// In which direction, and how far, the graph of inputs and outputs is followed.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LineageQuery {
    /// `inputs` or `outputs`.
    direction: String,
    max_depth: i32,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i32>,
    cursor: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct ArtifactLineage {
    #[serde(flatten)]
    lineage: json::Lineage,
    #[serde(flatten)]
    page: json::Page,
}

pub(super) async fn lineage(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Query(query): Query<LineageQuery>,
) -> Result<Json<ArtifactLineage>, Failure> {
    let direction = value::number(&query.direction, "LINEAGE_DIRECTION_", |name| {
        LineageDirection::from_str_name(name).map(Into::into)
    });
    let request = GetLineageRequest {
        artifact_id,
        name: None,
        direction,
        max_depth: query.max_depth,
        page_size: page_size(query.limit)?,
        page_token: query.cursor,
    };
    let answer = services.get_lineage(call.request(request)).await?;
    let answer = answer.into_inner();
    let derivations = answer.derivations.into_iter();
    let artifacts = answer.artifacts.into_iter();
    Ok(Json(ArtifactLineage {
        lineage: json::Lineage {
            derivations: derivations.map(Into::into).collect(),
            artifacts: artifacts.map(Into::into).collect(),
            truncated: answer.truncated,
        },
        page: json::Page::before(answer.next_page_token),
    }))
}
