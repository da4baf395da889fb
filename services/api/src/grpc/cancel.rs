//! Calls that their callers take back.

use axum::http::Request;
use http_body_util::BodyExt;
use tonic::{Code, Status, body::Body};

/// Makes a request that was taken back end in an error. tonic ends it as if the caller had closed the stream, which
/// would commit the half of an upload that had arrived.
pub(crate) fn fail_if_cancelled(request: Request<Body>) -> Request<Body> {
    request.map(|body| {
        Body::new(body.map_err(|status: Status| match status.code() {
            Code::Cancelled => Status::aborted("the caller took the call back"),
            _ => status,
        }))
    })
}
