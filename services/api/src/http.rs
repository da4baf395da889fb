//! The public HTTP API: links. There is no authentication; the URL of a link gives access.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::Request,
    http::{StatusCode, Uri, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use cairn_process::{Survivor, caught};
use cairn_proto::json;
use cairn_store::{Error, Store};
use http_body::Frame;

use crate::error::{log, to_json};

mod conditions;
mod headers;
mod link;
mod ranges;

pub(crate) fn router(store: Store) -> Router {
    Router::new()
        .route("/{link}", get(link::open))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(store)
        .layer(from_fn(survive))
}

/// A panic is answered like any other fault of the server; if the answer has begun, its connection is closed.
async fn survive(request: Request, next: Next) -> Response {
    match caught(next.run(request)).await {
        Some(answer) => answer.map(|body| Body::new(Survivor::new(body, cut))),
        None => panicked().into_response(),
    }
}

fn panicked() -> Failure {
    Failure(Error::internal("a panic"))
}

fn cut() -> Option<Result<Frame<Bytes>, axum::Error>> {
    log(&panicked().0);
    Some(Err(axum::Error::new("a panic")))
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

/// An error of the store, as HTTP shows it.
struct Failure(Error);

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self(e)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, body, pause) = to_json(&self.0);
        let mut response = error_response(status, body);
        if let Some(pause) = pause {
            let seconds = pause.as_secs().into();
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// An error that is not the store's.
fn error_body(status: StatusCode, code: &'static str, message: &str) -> Response {
    let body = json::Error::new(code, message).with_status(Some(status.as_u16()));
    error_response(status, body)
}

fn error_response(status: StatusCode, body: json::Error) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (status, no_store, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, routing::get};
    use futures_util::{StreamExt, stream};
    use tower::ServiceExt;

    use super::*;

    fn request() -> Request {
        Request::get("/").body(Body::empty()).expect("a request")
    }

    async fn open(handler: Router) -> Response {
        let answer = handler.layer(from_fn(survive)).oneshot(request()).await;
        answer.expect("an answer")
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_of_the_usual_shape() {
        let panics = async || -> &str { panic!("on purpose") };
        let answer = open(Router::new().route("/", get(panics))).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(answer.into_body(), 1000).await.expect("a body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["error"]["code"], "internal");
    }

    #[tokio::test]
    async fn a_panic_in_a_body_breaks_it_off() {
        let handler = async || {
            let pieces = stream::iter(0..3).map(|i| match i {
                0 => Ok::<_, Error>("the first piece"),
                _ => panic!("on purpose"),
            });
            Body::from_stream(pieces)
        };
        let answer = open(Router::new().route("/", get(handler))).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let mut pieces = answer.into_body().into_data_stream();
        assert!(matches!(pieces.next().await, Some(Ok(_))));
        assert!(matches!(pieces.next().await, Some(Err(_))));
        assert!(pieces.next().await.is_none());
    }
}
