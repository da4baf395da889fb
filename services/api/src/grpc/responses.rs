//! The end of a call: in time, without a panic, and with an error that says what to do, wherever it arose.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderName},
    middleware::Next,
    response::Response,
};
use cairn_process::{Survivor, caught};
use cairn_store::Error;
use http_body::Frame;
use tokio::time::timeout;
use tonic::{Code, Status};

use super::limits::MAX_MESSAGE;
use crate::error::{TransportError, refusal, to_status};

/// tonic's message about an unknown compression.
const COMPRESSION: &str = "Content is compressed";
/// tonic's message about a message over the limit.
const TOO_LONG: [&str; 2] = ["message length too large", "size limit"];

const ENCODINGS: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Runs a call within its caller's deadline, and makes its answer one of ours.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let deadline = deadline(request.headers());
    let work = caught(next.run(request));
    let answer = match deadline {
        Some(deadline) => timeout(deadline, work).await,
        None => Ok(work.await),
    };
    match answer {
        Err(_) => refusal(&TransportError::DeadlineExceeded).into_http(),
        Ok(None) => panicked().into_http(),
        Ok(Some(answer)) => explain(answer, &path).map(|body| Body::new(Survivor::new(body, last))),
    }
}

fn panicked() -> Status {
    to_status(Error::internal("a panic"))
}

/// The end of an answer when producing its messages panics.
fn last() -> Option<Result<Frame<Bytes>, axum::Error>> {
    let mut trailers = HeaderMap::new();
    let added = panicked().add_header(&mut trailers);
    added.ok().map(|()| Ok(Frame::trailers(trailers)))
}

/// The value of `grpc-timeout`: at most eight digits and a unit.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Replaces tonic's answer to a request that never reached a service by one that says what to do.
fn explain(answer: Response, path: &str) -> Response {
    let Some(status) = explanation(answer.headers(), path) else {
        return answer;
    };
    let mut explained: Response = status.into_http();
    if let Some(encodings) = answer.headers().get(ENCODINGS) {
        explained.headers_mut().insert(ENCODINGS, encodings.clone());
    }
    explained
}

fn explanation(headers: &HeaderMap, path: &str) -> Option<Status> {
    // Only an answer without a message has its status in the headers: the usual case ends here.
    headers.get(Status::GRPC_STATUS)?;
    if headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return None;
    }
    let status = Status::from_header_map(headers)?;
    let message = status.message();
    match status.code() {
        // No service was reached, so the server has not failed: the request could not be read.
        Code::Internal | Code::Unknown => {
            let message = message.trim_end_matches('.');
            let rule = format!("is no valid gRPC message; text must be UTF-8 ({message})");
            Some(to_status(Error::invalid("request", rule)))
        }
        Code::OutOfRange | Code::ResourceExhausted
            if TOO_LONG.iter().any(|words| message.contains(words)) =>
        {
            Some(to_status(too_long()))
        }
        Code::Unimplemented if message.starts_with(COMPRESSION) => {
            Some(refusal(&TransportError::Compression))
        }
        Code::Unimplemented => Some(refusal(&TransportError::UnknownMethod(path.to_owned()))),
        _ => None,
    }
}

/// A message over the limit.
pub(super) fn too_long() -> Error {
    Error::FileTooLarge {
        limit_bytes: MAX_MESSAGE as u64,
        hint: " of one message; send larger content with UploadArtifact, in messages of 256 KiB",
    }
}

#[cfg(test)]
mod tests;
