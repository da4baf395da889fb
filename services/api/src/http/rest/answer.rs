//! Answers whose status is part of their type.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cairn_proto::{json, v1};
use serde::Serialize;

/// 201 and what was made.
pub(super) struct Created<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

/// 202 and what goes on.
pub(super) struct Accepted<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self.0)).into_response()
    }
}

/// 204.
pub(super) struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// An answer with more headers.
pub(super) struct WithHeaders<T>(pub(super) HeaderMap, pub(super) T);

impl<T: IntoResponse> IntoResponse for WithHeaders<T> {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

/// The answer to bytes that were appended to an upload: 204, or the artifact after the last ones.
pub(super) struct Appended(pub(super) Response);

impl IntoResponse for Appended {
    fn into_response(self) -> Response {
        self.0
    }
}

/// An artifact's record with its etag; 304 for a caller that has it as it is.
pub(super) struct Record(Response);

impl Record {
    /// The answer for a caller that sent this `If-None-Match`, or an empty one.
    pub(super) fn of(artifact: Option<v1::Artifact>, if_none_match: &str) -> Self {
        let artifact = json::Artifact::from(artifact.unwrap_or_default());
        let tag = format!("W/\"{}\"", artifact.etag.as_deref().unwrap_or_default());
        let etag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("W/\"\""));
        let etag = [(header::ETAG, etag)];
        let mut given = if_none_match.split(',').map(str::trim);
        if given.any(|given| given == "*" || given.trim_start_matches("W/") == &tag[2..]) {
            return Self((StatusCode::NOT_MODIFIED, etag).into_response());
        }
        Self((etag, Json(artifact)).into_response())
    }
}

impl IntoResponse for Record {
    fn into_response(self) -> Response {
        self.0
    }
}

/// A stream of Server-Sent Events.
pub(super) struct Events(pub(super) Response);

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        self.0
    }
}

/// The content of an artifact, or a part of it.
pub(super) struct Streamed(pub(super) Response);

impl IntoResponse for Streamed {
    fn into_response(self) -> Response {
        self.0
    }
}
