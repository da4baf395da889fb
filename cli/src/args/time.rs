//! Times and spans as people write them, and as the wire has them.

use std::{str::FromStr, time::Duration};

use jiff::{Timestamp, civil, tz::TimeZone};

/// A length of time: a whole number above zero of years of 365 days, weeks, days, hours, minutes or seconds, as in `1y`,
/// `2w`, `30d`, `24h`, `90m`, `45s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeSpan(Duration);

const UNITS: [(&str, u64); 6] = [
    ("y", 365 * 86_400),
    ("w", 7 * 86_400),
    ("d", 86_400),
    ("h", 3_600),
    ("m", 60),
    ("s", 1),
];

/// The longest protobuf Duration, about 10,000 years.
const MAX_SECONDS: u64 = 315_576_000_000;

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = UNITS.iter().find_map(|(unit, seconds)| {
            let digits = text.strip_suffix(unit)?;
            // `parse` would take a plus sign.
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            digits.parse::<u64>().ok()?.checked_mul(*seconds)
        });
        match seconds {
            Some(0) => Err("must be more than zero".to_owned()),
            Some(seconds) if seconds <= MAX_SECONDS => Ok(Self(Duration::from_secs(seconds))),
            _ => Err("must be a length of time such as 1y, 2w, 30d, 24h, 90m or 45s".to_owned()),
        }
    }
}

impl From<TimeSpan> for prost_types::Duration {
    fn from(span: TimeSpan) -> Self {
        Self {
            // At most MAX_SECONDS.
            seconds: span.0.as_secs() as i64,
            nanos: 0,
        }
    }
}

/// A length of time, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanOrNone(Option<TimeSpan>);

impl FromStr for SpanOrNone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(None)),
            text => Ok(Self(Some(text.parse()?))),
        }
    }
}

/// Zero is none.
impl From<SpanOrNone> for prost_types::Duration {
    fn from(span: SpanOrNone) -> Self {
        span.0.map(Into::into).unwrap_or_default()
    }
}

/// How long to keep an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ttl {
    For(TimeSpan),
    Never,
    /// As long as the tenant may.
    Longest,
}

impl FromStr for Ttl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            "longest" => Ok(Self::Longest),
            _ => text
                .parse()
                .map(Self::For)
                .map_err(|error| format!("{error}, never or longest")),
        }
    }
}

/// A moment: in RFC 3339, which without an offset is in UTC, as a date, which is its beginning in UTC, or as how long ago
/// it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(Timestamp);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_moment(text, Timestamp::now()).map(Self)
    }
}

impl From<Moment> for prost_types::Timestamp {
    fn from(Moment(moment): Moment) -> Self {
        // Not jiff's own parts: before 1970 they count nanoseconds backwards, and the wire counts them forwards.
        let nanos = moment.as_nanosecond();
        Self {
            seconds: nanos.div_euclid(1_000_000_000) as i64,
            nanos: nanos.rem_euclid(1_000_000_000) as i32,
        }
    }
}

fn parse_moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(TimeSpan(ago)) = text.parse() {
        return now
            .checked_sub(ago)
            .map_err(|_| "is before the beginning of time".to_owned());
    }
    let in_utc = |text: &str| {
        let time: civil::DateTime = text.parse()?;
        time.to_zoned(TimeZone::UTC).map(|time| time.timestamp())
    };
    text.parse().or_else(|_| in_utc(text)).map_err(|_| {
        "must be a time such as 2026-01-31T12:00:00Z, a date such as 2026-01-31, or how long ago, such as 7d".to_owned()
    })
}

/// How long ago it was, in few characters; "-" when it is not known.
pub(crate) fn age(time: Option<Timestamp>) -> String {
    let Some(time) = time else {
        return "-".to_owned();
    };
    // A clock that is behind the server's sees artifacts of the future.
    let age = Duration::try_from(Timestamp::now().duration_since(time)).unwrap_or_default();
    format!("{:#}", indicatif::HumanDuration(age))
}

#[cfg(test)]
mod tests {
    use cairn_proto::json::timestamp;
    use jiff::Timestamp;

    use super::{Moment, TimeSpan, Ttl, parse_moment};

    fn seconds(text: &str) -> Option<u64> {
        text.parse().ok().map(|TimeSpan(span)| span.as_secs())
    }

    #[test]
    fn a_span_is_a_whole_number_and_one_unit() {
        assert_eq!(seconds("1y"), Some(365 * 86_400));
        assert_eq!(seconds("2w"), Some(14 * 86_400));
        assert_eq!(seconds("30d"), Some(30 * 86_400));
        assert_eq!(seconds("24h"), Some(86_400));
        assert_eq!(seconds("90m"), Some(5_400));
        assert_eq!(seconds("45s"), Some(45));
    }

    #[test]
    fn a_span_of_zero_is_an_error_and_never_means_for_ever() {
        for text in ["0s", "0d", "00m"] {
            assert_eq!(seconds(text), None, "{text}");
            assert!(text.parse::<Ttl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_in_any_other_form_is_an_error() {
        for text in [
            "",
            "d",
            "30",
            "-1d",
            "+1d",
            "1.5h",
            "1h30m",
            "30 d",
            "30D",
            "1W",
            "1mo",
            "٣d",
            "never",
            "99999999999999999999d",
            "18446744073709551615d",
            "3652501d",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn an_artifact_is_kept_for_a_span_or_never_expires() {
        assert_eq!("never".parse(), Ok(Ttl::Never));
        assert!(matches!("7d".parse(), Ok(Ttl::For(_))));
        assert!("Never".parse::<Ttl>().is_err());
    }

    #[test]
    fn a_moment_is_a_time_or_how_long_ago_it_was() -> Result<(), jiff::Error> {
        let now: Timestamp = "2026-03-10T12:00:00Z".parse()?;
        assert_eq!(parse_moment("7d", now), Ok("2026-03-03T12:00:00Z".parse()?));
        assert_eq!(
            parse_moment("2026-03-03T12:00:00+02:00", now),
            Ok("2026-03-03T10:00:00Z".parse()?)
        );
        for (text, time) in [
            ("2026-03-03", "2026-03-03T00:00:00Z"),
            ("2026-03-03T12:30", "2026-03-03T12:30:00Z"),
            ("2026-03-03 12:30:01", "2026-03-03T12:30:01Z"),
            ("1w", "2026-03-03T12:00:00Z"),
        ] {
            assert_eq!(parse_moment(text, now), Ok(time.parse()?), "{text}");
        }
        for text in ["yesterday", "2026-03-32", "2026-03", "12:00", ""] {
            assert!(parse_moment(text, now).is_err(), "{text}");
        }
        Ok(())
    }

    #[test]
    fn a_moment_keeps_its_fraction_on_the_wire_also_before_1970() -> Result<(), jiff::Error> {
        for text in ["2026-03-03T12:00:00.25Z", "1969-12-31T23:59:59.25Z"] {
            let wire = prost_types::Timestamp::from(Moment(text.parse()?));
            assert_eq!(wire.nanos, 250_000_000, "{text}");
            assert_eq!(timestamp(Some(wire)), Some(text.parse()?));
        }
        Ok(())
    }
}
