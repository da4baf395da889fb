//! Serves links: a page for people, the bytes for programs.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use cairn_store::{Content, Download, Error, Store};
use futures_util::stream;

use super::{
    conditions::{Precondition, Validators, evaluate, range_applies},
    failure::Failure,
    headers::{caching, describe, lacks_charset, ranges, save},
    pages::{ContentHost, Pages, VARY, Visit},
    ranges::{Wanted, wanted},
};
use crate::{
    audit,
    error::{log, to_status},
};

const ASK_PASSWORD: &str = r#"Basic realm="link", charset="UTF-8""#;

/// `GET /lnk_…` and `HEAD`: a page about the link's artifact, or its bytes, with conditions and ranges as in RFC 9110.
pub(super) async fn open(
    State(links): State<Links>,
    Path(link): Path<String>,
    request: Parts,
) -> Result<Response, Failure> {
    let Links {
        store,
        pages,
        content_host,
    } = links;
    let mut visit = Visit::of(&request.method, &request.uri, &request.headers);
    if visit == Visit::Page && content_host.is_asked(&request.uri, &request.headers) {
        visit = Visit::Bytes;
    }
    if visit != Visit::Page
        && let Some(elsewhere) = content_host.redirect(&request.uri, &request.headers)
    {
        return Ok(elsewhere);
    }
    let origin = audit::origin(&request.extensions);
    let password = password(&request.headers);
    let refuse = |e: Error| {
        let asks_password = matches!(e, Error::LinkPassword);
        let status = to_status(e);
        audit::note(&store, None, &origin, "FollowLink", &status);
        let mut answer = Failure::from(status).into_response();
        // What a browser needs to ask for it.
        if asks_password {
            let challenge = value(ASK_PASSWORD);
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    };
    let followed = store.follow_link(&link, password.as_deref(), &origin);
    let followed = match followed.await {
        Ok(followed) => followed,
        Err(e) => return Ok(refuse(e)),
    };
    let download = followed.download.clone();
    if visit == Visit::Page {
        return Ok(pages.of_link(followed.link(), download).await?);
    }
    let mut answer = answer(download, &request.method, &request.headers).await?;
    let headers = answer.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
    content_host.allow_pages(headers);
    if visit == Visit::Download {
        save(headers);
    }
    // Nothing of the content is sent before.
    if request.method == Method::GET
        && answer.status().is_success()
        && let Err(e) = followed.count_download().await
    {
        return Ok(refuse(e));
    }
    Ok(answer)
}

/// What serving links needs.
#[derive(Clone)]
pub(super) struct Links {
    pub(super) store: Store,
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
    match evaluate(request, &validators) {
        Precondition::Holds => {}
        Precondition::NotModified => {
            return Ok((StatusCode::NOT_MODIFIED, caching(&validators)).into_response());
        }
        Precondition::Failed => {
            let message = "the content is not the one that the request is about; read it anew";
            let status = StatusCode::PRECONDITION_FAILED;
            let failure = Failure::of_http(status, "precondition_failed", message);
            let mut answer = failure.into_response();
            answer.headers_mut().extend(caching(&validators));
            return Ok(answer);
        }
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
        Wanted::Nothing => {
            let message = format!("the content has {size} bytes, and none in this range");
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            let failure = Failure::of_http(status, "range_not_satisfiable", &message);
            let mut answer = failure.into_response();
            let headers = answer.headers_mut();
            headers.extend(ranges(&validators));
            headers.insert(header::CONTENT_RANGE, value(&format!("bytes */{size}")));
            return Ok(answer);
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

/// The password in a request, by HTTP Basic authentication (RFC 7617) with any user name.
fn password(request: &HeaderMap) -> Option<String> {
    let value = request.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(BASE64.decode(credentials.trim()).ok()?).ok()?;
    let (_, password) = credentials.split_once(':')?;
    Some(password.to_owned())
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
