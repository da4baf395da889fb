//! What a request for a link wants: a page, or the bytes.

use axum::http::{HeaderMap, Method, Uri, header};

/// The headers that decide between a page and the bytes.
pub(in crate::http) const VARY: &str = "Accept, Sec-Fetch-Dest";

/// How a link is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Visit {
    /// A person reads a page about the content.
    Page,
    /// The bytes, shown or saved by what their type allows.
    Bytes,
    /// The bytes, to be saved: `?download`.
    Download,
}

impl Visit {
    /// A browser that goes to an address accepts HTML and says so. Programs accept everything, and get the bytes; so does
    /// an element of a page, such as an image.
    pub(in crate::http) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let asks = |name: &str| {
            let mut pairs = uri.query().unwrap_or_default().split('&');
            pairs.any(|pair| pair.split('=').next() == Some(name))
        };
        if asks("download") {
            return Self::Download;
        }
        let reads = *method == Method::GET || *method == Method::HEAD;
        let is_part = headers.contains_key(header::RANGE);
        match reads && !is_part && !asks("raw") && goes_to_a_page(headers) {
            true => Self::Page,
            false => Self::Bytes,
        }
    }
}

/// Whether the request is a browser's that goes to an address.
pub(super) fn goes_to_a_page(headers: &HeaderMap) -> bool {
    // Fetch Metadata: `document` for an address that is gone to; other values for images, frames and calls of scripts.
    let destination = headers.get("sec-fetch-dest");
    destination.is_none_or(|value| value == "document") && accepts_html(headers)
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut kinds = accepted.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    kinds.any(|kind| {
        let mut parts = kind.split(';').map(str::trim);
        let is_html = parts
            .next()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        is_html && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_a_browser_that_goes_to_a_link_gets_a_page() {
        let browser = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        for (path, fields, wanted) in [
            ("/lnk_a", vec![browser], Visit::Page),
            ("/lnk_a", vec![("accept", "*/*")], Visit::Bytes),
            ("/lnk_a", vec![], Visit::Bytes),
            ("/lnk_a", vec![("accept", "text/html;q=0")], Visit::Bytes),
            ("/lnk_a?raw", vec![browser], Visit::Bytes),
            ("/lnk_a?a=1&raw=1", vec![browser], Visit::Bytes),
            ("/lnk_a?rawer", vec![browser], Visit::Page),
            ("/lnk_a?download", vec![], Visit::Download),
            (
                "/lnk_a",
                vec![browser, ("range", "bytes=0-1")],
                Visit::Bytes,
            ),
            (
                "/lnk_a",
                vec![browser, ("sec-fetch-dest", "document")],
                Visit::Page,
            ),
            (
                "/lnk_a",
                vec![browser, ("sec-fetch-dest", "iframe")],
                Visit::Bytes,
            ),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &fields {
                let name = HeaderName::from_static(name);
                headers.insert(name, HeaderValue::from_static(value));
            }
            let uri = Uri::from_static(path);
            let visit = Visit::of(&Method::GET, &uri, &headers);
            assert_eq!(visit, wanted, "{path} {fields:?}");
        }
    }
}
