//! The artifacts of a session as agent harnesses know them: a text with a title and a type, in versions.
//!
//! Such an artifact is a file of the session. Its id is that of any of its versions, so an id that a caller has kept stays
//! valid when the content changes.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::header};
use cairn_proto::{
    json,
    v1::{
        self, DeleteArtifactRequest, ListArtifactsRequest, ListVersionsRequest,
        UpdateArtifactRequest, artifact_service_server::ArtifactService,
    },
};
use cairn_store::{Artifact, ArtifactRef, ArtifactSpec, Error, RawName};
use prost_types::FieldMask;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answer::Created,
    call::{Call, Input, InputWithContent, Named},
    query::Query,
    spec::SpecFields,
    value::{self, page_size},
};
use crate::{
    grpc::{Services, convert},
    http::failure::Failure,
};

/// The longest content that an answer has, in bytes.
const MAX_CONTENT: u64 = 256 << 10;

/// An artifact's record, under the names of harnesses too.
#[derive(JsonSchema, Serialize)]
pub(super) struct SessionArtifact {
    id: String,
    r#type: Option<String>,
    #[serde(flatten)]
    artifact: json::Artifact,
}

impl From<v1::Artifact> for SessionArtifact {
    fn from(artifact: v1::Artifact) -> Self {
        let artifact = json::Artifact::from(artifact);
        Self {
            id: artifact.artifact_id.clone(),
            r#type: artifact.kind.clone(),
            artifact,
        }
    }
}

