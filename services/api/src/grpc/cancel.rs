//! Calls that their callers take back.

use axum::http::Request;
use http_body_util::BodyExt;
use tonic::{Code, Status, body::Body};

/// Makes a request that was taken back end in an error. tonic ends it as if the caller had closed the stream, which says
/// that an upload is complete. hyper drops the call before it gets any further; the half of a file must not become an
/// artifact as soon as something outlives that, such as a task of its own.
pub(crate) fn fail_if_cancelled(request: Request<Body>) -> Request<Body> {
    request.map(|body| {
        Body::new(body.map_err(|status: Status| match status.code() {
            Code::Cancelled => Status::aborted("the caller took the call back"),
            _ => status,
        }))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use bytes::Bytes;
    use futures_util::stream;
    use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
    use tonic::{Code, Status, body::Body};

    use super::fail_if_cancelled;

    #[tokio::test]
    async fn a_request_that_was_taken_back_does_not_look_complete() {
        for (sent, expected) in [
            (Code::Cancelled, Code::Aborted),
            (Code::Unavailable, Code::Unavailable),
        ] {
            let broken = StreamBody::new(stream::iter([Err(Status::new(sent, ""))]));
            let body = Body::new(UnsyncBoxBody::<Bytes, Status>::new(broken));
            let request = fail_if_cancelled(Request::new(body));
            let ended = request.into_body().collect().await;
            assert_eq!(ended.expect_err("it does not end well").code(), expected);
        }
    }
}
