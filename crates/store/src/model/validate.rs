//! Collects the violations of a request, so that a caller gets many at once, within limits that keep this cheap
//! whatever is sent.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::error::{Error, Result, Violation};

/// The longest time to live: 100 years, so that every stored time can be read, written and added to.
pub(crate) const LONGEST_TTL: Duration = Duration::from_secs(36_525 * 24 * 60 * 60);

/// The first time with which Postgres can compare, and the last that is stored: the start of the years 1 and 9000.
const EARLIEST: Timestamp = Timestamp::constant(-62_135_596_800, 0);
const LATEST: Timestamp = Timestamp::constant(221_845_392_000, 0);

/// The maximum violations of one answer, and the maximum characters of input that each repeats.
const MAX_VIOLATIONS: usize = 16;
const MAX_ECHO: usize = 64;
/// The maximum ids that one violation names.
const MAX_IDS: usize = 4;

/// A caller's text, cut to the length that an answer may repeat.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(MAX_ECHO) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The first of some ids, and how many more there are.
pub(crate) fn some_of(ids: &[String]) -> String {
    let some = ids[..ids.len().min(MAX_IDS)].join(", ");
    match ids.len().saturating_sub(MAX_IDS) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

/// A time of a filter, limited to between `EARLIEST` and `LATEST`: nothing is older or newer.
pub(crate) fn within_reach(at: Timestamp) -> Timestamp {
    at.clamp(EARLIEST, LATEST)
}

/// The violations of a request so far, at most 16.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl From<Violations> for Error {
    fn from(faults: Violations) -> Self {
        Self::Invalid(faults.0)
    }
}

impl Violations {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that a field breaks a rule; beyond 16 it records nothing.
    pub fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if self.is_full() {
            return;
        }
        self.0.push(Violation {
            field: field.into(),
            description: description.into(),
        });
    }

    /// Returns the value, or records the rule that its field breaks.
    pub fn check<T>(&mut self, field: &str, value: Result<T, impl Into<String>>) -> Option<T> {
        value
            .map_err(|description| self.add(field, description))
            .ok()
    }

    /// Checks the elements of a list one by one. A list that is too long is refused by its length alone, and checking
    /// stops after the sixteenth violation.
    pub(crate) fn each<I: IntoIterator<IntoIter: ExactSizeIterator>, T, E: Into<String>>(
        &mut self,
        field: &str,
        list: I,
        most: usize,
        check: impl Fn(I::Item) -> Result<T, E>,
    ) -> Vec<T> {
        let list = list.into_iter();
        if !self.fits(field, list.len(), most) {
            return Vec::new();
        }
        let mut kept = Vec::with_capacity(list.len());
        for (i, element) in list.enumerate() {
            match check(element) {
                Ok(element) => kept.push(element),
                Err(rule) => self.add(format!("{field}[{i}]"), rule),
            }
            if self.is_full() {
                break;
            }
        }
        kept
    }

    /// Whether a list is short enough; otherwise records the violation.
    pub(crate) fn fits(&mut self, field: &str, length: usize, most: usize) -> bool {
        let fits = length <= most;
        if !fits {
            self.add(field, format!("must be at most {most}"));
        }
        fits
    }

    /// A time to live: at least a millisecond, and at most 100 years.
    pub(crate) fn ttl(&mut self, field: &str, ttl: Duration) {
        if ttl < Duration::from_millis(1) {
            self.add(field, "must be at least one millisecond");
        } else if ttl > LONGEST_TTL {
            self.add(field, "must be at most 36525 days, which are 100 years");
        }
    }

    /// Whether there is no violation so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MAX_VIOLATIONS
    }

    /// Records the violations of pairs, each at its key below a field.
    pub(crate) fn add_pairs(&mut self, field: &str, broken: Vec<(Option<String>, String)>) {
        for (key, rule) in broken {
            let key = key.map_or(String::new(), |key| format!("[{:?}]", excerpt(&key)));
            self.add(format!("{field}{key}"), rule);
        }
    }

    /// The same violations, with their fields below a message's field.
    #[must_use]
    pub fn below(mut self, field: &str) -> Self {
        for violation in &mut self.0 {
            violation.field = match violation.field.as_str() {
                "" => field.to_owned(),
                inner => format!("{field}.{inner}"),
            };
        }
        self
    }

    /// The finished value, or the violations of its fields. A value that could not be finished must have a recorded
    /// violation.
    pub fn finish<T>(self, value: Option<T>) -> Result<T> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::Invalid(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn refused(faults: Violations) -> Vec<Violation> {
        match faults.finish(Some(())) {
            Err(Error::Invalid(violations)) => violations,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_list_that_is_too_long_is_not_looked_into() {
        let (mut faults, looked) = (Violations::new(), Cell::new(0));
        let look = |_| {
            looked.set(looked.get() + 1);
            Err::<(), _>("is wrong")
        };
        faults.each("ids", vec![(); 1001], 1000, look);
        assert_eq!(looked.get(), 0);
        assert_eq!(refused(faults).len(), 1);
    }

    #[test]
    fn a_list_of_faults_is_left_after_sixteen() {
        let (mut faults, looked) = (Violations::new(), Cell::new(0));
        let look = |_| {
            looked.set(looked.get() + 1);
            Err::<(), _>("is wrong")
        };
        faults.each("ids", vec![(); 1000], 1000, look);
        assert_eq!(looked.get(), 16);
        let violations = refused(faults);
        assert_eq!(violations.len(), 16);
        assert_eq!(violations[15].field, "ids[15]");
    }

    #[test]
    fn at_most_64_characters_of_input_are_repeated() {
        assert_eq!(excerpt("é"), "é");
        assert_eq!(excerpt(&"é".repeat(64)), "é".repeat(64));
        assert_eq!(excerpt(&"é".repeat(6000)).chars().count(), 65);
        let mut faults = Violations::new();
        faults.add_pairs("metadata", vec![(Some("k".repeat(6000)), String::new())]);
        assert!(refused(faults)[0].field.len() < 100);
    }

    #[test]
    fn a_time_to_live_is_a_millisecond_to_a_hundred_years() {
        let broken = |ttl| {
            let mut faults = Violations::new();
            faults.ttl("ttl", ttl);
            !faults.is_empty()
        };
        assert!(broken(Duration::from_micros(999)));
        assert!(!broken(Duration::from_millis(1)));
        assert!(!broken(LONGEST_TTL));
        assert!(broken(LONGEST_TTL + Duration::from_nanos(1)));
        assert!(broken(Duration::MAX));
    }

    #[test]
    fn any_time_can_be_compared_with() {
        assert_eq!(
            within_reach(Timestamp::MIN).to_string(),
            "0001-01-01T00:00:00Z"
        );
        assert_eq!(
            within_reach(Timestamp::MAX).to_string(),
            "9000-01-01T00:00:00Z"
        );
        assert_eq!(within_reach(Timestamp::UNIX_EPOCH), Timestamp::UNIX_EPOCH);
    }
}
