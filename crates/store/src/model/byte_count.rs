//! Numbers of bytes as people write them.

use std::str::FromStr;

/// A number of bytes, 0 or more: a whole number, alone or with a unit, as in `1000`, `32KiB`, `5MiB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteCount(pub i64);

/// As sizes are printed.
const UNITS: [(&str, i64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("", 1),
];

impl FromStr for ByteCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = UNITS.iter().find_map(|(unit, bytes)| {
            let digits = text.strip_suffix(unit)?;
            // `parse` would take a sign.
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            digits.parse::<i64>().ok()?.checked_mul(*bytes)
        });
        bytes
            .map(Self)
            .ok_or_else(|| "must be a number of bytes such as 1000, 32KiB or 5MiB".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::ByteCount;

    /// A number of bytes may have the unit with which sizes are printed.
    #[test]
    fn byte_count_accepts_the_printed_units() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("32KiB", 32 << 10),
            ("5MiB", 5 << 20),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(text.parse(), Ok(ByteCount(bytes)), "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_no_number_of_bytes() {
        for text in [
            "",
            "KiB",
            "-1",
            "+1",
            "1.5MiB",
            "1 KiB",
            "1KB",
            "1k",
            "9999999TiB",
        ] {
            assert!(text.parse::<ByteCount>().is_err(), "{text}");
        }
    }
}
