//! Resumable uploads, by the careful profile of draft-ietf-httpbis-resumable-upload: the upload is created without
//! content, and each PATCH appends to it. The last one makes the artifact.

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cairn_proto::json;
use cairn_store::{Caller, Error, Finish, OpenUpload, Result, Store, UploadState, UploadWriter};
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answer::{Appended, Created, NoContent, WithHeaders},
    call::{Call, Entered, Input, Named, PartialUpload},
    query::Query,
    spec::SpecFields,
    value::page_size,
};
use crate::{
    error::to_status,
    grpc::{Services, convert},
    http::failure::Failure,
    pace::{Arrived, Pace},
};

const COMPLETE: HeaderName = HeaderName::from_static("upload-complete");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const LIMIT: HeaderName = HeaderName::from_static("upload-limit");
const DIGEST: HeaderName = HeaderName::from_static("repr-digest");

const PARTIAL: &str = "application/partial-upload";
/// The unread bytes of a request that count as memory.
const MEMORY: usize = 1 << 20;

/// An upload, as JSON.
#[derive(JsonSchema, Serialize)]
pub(super) struct Upload {
    upload_id: String,
    state: &'static str,
    committed_bytes: u64,
    size_bytes: Option<u64>,
    content_hash: Option<String>,
    filename: String,
    session_id: Option<String>,
    created_at: Timestamp,
    expires_at: Timestamp,
    artifact_id: Option<String>,
    /// The size of every part but the last, if its parts go to signed URLs.
    presigned_part_bytes: Option<u64>,
}

impl From<OpenUpload> for Upload {
    fn from(upload: OpenUpload) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            upload_id: upload.id.to_string(),
            state: match upload.state {
                UploadState::Open => "open",
                UploadState::Finishing => "finishing",
                UploadState::Finished => "finished",
                UploadState::Ended => "ended",
            },
            committed_bytes: upload.committed_bytes,
            size_bytes: upload.size_bytes,
            content_hash: given(upload.content_hash),
            filename: upload.filename,
            session_id: given(upload.session_id),
            created_at: upload.created_at,
            expires_at: upload.expires_at,
            artifact_id: upload.artifact_id,
            presigned_part_bytes: upload.presigned_part_bytes,
        }
    }
}

/// The spec of a client that can send no body of its own.
#[derive(Debug, Default, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct StartQuery {
    filename: String,
    content_type: String,
    session_id: String,
    namespace: String,
    user_id: String,
    agent_id: String,
    ttl: String,
}

impl StartQuery {
    fn fields(self) -> SpecFields {
        SpecFields {
            filename: self.filename,
            content_type: self.content_type,
            session_id: self.session_id,
            namespace: self.namespace,
            user_id: self.user_id,
            agent_id: self.agent_id,
            ttl: self.ttl,
            ..SpecFields::default()
        }
    }
}

/// POST: the spec is the JSON body, or the query where a client can send no body of its own.
pub(super) async fn start(
    State(services): State<Services>,
    call: Call,
    Query(query): Query<StartQuery>,
    Input(body): Input<SpecFields>,
) -> Result<WithHeaders<Created<Upload>>, Failure> {
    let in_query = query != StartQuery::default();
    if in_query && body != SpecFields::default() {
        let rule = "must be empty if the body has the spec: give the spec in one of them";
        return Err(Error::invalid("query", rule).into());
    }
    let mut fields = if in_query { query.fields() } else { body };
    if is_complete(&call)? == Some(true) {
        let rule = "must be ?0: an upload is created without content, which PATCH appends";
        return Err(Error::invalid("upload-complete", rule).into());
    }
    if let Some(length) = number(&call, &LENGTH)? {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if fields.size_bytes.is_some_and(|size| size != length) {
            return Err(inconsistent_length());
        }
        fields.size_bytes = Some(length);
    }
    if let Some(hash) = digest(&call)? {
        fields.content_hash = hash;
    }
    let spec = fields.raw(call.idempotency_key()?)?;
    let upload = services.store.start_upload(call.caller(), spec).await?;
    let location = format!("/v1/uploads/{}", upload.id);
    let mut headers = described(&services, &upload);
    let location = HeaderValue::from_str(&location).map_err(|e| Error::Internal(e.into()))?;
    headers.insert(header::LOCATION, location);
    Ok(WithHeaders(headers, Created(upload.into())))
}

/// OPTIONS: what an upload may be, which needs no credential.
pub(super) async fn limits(State(services): State<Services>) -> Response {
    let limit = format!(
        "max-size={}, min-size=0",
        services.store.limits().upload_bytes
    );
    let mut answer = StatusCode::NO_CONTENT.into_response();
    let headers = answer.headers_mut();
    headers.insert(
        header::ALLOW,
        HeaderValue::from_static("GET, HEAD, OPTIONS, POST"),
    );
    if let Ok(limit) = HeaderValue::from_str(&limit) {
        headers.insert(LIMIT, limit);
    }
    answer
}

