use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cairn_store::{Content, Error, Store};
use futures_util::stream;

use super::{
    Failure,
    headers::{Wanted, describe, etag, not_modified, wanted},
};
use crate::error::log;

/// `GET /lnk_…` and `HEAD`: the bytes of the artifact that the link leads to.
pub(super) async fn open(
    State(store): State<Store>,
    Path(link): Path<String>,
    request: HeaderMap,
) -> Result<Response, Failure> {
    let download = store.follow_link(&link).await?;
    let artifact = download.artifact();
    let (size, etag, mut headers) = (artifact.size_bytes, etag(artifact), describe(artifact));
    if not_modified(&request, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let (status, content) = match wanted(&request, &etag, size) {
        Wanted::Nothing => {
            headers.insert(header::CONTENT_RANGE, value(&format!("bytes */{size}")));
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
        }
        Wanted::Part(range) => {
            let (first, last) = range.into_inner();
            let part = value(&format!("bytes {first}-{last}/{size}"));
            headers.insert(header::CONTENT_RANGE, part);
            let content = download.read(first, Some(last - first + 1));
            (StatusCode::PARTIAL_CONTENT, content)
        }
        Wanted::Whole => (StatusCode::OK, download.read(0, None)),
    };
    headers.insert(header::CONTENT_LENGTH, content.remaining().into());
    Ok((status, headers, body(content)).into_response())
}

/// A body that breaks off when the content does: the reader misses bytes of the length it was told.
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
