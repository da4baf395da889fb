//! Headers that keep a browser from doing anything with stored bytes but showing or saving them.

use std::ops::RangeInclusive;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use cairn_store::Artifact;
use http_range_header::parse_range_header;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that RFC 8187 lets stand in an extended parameter.
const ATTRIBUTE_CHARS: AsciiSet = NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The content types that a browser may show: none of them can run script. Everything else is saved.
const SHOWN: [&str; 9] = [
    "application/json",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/csv",
    "text/plain",
];

/// What the answer says of the artifact, whichever part of it is sent.
pub(super) fn describe(artifact: &Artifact) -> HeaderMap {
    let fixed = |value| HeaderValue::from_static(value);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, content_type(&artifact.content_type));
    headers.insert(header::CONTENT_DISPOSITION, disposition(artifact));
    headers.insert(header::ETAG, etag(artifact));
    headers.insert(header::ACCEPT_RANGES, fixed("bytes"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        fixed("default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    );
    headers.insert(header::REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        fixed("same-origin"),
    );
    // A link can be revoked: caches must ask again.
    headers.insert(header::CACHE_CONTROL, fixed("private, no-cache"));
    headers
}

/// A browser that shows the content is sent what it is by our list and nothing that stood beside it, for by the Fetch
/// standard a comma there begins another type. Text has a charset, or browsers guess one.
fn content_type(stored: &str) -> HeaderValue {
    let text = match shown(stored) {
        Some(essence) if essence.starts_with("text/") => {
            format!("{essence}; charset={}", charset(stored).unwrap_or("utf-8"))
        }
        Some(essence) => essence.to_owned(),
        None if stored.starts_with("text/") && !stored.contains(';') => {
            format!("{stored}; charset=utf-8")
        }
        None => stored.to_owned(),
    };
    HeaderValue::from_str(&text)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

/// The type without its parameters, if a browser may show it.
fn shown(stored: &str) -> Option<&'static str> {
    let essence = stored.split(';').next().unwrap_or_default().trim_end();
    SHOWN.into_iter().find(|shown| *shown == essence)
}

/// The charset that a type names, if it is one word.
fn charset(stored: &str) -> Option<&str> {
    let parameters = stored.split(';').skip(1);
    let mut charsets = parameters.filter_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        let is_charset = name.eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim_matches('"'))
    });
    let word = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    charsets
        .next()
        .filter(|name| !name.is_empty() && name.bytes().all(word))
}

/// RFC 6266: the name in ASCII for the old, and in UTF-8 for the rest. Only the last segment of it is a file's name.
fn disposition(artifact: &Artifact) -> HeaderValue {
    let name = artifact.filename.rsplit('/').next().unwrap_or_default();
    let ascii: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            c if c.is_ascii() && !c.is_ascii_control() => c,
            _ => '_',
        })
        .collect();
    let how = match shown(&artifact.content_type) {
        Some(_) => "inline",
        None => "attachment",
    };
    let utf8 = utf8_percent_encode(name, &ATTRIBUTE_CHARS);
    HeaderValue::from_str(&format!(
        "{how}; filename=\"{ascii}\"; filename*=UTF-8''{utf8}"
    ))
    .unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

pub(super) fn etag(artifact: &Artifact) -> HeaderValue {
    let tag = format!("\"{}\"", artifact.content_hash.to_hex());
    HeaderValue::from_str(&tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Whether the reader has these bytes already.
pub(super) fn not_modified(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let Some(tags) = text(request, header::IF_NONE_MATCH) else {
        return false;
    };
    let matches = |tag: &str| tag == "*" || tag.trim_start_matches("W/").as_bytes() == etag;
    tags.split(',').any(|tag| matches(tag.trim()))
}

/// Which part of the content is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it; also when the request is not understood, or asks for several parts at once, as RFC 9110 allows.
    Whole,
    /// First and last byte.
    Part(RangeInclusive<u64>),
    /// No byte of the content is in the range.
    Nothing,
}

pub(super) fn wanted(request: &HeaderMap, etag: &HeaderValue, size: u64) -> Wanted {
    let Some(range) = text(request, header::RANGE) else {
        return Wanted::Whole;
    };
    if request.get(header::IF_RANGE).is_some_and(|tag| tag != etag) {
        return Wanted::Whole;
    }
    let Ok(parsed) = parse_range_header(range) else {
        return Wanted::Whole;
    };
    match parsed.validate(size) {
        Err(_) => Wanted::Nothing,
        Ok(mut ranges) => match (ranges.pop(), ranges.is_empty()) {
            (Some(range), true) => Wanted::Part(range),
            _ => Wanted::Whole,
        },
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted_of(range: &str, size: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::RANGE,
            HeaderValue::from_str(range).expect("a value"),
        );
        wanted(&headers, &HeaderValue::from_static("\"x\""), size)
    }

    #[test]
    fn one_range_is_served_and_others_are_ignored_or_refused() {
        assert_eq!(wanted_of("bytes=0-3", 10), Wanted::Part(0..=3));
        assert_eq!(wanted_of("bytes=4-", 10), Wanted::Part(4..=9));
        assert_eq!(wanted_of("bytes=-3", 10), Wanted::Part(7..=9));
        assert_eq!(wanted_of("bytes=8-99", 10), Wanted::Part(8..=9));
        assert_eq!(wanted_of("bytes=0-1,4-5", 10), Wanted::Whole);
        assert_eq!(wanted_of("lines=1-2", 10), Wanted::Whole);
        assert_eq!(wanted_of("bytes=10-", 10), Wanted::Nothing);
    }

    #[test]
    fn what_is_shown_is_of_the_type_that_was_judged() {
        for (stored, sent) in [
            ("text/plain", "text/plain; charset=utf-8"),
            (
                "text/plain; charset=\"latin1\"",
                "text/plain; charset=latin1",
            ),
            ("text/plain;,text/html", "text/plain; charset=utf-8"),
            (
                "text/plain;charset=a,text/html",
                "text/plain; charset=utf-8",
            ),
            ("application/json;,image/svg+xml", "application/json"),
            ("image/png; x=\",text/html\"", "image/png"),
        ] {
            assert_eq!(content_type(stored), sent, "{stored}");
        }
        assert_eq!(shown("text/html"), None);
        assert_eq!(content_type("text/html; charset=x"), "text/html; charset=x");
    }

    #[test]
    fn a_range_of_other_bytes_gets_the_whole() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-3"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"old\""));
        let etag = HeaderValue::from_static("\"new\"");
        assert_eq!(wanted(&headers, &etag, 10), Wanted::Whole);
    }
}
