//! Values of JSON and of queries, as the messages of the RPCs have them.

use cairn_proto::v1::{ArtifactKind, ArtifactStage, update_artifact_request::Expiry};
use cairn_store::{Error, Result};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use prost_types::{Duration, Timestamp as ProtoTimestamp};

/// How long to keep something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ttl {
    /// For this long.
    For(Duration),
    /// Without an end.
    Never,
    /// As long as the tenant may.
    Longest,
}

impl Ttl {
    /// The same as a change of an artifact's expiry.
    pub(super) fn expiry(self) -> Expiry {
        match self {
            Self::For(ttl) => Expiry::Ttl(ttl),
            Self::Never => Expiry::NeverExpires(true),
            Self::Longest => Expiry::Longest(true),
        }
    }
}

/// Reads `30d`, `24h`, `90m`, `45s`, `never` or `longest`.
///
/// # Errors
/// `Invalid`.
pub(super) fn ttl(text: &str) -> Result<Ttl> {
    match text {
        "never" => return Ok(Ttl::Never),
        "longest" => return Ok(Ttl::Longest),
        _ => {}
    }
    let seconds = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit = match unit {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            _ => return None,
        };
        let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        let number: i64 = is_number.then(|| number.parse().ok())??;
        number.checked_mul(unit)
    };
    let rule = "must be a number and d, h, m or s, such as 30d; or never, or longest";
    let seconds = seconds().ok_or_else(|| Error::invalid("ttl", rule))?;
    Ok(Ttl::For(Duration { seconds, nanos: 0 }))
}

/// Reads a moment as RFC 3339 has it, or a date, which is its first moment in UTC.
///
/// # Errors
/// `Invalid`, naming the field.
pub(super) fn moment(field: &str, text: Option<&str>) -> Result<Option<ProtoTimestamp>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    // In a query that was not encoded, the + of an offset is a space.
    let text = text.replace(' ', "+");
    let of_date = || {
        // The parser of dates would skip a time behind it.
        let date = Date::strptime("%Y-%m-%d", &text).ok()?;
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let at: Option<Timestamp> = text.parse().ok().or_else(of_date);
    let rule = "must be a time as RFC 3339 has it, such as 2026-03-03T12:00:00Z, or a date";
    let at = at.ok_or_else(|| Error::invalid(field, rule))?;
    Ok(Some(ProtoTimestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }))
}

/// A field that must be given.
///
/// # Errors
/// `Invalid`, naming the field.
pub(super) fn required<T>(field: &str, given: Option<T>) -> Result<T> {
    given.ok_or_else(|| Error::invalid(field, "is required"))
}

/// The size of a page: 1 to 200, and 50 when it is not given.
///
/// # Errors
/// `Invalid` for 0, which the RPC takes for the default.
pub(super) fn page_size(limit: Option<i32>) -> Result<i32> {
    match limit {
        Some(0) => Err(Error::invalid("limit", "must be 1 to 200")),
        limit => Ok(limit.unwrap_or_default()),
    }
}

/// The number of no value of any enum: the RPC refuses it and says which there are.
const UNKNOWN: i32 = i32::MAX;

/// The number of a kind by its name; 0 for none.
pub(super) fn kind(name: &str) -> i32 {
    number(name, "ARTIFACT_KIND_", |name| {
        ArtifactKind::from_str_name(name).map(Into::into)
    })
}

/// The number of a stage by its name; 0 for none.
pub(super) fn stage(name: &str) -> i32 {
    number(name, "ARTIFACT_STAGE_", |name| {
        ArtifactStage::from_str_name(name).map(Into::into)
    })
}

/// The number of an enum's value by its name in JSON, in lower case and without its prefix.
pub(super) fn number(name: &str, prefix: &str, of: impl Fn(&str) -> Option<i32>) -> i32 {
    if name.is_empty() {
        return 0;
    }
    let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    let known = of(&format!("{prefix}{}", name.to_ascii_uppercase()));
    known
        .filter(|&known| is_lower && known != 0)
        .unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_is_a_number_and_a_unit() {
        for (text, seconds) in [
            ("30d", Some(2_592_000)),
            ("24h", Some(86_400)),
            ("90m", Some(5_400)),
            ("45s", Some(45)),
            ("0s", Some(0)),
            ("", None),
            ("d", None),
            ("-1d", None),
            ("+1d", None),
            ("1.5h", None),
            ("1w", None),
            ("30", None),
            ("1é", None),
            ("9223372036854775807d", None),
        ] {
            let expected = seconds.map(|seconds| Ttl::For(Duration { seconds, nanos: 0 }));
            assert_eq!(ttl(text).ok(), expected, "{text}");
        }
        assert_eq!(ttl("never").ok(), Some(Ttl::Never));
    }

    #[test]
    fn a_moment_is_a_time_with_an_offset_or_a_date() {
        for (text, seconds) in [
            ("2026-03-03T12:00:00Z", Some(1_772_539_200)),
            ("2026-03-03T13:00:00+01:00", Some(1_772_539_200)),
            ("2026-03-03T13:00:00 01:00", Some(1_772_539_200)),
            ("2026-03-03", Some(1_772_496_000)),
            ("yesterday", None),
            ("2026-03-03T12:00:00", None),
        ] {
            let read = moment("f", Some(text)).ok().flatten();
            assert_eq!(read.map(|at| at.seconds), seconds, "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_left_to_the_rpc() {
        assert_eq!(stage("review"), ArtifactStage::Review as i32);
        assert_eq!(stage(""), 0);
        for name in ["Review", "unspecified", "done"] {
            assert_eq!(stage(name), UNKNOWN, "{name}");
        }
    }
}
