//! Errors, in their one JSON shape.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cairn_proto::json;
use cairn_store::Error;
use tonic::Status;

use crate::error::{to_json, to_status};

/// Why a request failed, as this face shows it.
#[derive(Debug)]
pub(super) struct Failure(Box<Shown>);

#[derive(Debug)]
struct Shown {
    status: StatusCode,
    body: json::Error,
    pause: Option<Duration>,
}

impl Failure {
    /// An error that no RPC can have, such as a path that is not served.
    pub(super) fn of_http(status: StatusCode, code: &'static str, message: &str) -> Self {
        let body = json::Error::new(code, message).with_status(Some(status.as_u16()));
        Self(Box::new(Shown {
            status,
            body,
            pause: None,
        }))
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        to_status(e).into()
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let (status, body, pause) = to_json(&status);
        Self(Box::new(Shown {
            status,
            body,
            pause,
        }))
    }
}

/// The body of an answer that is an error, for the layer that may send it in another form.
#[derive(Clone)]
pub(super) struct ErrorAnswer(pub(super) json::Error);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Shown {
            status,
            body,
            pause,
        } = *self.0;
        let no_store = [(header::CACHE_CONTROL, "no-store")];
        let mut response = (status, no_store, Json(&body)).into_response();
        response.extensions_mut().insert(ErrorAnswer(body));
        let headers = response.headers_mut();
        if let Some(pause) = pause {
            headers.insert(header::RETRY_AFTER, pause.as_secs().into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
