//! The second host from which browsers get content, so that content never has the origin of the pages.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use cairn_store::LinkId;

/// The origin from which browsers get content, if it has one of its own.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct ContentHost(Option<HeaderValue>);

impl ContentHost {
    /// An origin such as `https://content.example.com`.
    pub(in crate::http) fn new(origin: Option<HeaderValue>) -> Self {
        Self(origin)
    }

    /// The origin; empty for the pages' own.
    pub(super) fn origin(&self) -> &str {
        let origin = self.0.as_ref().and_then(|origin| origin.to_str().ok());
        origin.unwrap_or_default()
    }

    /// Where the content of a link is, as an address in its page.
    pub(super) fn address(&self, link: &LinkId) -> String {
        match self.origin() {
            "" => String::new(),
            origin => format!("{origin}/{link}"),
        }
    }

    /// Whether a request is to this host. It has no pages, so that nothing of theirs has its origin.
    pub(in crate::http) fn is_asked(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let asked = uri.authority().map(|authority| authority.as_str());
        let asked = asked.or_else(|| headers.get(header::HOST)?.to_str().ok());
        let own = self.origin().split_once("://").map(|(_, own)| own);
        own.zip(asked)
            .is_some_and(|(own, asked)| own.eq_ignore_ascii_case(asked))
    }

    /// Sends a browser that asks another host for content to this one. Programs get the content from each.
    pub(in crate::http) fn redirect(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let is_browser = headers.contains_key("sec-fetch-dest");
        if self.0.is_none() || !is_browser || self.is_asked(uri, headers) {
            return None;
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let there = HeaderValue::from_str(&format!("{}{path}", self.origin())).ok()?;
        let no_store = HeaderValue::from_static("no-store");
        let headers = [(header::LOCATION, there), (header::CACHE_CONTROL, no_store)];
        Some((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
    }

    /// Lets the pages, which have another origin, show this content.
    pub(in crate::http) fn allow_pages(&self, headers: &mut HeaderMap) {
        if self.0.is_some() {
            let name = HeaderName::from_static("cross-origin-resource-policy");
            headers.insert(name, HeaderValue::from_static("cross-origin"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_browsers_are_sent_to_the_content_host() {
        let origin = HeaderValue::from_static("https://content.example.com");
        let host = ContentHost::new(Some(origin));
        let uri = Uri::from_static("/lnk_a?raw");
        for (fields, moves) in [
            (vec![("host", "cairn.example.com")], false),
            (
                vec![("host", "cairn.example.com"), ("sec-fetch-dest", "image")],
                true,
            ),
            (
                vec![("host", "Content.example.com"), ("sec-fetch-dest", "image")],
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.insert(name, HeaderValue::from_static(value));
            }
            let answer = host.redirect(&uri, &headers);
            assert_eq!(answer.is_some(), moves, "{headers:?}");
            if let Some(answer) = answer {
                let there = &answer.headers()[header::LOCATION];
                assert_eq!(there, "https://content.example.com/lnk_a?raw");
            }
            assert!(ContentHost::default().redirect(&uri, &headers).is_none());
        }
    }
}
