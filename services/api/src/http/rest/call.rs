//! What handlers take of a request. Whatever cannot be read is refused in the API's own shape.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, HeaderName, StatusCode, header, request::Parts},
};
use cairn_store::{Caller, Error};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tonic::metadata::MetadataMap;

use crate::{
    admission::{Admission, Held},
    grpc::MAX_MESSAGE,
    http::failure::Failure,
    shares::Taker,
};

/// The largest body of JSON, in bytes; as much as a message of gRPC may have beside content.
const MAX_JSON: usize = 256 << 10;
/// The largest body whose bytes are not counted.
const FREE: usize = 64 << 10;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Who was let in, and where the bytes are noted that are held for the call.
#[derive(Clone)]
pub(super) struct Entered {
    pub(super) caller: Caller,
    pub(super) taker: Taker,
    pub(super) held: Held,
    pub(super) admission: Arc<Admission>,
}

impl Entered {
    fn of(parts: &Parts) -> Result<Self, Failure> {
        let entered = parts.extensions.get::<Self>().cloned();
        entered.ok_or_else(|| Error::Unauthenticated.into())
    }
}

/// A call that was let in.
pub(super) struct Call {
    caller: Caller,
    headers: HeaderMap,
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self {
            caller: Entered::of(parts)?.caller,
            headers: parts.headers.clone(),
        })
    }
}

impl Call {
    /// The request of an RPC by this caller.
    pub(super) fn request<T>(self, message: T) -> tonic::Request<T> {
        let headers = MetadataMap::from_headers(self.headers);
        let mut request = tonic::Request::from_parts(headers, tonic::Extensions::new(), message);
        request.extensions_mut().insert(self.caller);
        request
    }

    /// What an RPC answers to this caller, as JSON.
    pub(super) async fn answer<T, A, J, F>(
        self,
        message: T,
        rpc: impl FnOnce(tonic::Request<T>) -> F,
    ) -> Result<Json<J>, Failure>
    where
        F: Future<Output = Result<tonic::Response<A>, tonic::Status>>,
        J: From<A>,
    {
        let answer = rpc(self.request(message)).await?;
        Ok(Json(answer.into_inner().into()))
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The header `Idempotency-Key`; empty without one.
    ///
    /// # Errors
    /// For one that is no text.
    pub(super) fn idempotency_key(&self) -> Result<String, Failure> {
        let Some(key) = self.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(String::new());
        };
        let key = std::str::from_utf8(key.as_bytes());
        let key = key.map_err(|_| Error::invalid("idempotency_key", "must be UTF-8"))?;
        Ok(key.to_owned())
    }

    /// The etag of the header `If-Match`, weak or strong; empty without one.
    pub(super) fn if_match(&self) -> String {
        let given = self.headers.get(header::IF_MATCH);
        let given = given.and_then(|tag| tag.to_str().ok()).unwrap_or_default();
        let tag = given.trim().trim_start_matches("W/").trim_matches('"');
        if tag == "*" {
            String::new()
        } else {
            tag.to_owned()
        }
    }

    /// A header that is a short text; empty without one.
    pub(super) fn header(&self, name: &HeaderName) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// The parameter of a path, or a tuple of them, decoded.
pub(super) struct Named<T = String>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        let Path(name) =
            path.map_err(|_| Error::invalid("path", "must be percent-encoded UTF-8"))?;
        Ok(Self(name))
    }
}

/// A request whose body is a form with a file.
pub(super) struct Form(pub(super) Request);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self(request))
    }
}

/// A request whose body is appended to an upload.
pub(super) struct PartialUpload(pub(super) Request);

impl<S: Sync> FromRequest<S> for PartialUpload {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self(request))
    }
}

/// A body of JSON of at most so many bytes, or its defaults where there is none.
pub(super) struct Input<T, const MOST: usize = MAX_JSON>(pub(super) T);

/// A body of JSON that carries content.
pub(super) type InputWithContent<T> = Input<T, MAX_MESSAGE>;

impl<T: DeserializeOwned + Default, S: Sync, const MOST: usize> FromRequest<S> for Input<T, MOST> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let body = read(request, MOST).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        let kind = kind.as_ref().and_then(|kind| kind.to_str().ok());
        if !kind.is_none_or(is_json) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let message = "the body must be JSON, with Content-Type application/json";
            return Err(Failure::of_http(status, "unsupported_media_type", message));
        }
        let mut json = serde_json::Deserializer::from_slice(&body);
        let read = serde_path_to_error::deserialize(&mut json);
        let read = read.map_err(|e| not_read(&e.path().to_string(), &e.inner().to_string()));
        let read = read.and_then(|value| match json.end() {
            Ok(()) => Ok(value),
            Err(e) => Err(not_read(".", &e.to_string())),
        });
        Ok(Self(read?))
    }
}

fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// What to say of JSON, or of a query, that is not what it must be.
pub(super) fn not_read(path: &str, why: &str) -> Error {
    let field = if path == "." { "body" } else { path };
    Error::invalid(field, format!("cannot be read: {why}"))
}

/// The whole body, which has at most so many bytes and comes in time.
async fn read(request: Request, most: usize) -> Result<Bytes, Failure> {
    let (parts, body) = request.into_parts();
    let Entered {
        taker,
        held,
        admission,
        ..
    } = Entered::of(&parts)?;
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let length = match length {
        None if http_body::Body::is_end_stream(&body) => 0,
        length => length.unwrap_or(most),
    };
    if length > most {
        return Err(too_large(most));
    }
    if length > FREE {
        held.hold(admission.memory.take(&taker, length)?);
    }
    let limited = Limited::new(body, most).collect();
    match timeout(admission.request_time, limited).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(too_large(most)),
        Ok(Err(_)) => Err(Error::invalid("body", "broke off before its end").into()),
        Err(_) => {
            let message = "the request did not arrive in time; send it again";
            let status = StatusCode::REQUEST_TIMEOUT;
            Err(Failure::of_http(status, "request_timeout", message))
        }
    }
}

fn too_large(most: usize) -> Failure {
    let message = format!(
        "a body of JSON must be at most {} KiB; divide it into several requests",
        most >> 10
    );
    let status = StatusCode::PAYLOAD_TOO_LARGE;
    Failure::of_http(status, "request_too_large", &message)
}