fn shown(artifact: Artifact) -> SessionArtifact {
    convert::artifact(artifact).into()
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListQuery {
    /// A kind.
    r#type: String,
    stage: String,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i32>,
    cursor: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct SessionArtifacts {
    artifacts: Vec<SessionArtifact>,
    #[serde(flatten)]
    page: json::Page,
}

/// The latest version of each file.
pub(super) async fn list(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
    Query(query): Query<ListQuery>,
) -> Result<Json<SessionArtifacts>, Failure> {
    let request = ListArtifactsRequest {
        page_size: page_size(query.limit)?,
        page_token: query.cursor,
        session_id,
        kind: value::kind(&query.r#type),
        stage: value::stage(&query.stage),
        latest_only: true,
        ..ListArtifactsRequest::default()
    };
    let answer = services.list_artifacts(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(SessionArtifacts {
        artifacts: answer.artifacts.into_iter().map(Into::into).collect(),
        page: json::Page::before(answer.next_page_token),
    }))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct New {
    title: String,
    content: String,
    r#type: String,
    language: String,
    /// The name of the file; the title when it is not given.
    file_path: String,
    change_summary: String,
    stage: String,
    ttl: String,
    agent_id: String,
    labels: Vec<String>,
    metadata: BTreeMap<String, String>,
    persistent: bool,
}

/// Creates a file, or the next version of one that has this name.
pub(super) async fn create(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
    Input(new): InputWithContent<New>,
) -> Result<Created<SessionArtifact>, Failure> {
    let filename = match new.file_path.as_str() {
        // In a name, a slash would begin a folder.
        "" => new.title.replace('/', "-"),
        path => path.to_owned(),
    };
    let spec = SpecFields {
        filename,
        session_id,
        title: new.title,
        kind: new.r#type,
        language: new.language,
        change_summary: new.change_summary,
        stage: new.stage,
        ttl: new.ttl,
        agent_id: new.agent_id,
        labels: new.labels,
        metadata: new.metadata,
        persistent: new.persistent,
        ..SpecFields::default()
    };
    let made = store(&services, &call, spec, new.content).await?;
    Ok(Created(made.0))
}

/// The time to live that an artifact was made with, as a request writes it.
fn ttl_of(artifact: &Artifact) -> String {
    match artifact.expires_at {
        None => "longest".to_owned(),
        Some(end) => format!("{}s", end.duration_since(artifact.created_at).as_secs()),
    }
}

async fn store(
    services: &Services,
    call: &Call,
    spec: SpecFields,
    content: String,
) -> Result<Json<SessionArtifact>, Failure> {
    let spec = ArtifactSpec::new(spec.raw(call.idempotency_key()?)?)?;
    let created = services
        .store
        .create_artifact(call.caller(), spec, content.into());
    Ok(Json(convert::created(created.await?).into()))
}

/// The file that an id is of, within a session.
async fn file(
    services: &Services,
    call: &Call,
    (session_id, artifact_id): &(String, String),
) -> Result<RawName, Error> {
    let wanted = ArtifactRef::new(artifact_id, None)?;
    let artifact = services.store.get_artifact(call.caller(), &wanted).await?;
    if artifact.session_id.as_ref() != Some(session_id) {
        return Err(Error::ArtifactNotFound(artifact_id.clone()));
    }
    Ok(RawName {
        filename: artifact.filename,
        session_id: session_id.clone(),
        namespace: artifact.namespace,
        user_id: artifact.user_id,
        version: 0,
    })
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GetQuery {
    /// The latest one when it is not given.
    version: i64,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct SessionArtifactWithContent {
    #[serde(flatten)]
    shown: SessionArtifact,
    /// The content; null where it is longer than 256 KiB or not UTF-8.
    content: Option<String>,
}

pub(super) async fn get(
    State(services): State<Services>,
    call: Call,
    Named(ids): Named<(String, String)>,
    Query(query): Query<GetQuery>,
) -> Result<Json<SessionArtifactWithContent>, Failure> {
    let mut name = file(&services, &call, &ids).await?;
    name.version = query.version;
    let wanted = ArtifactRef::new("", Some(name))?;
    let download = services.store.open_artifact(call.caller(), &wanted).await?;
    let artifact = download.artifact().clone();
    let content = if artifact.size_bytes <= MAX_CONTENT {
        let bytes = download.read(0, None).all().await?;
        String::from_utf8(bytes.into()).ok()
    } else {
        None
    };
    Ok(Json(SessionArtifactWithContent {
        shown: shown(artifact),
        content,
    }))
}

/// What to change; a field that is not given stays.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Update {
    title: Option<String>,
    stage: Option<String>,
    /// As `30d`, `never` or `longest`. A new version is kept as long as the latest one was to be, unless it is given.
    ttl: Option<String>,
    /// The content of a new version, which keeps the rest of the latest one's record.
    content: Option<String>,
    /// Of a new version.
    change_summary: String,
    /// Of a new version: it is refused unless this one is the latest.
    if_version: Option<i64>,
    agent_id: String,
}

pub(super) async fn update(
    State(services): State<Services>,
    call: Call,
    Named(ids): Named<(String, String)>,
    Input(update): InputWithContent<Update>,
) -> Result<Json<SessionArtifact>, Failure> {
    let name = file(&services, &call, &ids).await?;
    let wanted = ArtifactRef::new("", Some(name))?;
    let latest = services.store.get_artifact(call.caller(), &wanted).await?;
    let (etag, version) = (latest.etag(), latest.version);
    let if_match = call.if_match();
    // The tag is of the record that the path names, and each version has a record of its own.
    let named = ids.1 == latest.id.as_str() && if_match == etag;
    if !if_match.is_empty() && !named {
        let filename = latest.filename.clone();
        let current = Some(Box::new(latest));
        return Err(Error::VersionConflict { filename, current }.into());
    }
    if let Some(content) = update.content {
        // Nothing may come between the record that was read and the new version.
        let if_version = match if_match.is_empty() {
            true => update.if_version,
            false => update.if_version.or(Some(version)),
        };
        let ttl = update.ttl.unwrap_or_else(|| ttl_of(&latest));
        let latest = json::Artifact::from(convert::artifact(latest));
        let spec = SpecFields {
            filename: latest.filename,
            content_type: latest.content_type,
            session_id: latest.session_id.unwrap_or_default(),
            namespace: latest.namespace.unwrap_or_default(),
            user_id: latest.user_id.unwrap_or_default(),
            agent_id: update.agent_id,
            metadata: latest.metadata,
            title: update.title.or(latest.title).unwrap_or_default(),
            kind: latest.kind.unwrap_or_default(),
            language: latest.language.unwrap_or_default(),
            change_summary: update.change_summary,
            stage: update.stage.or(latest.stage).unwrap_or_default(),
            labels: latest.labels,
            ttl,
            if_version,
            persistent: latest.persistent,
            ..SpecFields::default()
        };
        return store(&services, &call, spec, content).await;
    }
    for (given, field) in [
        (!update.change_summary.is_empty(), "change_summary"),
        (update.if_version.is_some(), "if_version"),
    ] {
        if given {
            return Err(Error::invalid(field, "must not be given without content").into());
        }
    }
    let named = [
        (update.title.is_some(), "title"),
        (update.stage.is_some(), "stage"),
        (update.ttl.is_some(), "expiry"),
    ];
    let ttl = update.ttl.as_deref().map(value::ttl).transpose()?;
    let paths = named.into_iter().filter(|(is_given, _)| *is_given);
    let request = UpdateArtifactRequest {
        artifact_id: latest.id.to_string(),
        expiry: ttl.map(value::Ttl::expiry),
        update_mask: Some(FieldMask {
            paths: paths.map(|(_, path)| path.to_owned()).collect(),
        }),
        title: update.title.unwrap_or_default(),
        stage: value::stage(&update.stage.unwrap_or_default()),
        agent_id: update.agent_id,
        etag: if_match,
        idempotency_key: call.idempotency_key()?,
        ..UpdateArtifactRequest::default()
    };
    let answer = services.update_artifact(call.request(request)).await?;
    Ok(Json(
        answer.into_inner().artifact.unwrap_or_default().into(),
    ))
}

#[derive(JsonSchema, Serialize)]
pub(super) struct DeletedFile {
    id: String,
    deleted: bool,
    /// How many versions were deleted.
    deleted_count: i64,
}

/// Refuses a condition on a deletion, which could not be checked together with it.
pub(super) fn refuse_if_match(call: &Call) -> Result<(), Error> {
    match call.header(&header::IF_MATCH) {
        "" => Ok(()),
        _ => Err(Error::invalid(
            "if-match",
            "must not be given: a deletion has no condition",
        )),
    }
}

/// Deletes every version. A second deletion finds no file, whatever its idempotency key.
pub(super) async fn delete(
    State(services): State<Services>,
    call: Call,
    Named(ids): Named<(String, String)>,
) -> Result<Json<DeletedFile>, Failure> {
    refuse_if_match(&call)?;
    let name = file(&services, &call, &ids).await?;
    let request = DeleteArtifactRequest {
        name: Some(named(name)),
        all_versions: true,
        idempotency_key: call.idempotency_key()?,
        ..DeleteArtifactRequest::default()
    };
    let answer = services.delete_artifact(call.request(request)).await?;
    Ok(Json(DeletedFile {
        id: ids.1,
        deleted: true,
        deleted_count: answer.into_inner().deleted_count,
    }))
}

fn named(name: RawName) -> v1::ArtifactName {
    v1::ArtifactName {
        filename: name.filename,
        session_id: name.session_id,
        namespace: name.namespace,
        user_id: name.user_id,
        version: name.version,
    }
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct VersionsQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i32>,
    cursor: String,
}

pub(super) async fn versions(
    State(services): State<Services>,
    call: Call,
    Named(ids): Named<(String, String)>,
    Query(query): Query<VersionsQuery>,
) -> Result<Json<SessionArtifacts>, Failure> {
    let name = file(&services, &call, &ids).await?;
    let request = ListVersionsRequest {
        page_size: page_size(query.limit)?,
        page_token: query.cursor,
        name: Some(named(name)),
        read_mask: None,
    };
    let answer = services.list_versions(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(SessionArtifacts {
        artifacts: answer.artifacts.into_iter().map(Into::into).collect(),
        page: json::Page::before(answer.next_page_token),
    }))
}
