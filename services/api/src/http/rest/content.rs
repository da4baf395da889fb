//! The bytes of artifacts: read and sent by signed URLs, which need no header.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::StatusCode,
};
use cairn_proto::json;
use cairn_store::{ArtifactRef, Caller, Error, Permission, UploadEnd};
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
    grpc::{Services, convert, uploads::to_its_end, urls},
    http::{delivery, failure::Failure},
    pace::{Arrived, Pace},
};

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

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct UrlQuery {
    /// In seconds: 900 unless it is given.
    #[schemars(range(min = 1, max = 3600))]
    expires_in: Option<u64>,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct DownloadUrl {
    download_url: String,
    filename: String,
    content_type: String,
    size_bytes: u64,
    content_hash: String,
    /// In seconds.
    expires_in: u64,
    expires_at: Timestamp,
}

pub(super) async fn download_url(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Query(query): Query<UrlQuery>,
) -> Result<Json<DownloadUrl>, Failure> {
    let wanted = ArtifactRef::new(&artifact_id, None)?;
    let life = query.expires_in.map(Duration::from_secs);
    let signed = urls::sign(&services, call.caller(), &wanted, life).await;
    let (download_url, signed) = signed?;
    Ok(Json(DownloadUrl {
        download_url,
        filename: signed.artifact.filename,
        content_type: signed.artifact.content_type,
        size_bytes: signed.artifact.size_bytes,
        content_hash: signed.artifact.content_hash.to_string(),
        expires_in: signed.life.as_secs(),
        expires_at: signed.expires_at,
    }))
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
    let answer = delivery::answer(download, request.method(), request.headers()).await?;
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
    let key = call.idempotency_key()?;
    // A retry must work after the upload is finished too, when a URL of S3 is without effect.
    let size = u64::try_from(size_bytes).unwrap_or(0);
    let of_s3 = key.is_empty() && fields.content_hash.is_empty() && services.store.presigns(size);
    let spec = fields.raw(key)?;
    let (artifact_id, upload_url, expires_in) = if of_s3 {
        let signed = services
            .store
            .presign_upload(call.caller(), spec, WRITE_LIFE);
        let (id, part, life) = signed.await?;
        (id.to_string(), part.url, life.as_secs())
    } else {
        let id = services.store.reserve_upload(call.caller(), spec).await?;
        let store = &services.store;
        let ticket = store.sign_ticket(call.caller(), Permission::Write, id.as_str(), WRITE_LIFE);
        let ticket = ticket.await?;
        let url = urls::of_content(&services, id.as_str(), &ticket.text);
        (id.to_string(), url, ticket.life.as_secs())
    };
    Ok(Created(UploadUrl {
        artifact_id,
        upload_url,
        upload_method: "PUT",
        upload_headers: UploadHeaders {},
        expires_in,
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
    let (store, caller) = (services.store.clone(), call.caller().clone());
    // It may combine parts, as FinishUpload does.
    let completing = async move { store.complete_upload(&caller, &artifact_id).await };
    Ok(Json(
        convert::artifact(to_its_end(completing).await?).into(),
    ))
}
