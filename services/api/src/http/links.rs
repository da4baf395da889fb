//! Opens links: a page for people, the bytes for programs.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use cairn_store::{Error, Followed};

use super::{
    delivery::{Links, Refused, send},
    failure::Failure,
    pages::Visit,
    shared,
};
use crate::{audit, error::to_status};

const ASK_PASSWORD: &str = r#"Basic realm="link", charset="UTF-8""#;

/// `GET /lnk_…` and `HEAD`: a page about what the link leads to, or its bytes, with conditions and ranges as in RFC 9110.
pub(super) async fn open(
    State(links): State<Links>,
    Path(link): Path<String>,
    request: Parts,
) -> Result<Response, Failure> {
    let content_host = &links.content_host;
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
        audit::note(&links.store, None, &origin, "FollowLink", &status);
        let mut answer = Failure::from(status).into_response();
        // What a browser needs to ask for it.
        if asks_password {
            let challenge = HeaderValue::from_static(ASK_PASSWORD);
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    };
    let followed = links.store.follow_link(&link, password.as_deref(), &origin);
    let followed = match followed.await {
        Ok(followed) => followed,
        Err(e) => return Ok(refuse(e)),
    };
    let opened = match &followed.followed {
        Followed::Artifact(download) if visit == Visit::Page => Ok((links.pages)
            .of_link(followed.link(), (**download).clone())
            .await?),
        Followed::Artifact(download) => {
            let download = (**download).clone();
            send(&links, &followed, download, visit, &request).await
        }
        Followed::Session(session) => {
            shared::open(&links, &followed, session, visit, &request).await
        }
    };
    match opened {
        Ok(answer) => Ok(answer),
        // The last downloads were had by others, or the file is not within the link.
        Err(Refused::Noted(e)) => Ok(refuse(e)),
        Err(Refused::Failed(failure)) => Err(failure),
    }
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
