//! The bytes of artifacts: read and sent by signed URLs, which need no header.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::StatusCode,
};
use cairn_proto::json;
use cairn_store::{ArtifactRef, Caller, Error, Permission, SignedTicket, UploadEnd};
use futures_util::StreamExt;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answer::{Created, Streamed},
    call::{Call, Input, Named},
    query::Query,
    spec::SpecFields,
};
use crate::{
    admission::Admission,
    audit,
    grpc::{Services, convert},
    http::{failure::Failure, links},
    pace::{Arrived, Pace},
};

/// How long a URL for reading works.
const READ_LIFE: Duration = Duration::from_secs(900);
/// How long a URL for sending works.
const WRITE_LIFE: Duration = Duration::from_secs(3600);
/// The largest content for which a URL is signed, in bytes.
const MAX_UPLOAD: i64 = 5 << 30;

/// What a signed URL has beside its path.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Signature {
    ticket: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct DownloadUrl {
    download_url: String,
    filename: String,
    content_type: String,
    size_bytes: u64,
    /// In seconds.
    expires_in: u64,
    expires_at: Timestamp,
}

pub(super) async fn download_url(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
) -> Result<Json<DownloadUrl>, Failure> {
    let wanted = ArtifactRef::new(&artifact_id, None)?;
    let artifact = services.store.get_artifact(call.caller(), &wanted).await?;
    let (download_url, ticket) = sign(
        &services,
        call.caller(),
        Permission::Read,
        &artifact_id,
        READ_LIFE,
    )
    .await?;
    Ok(Json(DownloadUrl {
        download_url,
        filename: artifact.filename,
        content_type: artifact.content_type,
        size_bytes: artifact.size_bytes,
        expires_in: ticket.life.as_secs(),
        expires_at: ticket.expires_at,
    }))
}

/// The URL of an artifact's content with a ticket.
async fn sign(
    services: &Services,
    caller: &Caller,
    permission: Permission,
    artifact: &str,
    life: Duration,
) -> Result<(String, SignedTicket), Error> {
    let store = &services.store;
    let ticket = store
        .sign_ticket(caller, permission, artifact, life)
        .await?;
    let url = &services.public_url;
    let url = format!(
        "{url}/v1/artifacts/{artifact}/content?ticket={}",
        ticket.text
    );
    Ok((url, ticket))
}

/// The caller that a signed URL makes of the one who has it.
async fn caller_of(
    services: &Services,
    permission: Permission,
    artifact: &str,
    Signature { ticket }: &Signature,
) -> Result<Caller, Failure> {
    let caller = services.store.check_ticket(permission, artifact, ticket);
    let refused = || {
        let message = "this URL has expired, was not signed for this, or its key was revoked; ask for a new one";
        Failure::of_http(StatusCode::FORBIDDEN, "forbidden", message)
    };
    caller.await?.ok_or_else(refused)
}

/// GET and HEAD of a signed URL: ranges and conditions are those of links.
pub(super) async fn read(
    State(services): State<Services>,
    Named(artifact_id): Named,
    Query(signature): Query<Signature>,
    Extension(admission): Extension<Arc<Admission>>,
    request: Request,
) -> Result<Streamed, Failure> {
    let caller = caller_of(&services, Permission::Read, &artifact_id, &signature).await?;
    let caller = caller.with_origin(audit::origin(request.extensions()));
    let (_, admitted) = admission.admit_caller(&caller, "").await?;
    let wanted = ArtifactRef::new(&artifact_id, None)?;
    let download = services.store.open_artifact(&caller, &wanted).await?;
    let answer = links::answer(download, request.method(), request.headers()).await?;
    Ok(Streamed(answer.map(|body| admitted.until_sent(body))))
}

#[derive(JsonSchema, Serialize)]
pub(super) struct UploadUrl {
    artifact_id: String,
    upload_url: String,
    upload_method: &'static str,
    upload_headers: UploadHeaders,
    /// In seconds.
    expires_in: u64,
    filename: String,
    content_type: String,
    size_bytes: i64,
}

/// None but those that every client sends.
#[derive(JsonSchema, Serialize)]
struct UploadHeaders {}

pub(super) async fn upload_url(
    State(services): State<Services>,
    call: Call,
    Input(fields): Input<SpecFields>,
) -> Result<Created<UploadUrl>, Failure> {
    let size_bytes = super::value::required("size_bytes", fields.size_bytes)?;
    if size_bytes > MAX_UPLOAD {
        let limit_bytes = MAX_UPLOAD.unsigned_abs();
        let hint = " of one request; send larger content with gRPC";
        return Err(Error::FileTooLarge { limit_bytes, hint }.into());
    }
    let (filename, content_type) = (fields.filename.clone(), fields.content_type.clone());
    let spec = fields.raw(call.idempotency_key()?)?;
    let id = services.store.reserve_upload(call.caller(), spec).await?;
    let artifact_id = id.to_string();
    let (upload_url, ticket) = sign(
        &services,
        call.caller(),
        Permission::Write,
        &artifact_id,
        WRITE_LIFE,
    )
    .await?;
    Ok(Created(UploadUrl {
        artifact_id,
        upload_url,
        upload_method: "PUT",
        upload_headers: UploadHeaders {},
        expires_in: ticket.life.as_secs(),
        filename,
        content_type,
        size_bytes,
    }))
}

/// PUT of a signed URL: the whole content in one request. The same content may be sent again; other content is refused.
pub(super) async fn write(
    State(services): State<Services>,
    Named(artifact_id): Named,
    Query(signature): Query<Signature>,
    Extension(admission): Extension<Arc<Admission>>,
    request: Request,
) -> Result<Json<json::Artifact>, Failure> {
    let caller = caller_of(&services, Permission::Write, &artifact_id, &signature).await?;
    let caller = caller.with_origin(audit::origin(request.extensions()));
    let (_, admitted) = admission.admit_caller(&caller, "").await?;
    let arrived = Arrived::default();
    let mut pace = Pace::new(arrived.clone(), services.store.limits());
    let mut body = arrived
        .count(admitted.received(request.into_body()))
        .into_data_stream();
    let mut upload = services
        .store
        .begin_reserved_upload(&caller, &artifact_id)
        .await?;
    while let Some(piece) = pace.wait_for(body.next()).await? {
        let piece = piece.map_err(|_| Error::invalid("body", "broke off before its end"))?;
        upload.write(piece).await?;
    }
    let created = upload.finish(UploadEnd::default()).await?;
    Ok(Json(convert::created(created).into()))
}

pub(super) async fn complete(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
) -> Result<Json<json::Artifact>, Failure> {
    let artifact = services.store.complete_upload(call.caller(), &artifact_id);
    Ok(Json(convert::artifact(artifact.await?).into()))
}
