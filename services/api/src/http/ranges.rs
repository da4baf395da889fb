//! The part of a content that a request wants (RFC 9110 section 14).

use std::ops::RangeInclusive;

use axum::http::{HeaderMap, header};

/// The wanted part of a content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it; also if the request is malformed, or wants several parts that do not touch.
    Whole,
    /// From the first to the last byte.
    Part(RangeInclusive<u64>),
    /// The range contains no byte of the content.
    Nothing,
}

/// What a GET wants of a content of so many bytes.
///
/// Several ranges that form one part get that part, others get the whole content, as RFC 9110 allows. The last part of
/// an empty content is the whole content.
pub(super) fn wanted(request: &HeaderMap, size: u64) -> Wanted {
    let mut fields = request.get_all(header::RANGE).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Wanted::Whole;
    };
    let Some(mut ranges) = field.to_str().ok().and_then(parse) else {
        return Wanted::Whole;
    };
    if size == 0 && ranges.iter().any(|range| matches!(range, Range::Last(1..))) {
        return Wanted::Whole;
    }
    let mut parts: Vec<_> = ranges
        .drain(..)
        .filter_map(|range| range.of(size))
        .collect();
    parts.sort_unstable_by_key(|part| *part.start());
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else {
        return Wanted::Nothing;
    };
    let joined = parts.try_fold(first, |joined, next| {
        let touches = *next.start() <= joined.end().saturating_add(1);
        touches.then(|| *joined.start()..=*joined.end().max(next.end()))
    });
    joined.map_or(Wanted::Whole, Wanted::Part)
}

/// A range of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    /// From a byte on.
    From(u64),
    /// From a byte to a byte.
    Between(u64, u64),
    /// The last so many.
    Last(u64),
}

impl Range {
    /// Its first and last byte in a content of so many; `None` if there is none.
    fn of(self, size: u64) -> Option<RangeInclusive<u64>> {
        let last = size.checked_sub(1)?;
        let (first, until) = match self {
            Self::From(first) => (first, last),
            Self::Between(first, until) => (first, until.min(last)),
            Self::Last(length) => (size.saturating_sub(length), last),
        };
        (first <= until).then_some(first..=until)
    }
}

/// The ranges of bytes of a field; `None` for another unit and for malformed ones, which are ignored.
fn parse(field: &str) -> Option<Vec<Range>> {
    let (unit, set) = field.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let elements = set
        .split(',')
        .map(|element| element.trim_matches([' ', '\t']));
    let ranges = elements.filter(|element| !element.is_empty()).map(range);
    let ranges: Vec<_> = ranges.collect::<Option<_>>()?;
    (!ranges.is_empty()).then_some(ranges)
}

fn range(element: &str) -> Option<Range> {
    let (first, last) = element.split_once('-')?;
    Some(match (first, last) {
        ("", length) => Range::Last(number(length)?),
        (first, "") => Range::From(number(first)?),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return None;
            }
            Range::Between(first, last)
        }
    })
}

/// A number of any length. One too large for `u64` is read as its maximum, which is beyond every content.
fn number(digits: &str) -> Option<u64> {
    let is_one = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_one.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::{
        Wanted::{Nothing, Part, Whole},
        *,
    };

    fn wanted_of(range: &str, size: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        let range = HeaderValue::from_str(range).expect("a value");
        headers.insert(header::RANGE, range);
        wanted(&headers, size)
    }

    #[test]
    fn ranges_are_those_of_rfc_9110_section_14() {
        for (range, size, expected) in [
            // 14.1.2: first and last byte.
            ("bytes=0-3", 10, Part(0..=3)),
            ("bytes=0-0", 10, Part(0..=0)),
            ("bytes=9-9", 10, Part(9..=9)),
            ("bytes=4-", 10, Part(4..=9)),
            ("bytes=0-", 10, Part(0..=9)),
            ("bytes=8-99", 10, Part(8..=9)),
            ("bytes=0-99999999999999999999999", 10, Part(0..=9)),
            ("bytes=10-", 10, Nothing),
            ("bytes=10-20", 10, Nothing),
            ("bytes=99999999999999999999999-", 10, Nothing),
            // The last so many.
            ("bytes=-3", 10, Part(7..=9)),
            ("bytes=-10", 10, Part(0..=9)),
            ("bytes=-100", 10, Part(0..=9)),
            ("bytes=-99999999999999999999999", 10, Part(0..=9)),
            ("bytes=-0", 10, Nothing),
            // The name of a unit is case-insensitive, and blanks may surround commas.
            ("Bytes=0-3", 10, Part(0..=3)),
            ("bytes= 0-3 ", 10, Part(0..=3)),
            ("bytes=,0-3,,", 10, Part(0..=3)),
            // Several that form one, one that exists, and several.
            ("bytes=0-1,2-3", 10, Part(0..=3)),
            ("bytes=4-5, 0-4", 10, Part(0..=5)),
            ("bytes=0-9, 2-3", 10, Part(0..=9)),
            ("bytes=0-1, 20-30", 10, Part(0..=1)),
            ("bytes=20-, 30-", 10, Nothing),
            ("bytes=0-1, 4-5", 10, Whole),
            ("bytes=0-0,-1", 10, Whole),
            // Malformed ranges and other units are ignored.
            ("bytes=3-0", 10, Whole),
            ("bytes=0-1,3-0", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes=,", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=a-b", 10, Whole),
            ("bytes=+1-3", 10, Whole),
            ("bytes=1-2-3", 10, Whole),
            ("bytes=0 - 3", 10, Whole),
            ("bytes 0-3", 10, Whole),
            ("lines=1-2", 10, Whole),
            // An empty content has no first byte, and all of it is its last part.
            ("bytes=0-", 0, Nothing),
            ("bytes=0-0", 0, Nothing),
            ("bytes=-0", 0, Nothing),
            ("bytes=-5", 0, Whole),
        ] {
            assert_eq!(wanted_of(range, size), expected, "{range} of {size}");
        }
        assert_eq!(wanted(&HeaderMap::new(), 10), Whole);
    }

    #[test]
    fn a_range_that_is_sent_twice_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.append(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(wanted(&headers, 10), Whole);
    }
}
