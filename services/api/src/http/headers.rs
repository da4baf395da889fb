//! Headers that keep a browser from doing anything with stored bytes but showing or saving them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use cairn_store::{Artifact, Presentation};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::conditions::Validators;

/// The characters that RFC 8187 allows in an extended parameter.
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

/// The content types that a browser may show as they are: none of them can run script.
const SHOWN: [&str; 21] = [
    "application/json",
    "application/pdf",
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/x-wav",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/csv",
    "text/plain",
    "video/mp4",
    "video/ogg",
    "video/webm",
];

/// Text types that a browser would save, and may show as plain text, and all `text/x-` types. Every other type is
/// saved.
const SHOWN_AS_TEXT: [&str; 9] = [
    "application/jsonl",
    "application/sql",
    "application/toml",
    "application/x-ndjson",
    "application/yaml",
    "text/css",
    "text/javascript",
    "text/markdown",
    "text/tab-separated-values",
];

/// How a browser gets content of a type.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    /// Shown, as this type.
    Shown(&'static str),
    /// Saved.
    Saved,
}

/// The headers of an artifact, whichever part of it is sent, and whether its text is UTF-8.
pub(super) fn describe(artifact: &Artifact, utf8: bool) -> HeaderMap {
    let mut headers = guarded();
    let kind = content_type(&artifact.content_type, utf8);
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_DISPOSITION, disposition(artifact));
    headers
}

/// The headers of a ZIP archive, which a browser saves under this name.
pub(super) fn describe_archive(name: &str) -> HeaderMap {
    let mut headers = guarded();
    let kind = HeaderValue::from_static("application/zip");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_DISPOSITION, named("attachment", name));
    headers
}

/// The headers that keep stored bytes from doing anything.
fn guarded() -> HeaderMap {
    let fixed = |value| HeaderValue::from_static(value);
    let mut headers = HeaderMap::new();
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
    headers
}

/// Makes a browser save the content, whatever its type.
pub(super) fn save(headers: &mut HeaderMap) {
    let Some(how) = headers.get(header::CONTENT_DISPOSITION) else {
        return;
    };
    let name = how.as_bytes().strip_prefix(b"inline");
    let saved = name.and_then(|name| HeaderValue::from_bytes(&[b"attachment", name].concat()).ok());
    if let Some(saved) = saved {
        headers.insert(header::CONTENT_DISPOSITION, saved);
    }
}

/// What S3 is to say of an artifact that is read by a URL of its own. Nothing of the content is read for it.
pub(crate) fn presentation(artifact: &Artifact) -> Presentation {
    let text = |value: HeaderValue| value.to_str().unwrap_or_default().to_owned();
    Presentation {
        content_type: text(content_type(&artifact.content_type, false)),
        content_disposition: text(disposition(artifact)),
    }
}

/// The headers of every answer about an artifact for caches and requests: also of one without content.
pub(super) fn caching(validators: &Validators) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, validators.etag.clone());
    // A link can be revoked: caches must ask again.
    let no_cache = HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, no_cache);
    headers
}

/// Further headers of an answer with the content, or about its ranges.
pub(super) fn ranges(validators: &Validators) -> HeaderMap {
    let mut headers = caching(validators);
    let bytes = HeaderValue::from_static("bytes");
    headers.insert(header::ACCEPT_RANGES, bytes);
    let date = httpdate::fmt_http_date(validators.last_modified);
    if let Ok(date) = HeaderValue::from_str(&date) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    headers
}

/// Whether the type is a text type whose charset must be found in the bytes.
pub(super) fn lacks_charset(stored: &str) -> bool {
    let is_text = match sent(stored) {
        Sent::Shown(essence) => essence.starts_with("text/"),
        Sent::Saved => stored.starts_with("text/"),
    };
    is_text && charset(stored).is_none()
}

/// A browser that shows the content gets the type from our lists and no other parameters, because by the Fetch standard
/// a comma there begins another type. `utf8`: the bytes are UTF-8, which browsers do not guess.
fn content_type(stored: &str, utf8: bool) -> HeaderValue {
    let found = utf8.then_some("utf-8").filter(|_| lacks_charset(stored));
    let text = match sent(stored) {
        Sent::Shown(essence) => {
            let named = charset(stored).filter(|_| essence.starts_with("text/"));
            with_charset(essence, named.or(found))
        }
        Sent::Saved => with_charset(stored, found),
    };
    HeaderValue::from_str(&text)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

fn with_charset(essence: &str, charset: Option<&str>) -> String {
    charset.map_or_else(
        || essence.to_owned(),
        |charset| format!("{essence}; charset={charset}"),
    )
}

/// The type of content that a browser may show as it is.
pub(super) fn shown(stored: &str) -> Option<&'static str> {
    let essence = essence(stored);
    SHOWN.into_iter().find(|shown| *shown == essence)
}

fn essence(stored: &str) -> &str {
    stored.split(';').next().unwrap_or_default().trim_end()
}

fn sent(stored: &str) -> Sent {
    let essence = essence(stored);
    if let Some(shown) = shown(stored) {
        Sent::Shown(shown)
    } else if essence.starts_with("text/x-") || SHOWN_AS_TEXT.contains(&essence) {
        Sent::Shown("text/plain")
    } else {
        Sent::Saved
    }
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

/// RFC 6266: the name in ASCII for old clients, and in UTF-8 for the rest. Only the last segment of it is a file's
/// name.
fn disposition(artifact: &Artifact) -> HeaderValue {
    let name = artifact.filename.rsplit('/').next().unwrap_or_default();
    let how = match sent(&artifact.content_type) {
        Sent::Shown(_) => "inline",
        Sent::Saved => "attachment",
    };
    named(how, name)
}

fn named(how: &str, name: &str) -> HeaderValue {
    let ascii: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            c if c.is_ascii() && !c.is_ascii_control() => c,
            _ => '_',
        })
        .collect();
    let utf8 = utf8_percent_encode(name, &ATTRIBUTE_CHARS);
    HeaderValue::from_str(&format!(
        "{how}; filename=\"{ascii}\"; filename*=UTF-8''{utf8}"
    ))
    .unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(content_type(stored, true), sent, "{stored}");
        }
        assert_eq!(sent("text/html"), Sent::Saved);
        let html = "text/html; charset=x";
        assert_eq!(content_type(html, true), html);
    }

    #[test]
    fn text_that_browsers_save_is_shown_as_plain_text() {
        for stored in [
            "text/markdown",
            "text/x-python",
            "text/javascript",
            "application/yaml",
        ] {
            assert_eq!(content_type(stored, true), "text/plain; charset=utf-8");
        }
        for saved in ["text/html", "application/xml", "image/svg+xml"] {
            assert_eq!(sent(saved), Sent::Saved, "{saved}");
        }
    }

    #[test]
    fn a_charset_is_named_where_the_bytes_bear_it_out() {
        assert_eq!(content_type("text/csv", false), "text/csv");
        assert_eq!(content_type("text/html", false), "text/html");
        assert_eq!(content_type("text/html", true), "text/html; charset=utf-8");
        let latin = "text/plain; charset=latin1";
        assert_eq!(content_type(latin, false), latin);
        assert!(!lacks_charset(latin) && !lacks_charset("image/png"));
    }
}
