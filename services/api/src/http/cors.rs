//! Which pages of other origins may call the API from a browser: those that the setting names.

use std::time::Duration;

use axum::http::HeaderValue;
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

/// How long a browser may cache the answer to its preflight request.
const MAX_AGE: Duration = Duration::from_secs(600);

/// The layer for these origins; `*` allows all. Every header and method is allowed: the credential is a header that the
/// page itself sets, and the API reads no cookie, so a page can do no more than its own key.
pub(super) fn layer(origins: &[HeaderValue]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().cloned())
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods(Any)
        // Browsers do not count Authorization among `*`.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(Any)
        .max_age(MAX_AGE)
}
