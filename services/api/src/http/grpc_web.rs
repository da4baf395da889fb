//! gRPC-Web, by which pages call the RPCs: those of one response, and those of a stream of responses.

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::post_service,
};
use tonic_web::GrpcWebLayer;
use tower::Layer;

use super::failure::Failure;
use crate::access;

/// The service that pages do not call.
const OPERATORS: &str = "cairn.v1.OperatorService";

const CONTENT_TYPES: [&str; 4] = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
];

/// The RPCs of tenants, which `calls` answers as gRPC.
pub(super) fn routes(calls: Router) -> Router {
    let web = GrpcWebLayer::new().layer(calls);
    let services = access::services().into_iter();
    let add = |router: Router, service: &str| {
        let path = format!("/{service}/{{rpc}}");
        router.route(&path, post_service(web.clone()))
    };
    let services = services.filter(|service| *service != OPERATORS);
    let routes = services.fold(Router::new(), add);
    routes.route_layer(from_fn(only_web))
}

async fn only_web(request: Request, next: Next) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if CONTENT_TYPES.contains(&kind) {
        return next.run(request).await;
    }
    let message = "this path takes application/grpc-web; gRPC itself has a port of its own";
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Failure::of_http(status, "unsupported_media_type", message).into_response()
}
