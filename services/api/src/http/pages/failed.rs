//! Why there is nothing to see, for people.

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use cairn_proto::json::Error;
use maud::html;

use super::{
    layout::{Sources, page},
    visit, words,
};
use crate::http::failure::ErrorAnswer;

/// The deepest address whose page has a style.
const DEPTH: usize = 16;

/// Shows a browser an error as a page. The API under `/v1` and `/api` answers everyone with JSON.
pub(in crate::http) async fn explain(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_api = path.starts_with("/v1/") || path.starts_with("/api/");
    let is_read = request.method().is_safe();
    let root = "../".repeat(path.matches('/').count().saturating_sub(1).min(DEPTH));
    let wants_page = is_read && !is_api && visit::goes_to_a_page(request.headers());
    let mut answer = next.run(request).await;
    if wants_page && let Some(ErrorAnswer(error)) = answer.extensions_mut().remove() {
        return with_headers(&answer, failed(answer.status(), &error, &root));
    }
    answer
}

/// What a browser acts on: a password that is asked for, and when to come back.
fn with_headers(answer: &Response, mut page: Response) -> Response {
    for name in [header::WWW_AUTHENTICATE, header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = answer.headers().get(&name) {
            page.headers_mut().insert(name, HeaderValue::clone(value));
        }
    }
    page
}

fn failed(status: StatusCode, error: &Error, root: &str) -> Response {
    let (title, advice) = match error.code() {
        "link_not_found" | "not_found" => (
            "There is nothing here",
            "The address may be incomplete. Copy the whole link, or ask its sender for another one.",
        ),
        "session_not_found" => (
            "The run was deleted",
            "Nothing of it is kept. Ask the link's sender for another one.",
        ),
        "invalid_request" => (
            "This address does not work",
            "The last line says why. Go back, or open the link as it was sent.",
        ),
        "link_expired" => (
            "This link has ended",
            "It expired, was revoked, or had all of its downloads. Ask its sender for another one.",
        ),
        "links_disabled" => (
            "Links are switched off",
            "The store allows no links at present.",
        ),
        "unauthorized" => (
            "This link needs a password",
            "Its sender knows the password. Load the page again to enter it; any user name will do.",
        ),
        "artifact_expired" => (
            "The file has expired",
            "A file is deleted when its time is over. Ask the link's sender for another one.",
        ),
        "artifact_already_deleted" | "artifact_not_found" => (
            "The file was deleted",
            "Ask the link's sender for another one.",
        ),
        "rate_limited" | "unavailable" => (
            "This is not possible right now",
            "Wait for the time below, or a few seconds, and load the page again.",
        ),
        _ => (
            "This did not work",
            "Load the page again. If it fails again, send its last line to those who run the store.",
        ),
    };
    let body = html! {
        main class="failed" {
            h1 { (title) }
            p { (advice) }
            p class="faint" { (status.as_u16()) " · " (words::name(error.message())) }
        }
    };
    let sources = Sources {
        root,
        ..Sources::default()
    };
    page(status, title, &sources, &body)
}
