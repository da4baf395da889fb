//! Conditional requests (RFC 9110 section 13) for content that never changes while its link is the same.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use cairn_store::{Artifact, ContentHash};

/// The validators of a content: its hash, and the second in which it was stored.
pub(super) struct Validators {
    /// Strong: the same bytes.
    pub(super) etag: HeaderValue,
    pub(super) last_modified: SystemTime,
}

impl Validators {
    pub(super) fn of(artifact: &Artifact) -> Self {
        let tag = format!("\"{}\"", artifact.content_hash.to_hex());
        let etag = HeaderValue::from_str(&tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        let stored = u64::try_from(artifact.created_at.as_second()).unwrap_or_default();
        let stored = UNIX_EPOCH + Duration::from_secs(stored);
        // A clock that is behind the database's must not date it in its own future.
        let last_modified = stored.min(SystemTime::now());
        Self {
            etag,
            last_modified,
        }
    }
}

impl Validators {
    /// Of content that is put together for each request, of which only the tag is known.
    pub(super) fn of_tag(hash: ContentHash) -> Self {
        let tag = HeaderValue::from_str(&format!("\"{}\"", hash.to_hex()));
        Self {
            etag: tag.unwrap_or_else(|_| HeaderValue::from_static("\"\"")),
            // No date says that it is the same.
            last_modified: SystemTime::now(),
        }
    }

    /// Whether a request names this very content, so that a part of it fits what the reader has.
    pub(super) fn are_named(&self, request: &HeaderMap) -> bool {
        let names = |field| request.get(field).is_some_and(|tag| tag == self.etag);
        names(header::IF_RANGE) || names(header::IF_MATCH)
    }
}

/// The result of the preconditions of a GET or HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precondition {
    /// Send the content.
    Holds,
    /// 304: the reader has it already.
    NotModified,
    /// 412: the reader wants another content, or none.
    Failed,
}

/// Evaluates them in the order of section 13.2.2. An unreadable date counts as absent.
pub(super) fn evaluate(request: &HeaderMap, current: &Validators) -> Precondition {
    if request.contains_key(header::IF_MATCH) {
        if !any_tag(request, header::IF_MATCH, |tag| tag.is_strongly(current)) {
            return Precondition::Failed;
        }
    } else if let Some(since) = date(request, header::IF_UNMODIFIED_SINCE)
        && current.last_modified_second() > since
    {
        return Precondition::Failed;
    }
    if request.contains_key(header::IF_NONE_MATCH) {
        if any_tag(request, header::IF_NONE_MATCH, |tag| tag.is_weakly(current)) {
            return Precondition::NotModified;
        }
    } else if let Some(since) = date(request, header::IF_MODIFIED_SINCE)
        && current.last_modified_second() <= since
    {
        return Precondition::NotModified;
    }
    Precondition::Holds
}

/// Whether a range of exactly this content is wanted: without If-Range, or if it names this content.
pub(super) fn range_applies(request: &HeaderMap, current: &Validators) -> bool {
    let Some(value) = request.get(header::IF_RANGE) else {
        return true;
    };
    let Ok(value) = value.to_str() else {
        return false;
    };
    match Tag::read(value) {
        Some((tag, "")) => tag.is_strongly(current),
        // Content is never changed within the second of its Last-Modified, so the date is a strong validator.
        _ => httpdate::parse_http_date(value)
            .is_ok_and(|date| date == current.last_modified_second()),
    }
}

impl Validators {
    /// As in the header.
    fn last_modified_second(&self) -> SystemTime {
        let since = self.last_modified.duration_since(UNIX_EPOCH);
        UNIX_EPOCH + Duration::from_secs(since.unwrap_or_default().as_secs())
    }
}

/// A date of a field that was sent once.
fn date(request: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    let mut values = request.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// Whether one of the tags of a field, or the `*` for any, matches; none matches in a field that is malformed up to
/// there.
fn any_tag(request: &HeaderMap, name: HeaderName, fits: impl Fn(&Tag<'_>) -> bool) -> bool {
    let values = request.get_all(name);
    values.iter().any(|value| {
        let Ok(mut rest) = value.to_str() else {
            return false;
        };
        if rest.trim() == "*" {
            return true;
        }
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let Some((tag, behind)) = Tag::read(rest) else {
                return false;
            };
            if fits(&tag) {
                return true;
            }
            rest = behind;
        }
    })
}

/// An entity tag of a request.
struct Tag<'a> {
    weak: bool,
    /// With its quotes.
    opaque: &'a str,
}

