//! The HTTP face: links and their pages, which need no credential, the JSON API under `/v1`, and gRPC-Web.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{StatusCode, Uri},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use cairn_process::{Survivor, caught};
use cairn_store::Error;
use http_body::Frame;
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{Predicate, SizeAbove},
    },
};

use crate::{admission::Admission, config::Settings, error::log, grpc::Services};

mod conditions;
mod cors;
mod delivery;
mod failure;
#[cfg(test)]
mod fuzzed;
mod grpc_web;
pub(crate) mod headers;
mod links;
mod manners;
mod pages;
mod ranges;
mod rest;
mod shared;

use delivery::Links;
use failure::Failure;
use pages::{ContentHost, Pages, explain, style};

/// JSON shorter than this is not compressed, in bytes.
const SHORT: u16 = 1 << 10;

/// The routes of the port; `calls` are the RPCs.
pub(crate) fn router(
    services: Services,
    admission: Arc<Admission>,
    calls: Router,
    settings: &Settings,
) -> Router {
    let content_host = ContentHost::new(settings.content_url.clone());
    let links = Router::new()
        .route("/{link}", get(links::open))
        .with_state(Links {
            store: services.store.clone(),
            public_url: services.public_url.clone(),
            pages: Pages::new(content_host.clone()),
            content_host,
        })
        .route("/assets/{name}", get(style));
    let mut api = rest::router(services, admission).merge(grpc_web::routes(calls));
    let origins = &settings.cors_origins;
    if !origins.is_empty() {
        // The fallback first: the layer answers preflight requests, which no route takes.
        api = api
            .method_not_allowed_fallback(wrong_method)
            .layer(cors::layer(origins));
    }
    links
        .merge(api)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(catch_panics))
        .layer(from_fn(explain))
        .layer(from_fn(manners::keep))
        .layer(compression())
}

/// Compresses JSON. The fastest level, because the others cost a megabyte or more of memory for each answer.
fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(SHORT).and(manners::is_json))
}

/// A panic is answered like any other fault of the server; if the answer has begun, its connection is closed.
async fn catch_panics(request: Request, next: Next) -> Response {
    match caught(next.run(request)).await {
        Some(answer) => answer.map(|body| Body::new(Survivor::new(body, cut))),
        None => Failure::from(panicked()).into_response(),
    }
}

fn panicked() -> Error {
    Error::internal("a panic")
}

fn cut() -> Option<Result<Frame<Bytes>, axum::Error>> {
    log(&panicked());
    Some(Err(axum::Error::new("a panic")))
}

async fn unknown(uri: Uri) -> Failure {
    let path: String = uri.path().chars().take(64).collect();
    let message = format!(
        "nothing is served at {path}; a link is /lnk_ and 20 characters, and docs/http.md has the paths of the API"
    );
    Failure::of_http(StatusCode::NOT_FOUND, "not_found", &message)
}

async fn wrong_method() -> Failure {
    let message = "the header Allow has the methods that this path takes";
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Failure::of_http(status, "method_not_allowed", message)
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
        let answer = handler
            .layer(from_fn(catch_panics))
            .oneshot(request())
            .await;
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
