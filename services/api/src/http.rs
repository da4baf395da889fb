//! The public HTTP face: what links open. No authentication; whoever has the URL may read.

use axum::{
    Json, Router,
    extract::Request,
    http::{StatusCode, Uri, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use cairn_process::caught;
use cairn_store::{Error, Store};
use serde_json::json;

use crate::error::{RETRY_AFTER, face, log, message};

mod headers;
mod link;

pub(crate) fn router(store: Store) -> Router {
    Router::new()
        .route("/{link}", get(link::open))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(store)
        .layer(from_fn(survive))
}

/// A panic is answered like any other fault of ours.
async fn survive(request: Request, next: Next) -> Response {
    let answer = caught(next.run(request)).await;
    answer.unwrap_or_else(|| Failure(Error::internal("a panic")).into_response())
}

async fn unknown(uri: Uri) -> Response {
    let path: String = uri.path().chars().take(64).collect();
    let message = format!("nothing is served at {path}; a link is /lnk_ and 20 characters");
    error_body(StatusCode::NOT_FOUND, "not_found", &message)
}

async fn wrong_method() -> Response {
    let message = "links are read with GET or HEAD";
    error_body(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    )
}

/// An error of the store, as this face shows it.
struct Failure(Error);

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self(e)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        log(&self.0);
        let face = face(&self.0);
        let mut response = error_body(face.http, face.http_code, &message(&self.0));
        if face.http == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = RETRY_AFTER.as_secs().into();
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

fn error_body(status: StatusCode, code: &str, message: &str) -> Response {
    let error = json!({"code": code, "message": message, "status": status.as_u16()});
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (status, no_store, Json(json!({ "error": error }))).into_response()
}