/// HEAD: how much is stored.
pub(super) async fn offset(
    State(services): State<Services>,
    call: Call,
    Named(upload_id): Named,
) -> Result<WithHeaders<NoContent>, Failure> {
    let upload = services.store.get_upload(call.caller(), &upload_id).await?;
    Ok(WithHeaders(described(&services, &upload), NoContent))
}

pub(super) async fn get(
    State(services): State<Services>,
    call: Call,
    Named(upload_id): Named,
) -> Result<WithHeaders<Json<Upload>>, Failure> {
    let upload = services.store.get_upload(call.caller(), &upload_id).await?;
    let headers = described(&services, &upload);
    Ok(WithHeaders(headers, Json(upload.into())))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<i32>,
    cursor: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Uploads {
    uploads: Vec<Upload>,
    has_more: bool,
    next_cursor: Option<String>,
}

pub(super) async fn list(
    State(services): State<Services>,
    call: Call,
    Query(query): Query<ListQuery>,
) -> Result<Json<Uploads>, Failure> {
    let (size, _) = convert::page(page_size(query.limit)?, None, None)?;
    let page = services
        .store
        .list_uploads(call.caller(), size, &query.cursor);
    let page = page.await?;
    Ok(Json(Uploads {
        uploads: page.items.into_iter().map(Upload::from).collect(),
        has_more: page.next.is_some(),
        next_cursor: page.next,
    }))
}

/// DELETE: ends the upload without an artifact.
pub(super) async fn abort(
    State(services): State<Services>,
    call: Call,
    Named(upload_id): Named,
) -> Result<NoContent, Failure> {
    services
        .store
        .abort_upload(call.caller(), &upload_id)
        .await?;
    Ok(NoContent)
}

/// PATCH: appends the body. With `Upload-Complete: ?1` it is the last one, and the answer is the artifact.
pub(super) async fn append(
    State(services): State<Services>,
    call: Call,
    Named(upload_id): Named,
    PartialUpload(request): PartialUpload,
) -> Result<Appended, Failure> {
    let kind = call.header(&header::CONTENT_TYPE);
    if kind.split(';').next().unwrap_or_default().trim() != PARTIAL {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let message = "the body must have Content-Type application/partial-upload";
        return Err(Failure::of_http(status, "unsupported_media_type", message));
    }
    let required = |field| Error::invalid(field, "is required");
    let last = is_complete(&call)?.ok_or_else(|| required("upload-complete"))?;
    let offset = number(&call, &OFFSET)?.ok_or_else(|| required("upload-offset"))?;
    let length = number(&call, &LENGTH)?;
    if let Some(entered) = request.extensions().get::<Entered>() {
        let share = entered.admission.memory.take(&entered.taker, MEMORY)?;
        entered.held.hold(share);
    }
    let arrived = Arrived::default();
    let pace = Pace::new(arrived.clone(), services.store.limits());
    let body = arrived.count(Body::new(request.into_body()));
    let write = Write {
        store: services.store.clone(),
        caller: call.caller().clone(),
        upload_id: upload_id.clone(),
        offset,
        length,
        last,
        pace,
    };
    // The call is dropped when its connection breaks; what has arrived is stored all the same.
    let written = tokio::spawn(write.run(body.into_data_stream())).await;
    let written = written.map_err(|e| Error::Internal(e.into()))?;
    Ok(Appended(match written {
        Ok(Written::More(upload)) => {
            (StatusCode::NO_CONTENT, described(&services, &upload)).into_response()
        }
        Ok(Written::Made(size, artifact)) => {
            let headers = [
                (COMPLETE, HeaderValue::from_static("?1")),
                (OFFSET, size.into()),
            ];
            (headers, Json(artifact)).into_response()
        }
        Err(e) => refused(e, last),
    }))
}

/// One PATCH.
struct Write {
    store: Store,
    caller: Caller,
    upload_id: String,
    offset: u64,
    length: Option<u64>,
    last: bool,
    pace: Pace,
}

enum Written {
    More(OpenUpload),
    Made(u64, Box<json::Artifact>),
}

impl Write {
    async fn run(
        mut self,
        mut body: impl Stream<Item = Result<Bytes, axum::Error>> + Unpin,
    ) -> Result<Written, Error> {
        let upload = self.store.get_upload(&self.caller, &self.upload_id).await?;
        if let (Some(length), Some(size)) = (self.length, upload.size_bytes)
            && length != size
        {
            let rule = format!("must be {size}, as it was declared");
            return Err(Error::invalid("upload-length", rule));
        }
        // The answer to the last request may have been lost.
        let ends = matches!(upload.state, UploadState::Finished | UploadState::Finishing);
        if !(ends && self.last && self.offset == upload.committed_bytes) {
            let writer = self
                .store
                .write_upload(&self.caller, &self.upload_id, self.offset);
            let mut writer = writer.await?;
            match self.receive(&mut writer, &mut body).await {
                Ok(()) => {}
                Err(Ended::ByCaller(e)) => {
                    if let Err(e) = writer.pause().await {
                        tracing::debug!(error = %e, "the bytes of an interrupted write were not stored");
                    }
                    return Err(e);
                }
                Err(Ended::ByStore(e)) => return Err(e),
            }
            let upload = writer.pause().await?;
            if !self.last {
                return Ok(Written::More(upload));
            }
        }
        let finish = Finish::default();
        let made = self
            .store
            .finish_upload(&self.caller, &self.upload_id, finish);
        let made = convert::created(made.await?);
        let size = u64::try_from(made.size_bytes).unwrap_or_default();
        Ok(Written::Made(size, Box::new(made.into())))
    }

    async fn receive(
        &mut self,
        writer: &mut UploadWriter,
        body: &mut (impl Stream<Item = Result<Bytes, axum::Error>> + Unpin),
    ) -> Result<(), Ended> {
        loop {
            match self.pace.wait_for(body.next()).await {
                Ok(None) => return Ok(()),
                Ok(Some(Ok(piece))) => writer.write(piece).await.map_err(Ended::ByStore)?,
                Ok(Some(Err(_))) => {
                    let broken = Error::invalid("body", "broke off before its end");
                    return Err(Ended::ByCaller(broken));
                }
                Err(_) => return Err(Ended::ByCaller(writer.stalled())),
            }
        }
    }
}

/// Why the receiving of a body ended before its end.
enum Ended {
    ByCaller(Error),
    ByStore(Error),
}

/// The answer to a PATCH that failed. A wrong offset is answered with the right one.
fn refused(e: Error, last: bool) -> Response {
    let offset = match &e {
        Error::UploadOffsetMismatch { offset, .. } => Some(*offset),
        _ => None,
    };
    let mut answer = Failure::from(to_status(e)).into_response();
    let complete = if last && offset.is_none() { "?1" } else { "?0" };
    let headers = answer.headers_mut();
    headers.insert(COMPLETE, HeaderValue::from_static(complete));
    if let Some(offset) = offset {
        headers.insert(OFFSET, offset.into());
    }
    answer
}

/// What every answer about an upload says of it.
fn described(services: &Services, upload: &OpenUpload) -> HeaderMap {
    let complete = upload.state == UploadState::Finished;
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let flag = if complete { "?1" } else { "?0" };
    headers.insert(COMPLETE, HeaderValue::from_static(flag));
    headers.insert(OFFSET, upload.committed_bytes.into());
    // Some clients take an upload for complete whose offset is its length; it still needs its last request.
    if let Some(size) = upload.size_bytes
        && (complete || size != upload.committed_bytes)
    {
        headers.insert(LENGTH, size.into());
    }
    let age = upload
        .expires_at
        .duration_since(Timestamp::now())
        .as_secs()
        .max(0);
    let limit = format!(
        "max-size={}, min-size=0, max-age={age}",
        services.store.limits().upload_bytes
    );
    if let Ok(limit) = HeaderValue::from_str(&limit) {
        headers.insert(LIMIT, limit);
    }
    headers
}

fn inconsistent_length() -> Failure {
    Error::invalid("upload-length", "must be size_bytes, if both are given").into()
}

/// The header `Upload-Complete`, if it is there.
fn is_complete(call: &Call) -> Result<Option<bool>> {
    match call.header(&COMPLETE) {
        "" => Ok(None),
        "?0" => Ok(Some(false)),
        "?1" => Ok(Some(true)),
        _ => Err(Error::invalid("upload-complete", "must be ?0 or ?1")),
    }
}

/// A header that is a number, if it is there.
fn number(call: &Call, name: &HeaderName) -> Result<Option<u64>> {
    match call.header(name) {
        "" => Ok(None),
        text if text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(text.parse().ok())
        }
        _ => Err(Error::invalid(name.as_str(), "must be a whole number")),
    }
}

/// The SHA-256 in the header `Repr-Digest`, as Cairn writes it; other algorithms are ignored.
fn digest(call: &Call) -> Result<Option<String>> {
    let field = call.header(&DIGEST);
    let entries = field.split(',').map(str::trim);
    let Some(value) = entries
        .filter_map(|entry| entry.strip_prefix("sha-256="))
        .next()
    else {
        return Ok(None);
    };
    let encoded = value
        .strip_prefix(':')
        .and_then(|value| value.strip_suffix(':'));
    let hash = encoded.and_then(|text| BASE64_STANDARD.decode(text).ok());
    match hash.filter(|hash| hash.len() == 32) {
        Some(hash) => Ok(Some(format!("sha256:{}", hex::encode(hash)))),
        None => Err(Error::invalid(
            DIGEST.as_str(),
            "must have sha-256 as :base64: of 32 bytes",
        )),
    }
}