impl<'a> Tag<'a> {
    /// The tag at the beginning of a text, and the rest. A tag may contain commas.
    fn read(text: &'a str) -> Option<(Self, &'a str)> {
        let (weak, quoted) = match text.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let end = quoted.strip_prefix('"')?.find('"')? + 2;
        let (opaque, behind) = quoted.split_at(end);
        Some((Self { weak, opaque }, behind))
    }

    fn is_weakly(&self, current: &Validators) -> bool {
        current.etag == self.opaque.as_bytes()
    }

    fn is_strongly(&self, current: &Validators) -> bool {
        !self.weak && self.is_weakly(current)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Precondition::{Failed, Holds, NotModified},
        *,
    };

    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn current() -> Validators {
        Validators {
            etag: HeaderValue::from_static("\"a,b\""),
            last_modified: UNIX_EPOCH + Duration::from_millis(784_111_777_900),
        }
    }

    fn request(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut request = HeaderMap::new();
        for (name, value) in fields {
            let value = HeaderValue::from_str(value).expect("a value");
            request.append(*name, value);
        }
        request
    }

    #[test]
    fn preconditions_are_those_of_rfc_9110_section_13() {
        const TABLE: &[(&[(&str, &str)], Precondition)] = &[
            (&[], Holds),
            // 13.1.1: strong comparison.
            (&[("if-match", "\"a,b\"")], Holds),
            (&[("if-match", "\"x\", \"a,b\"")], Holds),
            (&[("if-match", "\"x\"")], Failed),
            (&[("if-match", "W/\"a,b\"")], Failed),
            (&[("if-match", "*")], Holds),
            (&[("if-match", "a,b")], Failed),
            (&[("if-match", "\"x\""), ("if-match", "\"a,b\"")], Holds),
            // 13.1.2: weak comparison.
            (&[("if-none-match", "\"a,b\"")], NotModified),
            (&[("if-none-match", "W/\"a,b\"")], NotModified),
            (&[("if-none-match", "\"x\" , ,W/\"a,b\"")], NotModified),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "\"x\"")], Holds),
            (&[("if-none-match", "\"a\"")], Holds),
            (&[("if-none-match", "a,b")], Holds),
            // 13.1.3, in each of the three forms of a date.
            (&[("if-modified-since", SAME)], NotModified),
            (&[("if-modified-since", AFTER)], NotModified),
            (&[("if-modified-since", BEFORE)], Holds),
            (
                &[("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT")],
                NotModified,
            ),
            (
                &[("if-modified-since", "Sun Nov  6 08:49:37 1994")],
                NotModified,
            ),
            (&[("if-modified-since", "yesterday")], Holds),
            (
                &[("if-modified-since", SAME), ("if-modified-since", SAME)],
                Holds,
            ),
            // 13.1.4.
            (&[("if-unmodified-since", SAME)], Holds),
            (&[("if-unmodified-since", AFTER)], Holds),
            (&[("if-unmodified-since", BEFORE)], Failed),
            (&[("if-unmodified-since", "tomorrow")], Holds),
            // 13.2.2: a tag goes before a date, and what must be the same before what may.
            (
                &[("if-none-match", "\"x\""), ("if-modified-since", SAME)],
                Holds,
            ),
            (
                &[("if-match", "\"a,b\""), ("if-unmodified-since", BEFORE)],
                Holds,
            ),
            (
                &[("if-match", "\"x\""), ("if-none-match", "\"a,b\"")],
                Failed,
            ),
            (
                &[("if-match", "\"a,b\""), ("if-none-match", "\"a,b\"")],
                NotModified,
            ),
            (
                &[("if-unmodified-since", SAME), ("if-modified-since", SAME)],
                NotModified,
            ),
        ];
        for (fields, expected) in TABLE {
            assert_eq!(
                evaluate(&request(fields), &current()),
                *expected,
                "{fields:?}"
            );
        }
    }

    #[test]
    fn a_range_applies_to_the_very_content_that_if_range_names() {
        for (value, applies) in [
            ("\"a,b\"", true),
            ("W/\"a,b\"", false),
            ("\"x\"", false),
            ("\"a,b\", \"x\"", false),
            ("*", false),
            (SAME, true),
            (AFTER, false),
            (BEFORE, false),
            ("soon", false),
        ] {
            let request = request(&[("if-range", value)]);
            assert_eq!(range_applies(&request, &current()), applies, "{value}");
        }
        assert!(range_applies(&request(&[]), &current()));
    }
}
