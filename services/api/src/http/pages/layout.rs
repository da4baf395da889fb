//! What every page has around its content.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

use super::{style, visit::VARY};

/// A page loads nothing but its style and the content that it shows.
fn policy(content: &str) -> String {
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data: {content}; media-src 'self' {content}; \
         frame-src 'self' {content}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Where a page finds what it loads.
#[derive(Default)]
pub(super) struct Sources<'a> {
    /// The way from its address to the root, because the public URL may have a path.
    pub(super) root: &'a str,
    /// The origin of the content that it shows; empty for its own.
    pub(super) content: &'a str,
}

/// A whole page.
pub(super) fn page(
    status: StatusCode,
    title: &str,
    sources: &Sources<'_>,
    body: &Markup,
) -> Response {
    let Sources { root, content } = sources;
    let text = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex, nofollow";
                title { (title) }
                // Without one, browsers ask for /favicon.ico.
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(format!("{root}{}", style::path()));
            }
            body { (body) }
        }
    };
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(header::CONTENT_SECURITY_POLICY, &policy(content));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // The address of a link is its secret.
    set(header::REFERRER_POLICY, "no-referrer");
    // A link can be revoked.
    set(header::CACHE_CONTROL, "private, no-store");
    set(header::VARY, VARY);
    (status, headers, Body::from(text.into_string())).into_response()
}
