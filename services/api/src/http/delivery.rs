//! Sends the content of links: whole or in part, under the conditions of the request, and counted.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use cairn_store::{Content, Download, Error, FollowedLink, Store};
use futures_util::stream;

use super::{
    conditions::{Precondition, Validators, evaluate, range_applies},
    failure::Failure,
    headers::{caching, describe, lacks_charset, ranges, save},
    pages::{ContentHost, Pages, VARY, Visit},
    ranges::{Wanted, wanted},
};
use crate::error::log;

/// Why a link that is open gives nothing.
pub(super) enum Refused {
    /// A refusal that the audit trail has.
    Noted(Error),
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for Refused {
    fn from(e: Error) -> Self {
        Self::Failed(e.into())
    }
}

/// The bytes of an artifact to which a link leads.
pub(super) async fn send(
    links: &Links,
    followed: &FollowedLink,
    download: Download,
    visit: Visit,
    request: &Parts,
) -> Result<Response, Refused> {
    let mut answer = answer(download, &request.method, &request.headers).await?;
    let headers = answer.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
    links.content_host.allow_pages(headers);
    if visit == Visit::Download {
        save(headers);
    }
    count(followed, &request.method, answer.status()).await?;
    Ok(answer)
}

/// Counts a download, of which nothing has been sent yet.
pub(super) async fn count(
    followed: &FollowedLink,
    method: &Method,
    status: StatusCode,
) -> Result<(), Refused> {
    if method == Method::GET && status.is_success() {
        let counted = followed.count_download().await;
        counted.map_err(Refused::Noted)?;
    }
    Ok(())
}

/// What serving links needs.
#[derive(Clone)]
pub(super) struct Links {
    pub(super) store: Store,
    /// What the URLs of links begin with.
    pub(super) public_url: Arc<str>,
    pub(super) pages: Pages,
    pub(super) content_host: ContentHost,
}

/// The bytes of an artifact, as much of them as a GET or HEAD wants.
pub(super) async fn answer(
    download: Download,
    method: &Method,
    request: &HeaderMap,
) -> Result<Response, Failure> {
    let artifact = download.artifact();
    let (size, validators) = (artifact.size_bytes, Validators::of(artifact));
    if let Some(answer) = settled(request, &validators) {
        return Ok(answer);
    }
    // Methods other than GET ignore the range.
    let wanted = if *method == Method::GET && range_applies(request, &validators) {
        wanted(request, size)
    } else {
        Wanted::Whole
    };
    let utf8 = lacks_charset(&artifact.content_type) && is_utf8(&download).await?;
    let mut headers = describe(artifact, utf8);
    headers.extend(ranges(&validators));
    let (status, content) = match wanted {
        Wanted::Nothing => return Ok(not_in_range(size, ranges(&validators))),
        Wanted::Part(range) => {
            let (first, last) = range.into_inner();
            headers.insert(header::CONTENT_RANGE, part_of(first, last, size));
            let content = download.read(first, Some(last - first + 1));
            (StatusCode::PARTIAL_CONTENT, content)
        }
        Wanted::Whole => (StatusCode::OK, download.read(0, None)),
    };
    headers.insert(header::CONTENT_LENGTH, content.remaining().into());
    Ok((status, headers, body(content)).into_response())
}

/// The answer to a request whose preconditions do not hold.
pub(super) fn settled(request: &HeaderMap, validators: &Validators) -> Option<Response> {
    match evaluate(request, validators) {
        Precondition::Holds => None,
        Precondition::NotModified => {
            Some((StatusCode::NOT_MODIFIED, caching(validators)).into_response())
        }
        Precondition::Failed => {
            let message = "the content is not the one that the request is about; read it anew";
            let status = StatusCode::PRECONDITION_FAILED;
            let failure = Failure::of_http(status, "precondition_failed", message);
            let mut answer = failure.into_response();
            answer.headers_mut().extend(caching(validators));
            Some(answer)
        }
    }
}

/// The answer to a range that has no byte of so many. `about`: the headers of every answer about the content.
pub(super) fn not_in_range(size: u64, about: HeaderMap) -> Response {
    let message = format!("the content has {size} bytes, and none in this range");
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let failure = Failure::of_http(status, "range_not_satisfiable", &message);
    let mut answer = failure.into_response();
    let headers = answer.headers_mut();
    headers.extend(about);
    headers.insert(header::CONTENT_RANGE, value(&format!("bytes */{size}")));
    answer
}

/// The header that says which part of a content of so many bytes is sent.
pub(super) fn part_of(first: u64, last: u64, size: u64) -> HeaderValue {
    value(&format!("bytes {first}-{last}/{size}"))
}

/// How much of a text is read for its charset, in bytes.
const SAMPLE: u64 = 16 << 10;

/// Whether the content begins as UTF-8.
async fn is_utf8(download: &Download) -> Result<bool, Error> {
    let sample = download.sample(SAMPLE).all().await?;
    let is_cut = (sample.len() as u64) < download.artifact().size_bytes;
    Ok(match std::str::from_utf8(&sample) {
        Ok(_) => true,
        // The last character may be cut off.
        Err(e) => is_cut && e.error_len().is_none(),
    })
}

/// A body that breaks off when the content does: the reader then misses bytes of the announced length.
fn body(content: Content) -> Body {
    let pieces = stream::try_unfold(content, async |mut content: Content| {
        let piece = content.next().await.inspect_err(log)?;
        Ok::<_, Error>(piece.map(|piece| (piece, content)))
    });
    Body::from_stream(pieces)
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
