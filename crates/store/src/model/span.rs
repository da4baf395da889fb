//! Lengths of time as people write them.

use std::{fmt, str::FromStr, time::Duration};

/// A length of time, such as `90d` or `1h 30m`; displayed in the largest unit of which it is a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanDuration(pub Duration);

const UNITS: [(&str, u128); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = humantime::parse_duration(text);
        let wrong = |_| "must be a length of time such as 90d, 12h or 45m".to_owned();
        parsed.map(Self).map_err(wrong)
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.as_millis();
        let whole = UNITS.iter().find(|(_, unit)| all.is_multiple_of(*unit));
        let (name, unit) = whole.unwrap_or(&("ms", 1));
        write!(f, "{}{name}", all / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::HumanDuration;

    #[test]
    fn a_span_is_written_in_its_largest_whole_unit() {
        for (text, written) in [
            ("90d", "90d"),
            ("2w", "14d"),
            ("24h", "1d"),
            ("1h 30m", "90m"),
            ("1500ms", "1500ms"),
        ] {
            let span: HumanDuration = text.parse().unwrap();
            assert_eq!(span.to_string(), written);
        }
        assert!("forever".parse::<HumanDuration>().is_err());
        assert!("90".parse::<HumanDuration>().is_err());
    }
}
