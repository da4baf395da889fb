//! The style of all pages, under a name that changes with it, so that browsers keep it.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use ring::digest::{SHA256, digest};

const STYLE: &str = include_str!("../../../../../web/style.css");

static PATH: LazyLock<String> = LazyLock::new(|| {
    let hash = digest(&SHA256, STYLE.as_bytes());
    format!("assets/{}.css", hex::encode(&hash.as_ref()[..8]))
});

/// Where the style is, relative to a link.
pub(super) fn path() -> &'static str {
    &PATH
}

/// `GET /assets/….css`.
pub(in crate::http) async fn style(Path(name): Path<String>) -> Response {
    if path().strip_prefix("assets/") != Some(&name) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, STYLE).into_response()
}
