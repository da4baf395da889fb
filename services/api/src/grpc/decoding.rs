//! Requests that cannot be decoded never reach a service. tonic calls that an internal error; it is the caller's.

use axum::http::{HeaderMap, Response};
use cairn_store::Error;
use tonic::{Code, Status};

use super::MAX_MESSAGE;
use crate::error::to_status;

/// What tonic says of a request that is no valid message, such as one with text that is not UTF-8.
const UNDECODABLE: &str = "failed to decode Protobuf message";
/// What tonic says of a message over the limit, of both what came and what the limit is.
const TOO_LONG: &str = "message length too large";

/// Replaces an answer about an undecodable request by one that says what to do.
pub(crate) fn explain<B: Default>(response: Response<B>) -> Response<B> {
    match explanation(response.headers()) {
        Some(error) => to_status(error).into_http(),
        None => response,
    }
}

fn explanation(headers: &HeaderMap) -> Option<Error> {
    // Only an answer without a message has its status among the headers: the usual case is over here.
    headers.get("grpc-status")?;
    let status = Status::from_header_map(headers)?;
    let message = status.message();
    match status.code() {
        Code::Internal if message.starts_with(UNDECODABLE) => {
            let rule = format!("is no valid protobuf message; text must be UTF-8 ({message})");
            Some(Error::invalid("request", rule))
        }
        Code::OutOfRange if message.contains(TOO_LONG) => Some(Error::FileTooLarge {
            limit_bytes: MAX_MESSAGE as u64,
            hint: " of one message; send larger content with UploadArtifact, in messages of 256 KiB",
        }),
        _ => None,
    }
}
