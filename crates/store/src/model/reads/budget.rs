//! What one read may cost.

use std::time::Duration;

use crate::model::validate::Violations;

/// What one read may cost: bytes of the answer, bytes of content that are looked through, and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBudget {
    /// The most bytes of text in the answer.
    pub(crate) bytes_out: usize,
    /// The most bytes of content to look through.
    pub(crate) bytes_scanned: u64,
    /// The longest time.
    pub(crate) time: Duration,
}

impl ReadBudget {
    /// The bytes of an answer whose caller did not say.
    pub const DEFAULT_BYTES: i64 = 16 << 10;
    /// The fewest bytes of an answer that a caller may ask for: a line must fit.
    pub const MIN_BYTES: i64 = 256;
    /// The most bytes of an answer that a caller may ask for.
    pub const MAX_BYTES: i64 = 256 << 10;
    /// The bytes to look through for a caller that did not say.
    pub const DEFAULT_SCAN: i64 = 256 << 20;
    /// The fewest: more than the longest line that is held whole, so that every call gets further.
    pub const MIN_SCAN: i64 = 1 << 20;
    /// The most bytes to look through.
    pub const MAX_SCAN: i64 = 1 << 30;
    /// The time of a read.
    pub const TIME: Duration = Duration::from_secs(10);

    /// Checks what a caller asks for; 0 is the default.
    pub fn new(max_bytes: i64, max_scan_bytes: i64, faults: &mut Violations) -> Self {
        let (least, most) = (Self::MIN_BYTES, Self::MAX_BYTES);
        let bytes = match max_bytes {
            0 => Self::DEFAULT_BYTES,
            bytes => bytes,
        };
        if !(least..=most).contains(&bytes) {
            let rule = format!(
                "must be {least} to {most}, or 0 for {}",
                Self::DEFAULT_BYTES
            );
            faults.add("max_bytes", rule);
        }
        let scan = match max_scan_bytes {
            0 => Self::DEFAULT_SCAN,
            scan => scan,
        };
        let (fewest, most_scanned) = (Self::MIN_SCAN, Self::MAX_SCAN);
        if !(fewest..=most_scanned).contains(&scan) {
            let default = Self::DEFAULT_SCAN;
            let rule = format!("must be {fewest} to {most_scanned}, or 0 for {default}");
            faults.add("max_scan_bytes", rule);
        }
        Self {
            bytes_out: usize::try_from(bytes.clamp(least, most)).unwrap_or_default(),
            bytes_scanned: scan.clamp(fewest, most_scanned).cast_unsigned(),
            time: Self::TIME,
        }
    }
}

/// Why an answer ends where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadStop {
    /// There is no more.
    End,
    /// It has as many lines, rows or matches as were asked for.
    Count,
    /// It has as many bytes as it may have.
    BytesOut,
    /// As many bytes were looked through as may be.
    BytesScanned,
    /// The time is over.
    Time,
    /// As many files were searched as one call searches.
    Files,
}

/// A place in a text: the first byte of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Place {
    /// The number of the line, from 1.
    pub(crate) line: u64,
    /// The offset of its first byte.
    pub(crate) offset: u64,
}

impl Place {
    /// The first line.
    pub(crate) const START: Self = Self { line: 1, offset: 0 };
}

/// Where a read goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Cursor {
    pub(crate) place: Place,
    /// Whether the place is not the first byte of its line, but one within a line that is too long to be held.
    pub(crate) within: bool,
    /// Whether a search has already answered the line within which the place is.
    #[serde(default)]
    pub(crate) is_answered: bool,
}

impl Cursor {
    /// The first line.
    pub(crate) const START: Self = Self::at(Place::START);

    /// The beginning of a line.
    pub(crate) const fn at(place: Place) -> Self {
        Self {
            place,
            within: false,
            is_answered: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ReadBudget, Violations};

    #[test]
    fn a_budget_has_defaults_and_bounds() {
        let mut faults = Violations::new();
        let budget = ReadBudget::new(0, 0, &mut faults);
        assert_eq!(
            (budget.bytes_out, budget.bytes_scanned),
            (16 << 10, 256 << 20)
        );
        ReadBudget::new(256, 1 << 20, &mut faults);
        ReadBudget::new(256 << 10, 1 << 30, &mut faults);
        assert!(faults.is_empty());
        for (bytes, scan) in [
            (255, 0),
            (-1, 0),
            (i64::MAX, 0),
            (0, -1),
            (0, 1),
            (0, i64::MAX),
        ] {
            let mut faults = Violations::new();
            ReadBudget::new(bytes, scan, &mut faults);
            assert!(!faults.is_empty(), "{bytes} {scan}");
        }
    }
}
