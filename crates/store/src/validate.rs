//! Collects every broken rule of a request, so that a caller hears of all of them at once.

use crate::error::{Error, Result, Violation};

/// The rules that a request has been found to break so far.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a field breaks a rule.
    pub fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.0.push(Violation {
            field: field.into(),
            description: description.into(),
        });
    }

    /// Takes the value, or notes the rule that its field breaks.
    pub fn check<T>(&mut self, field: &str, value: Result<T, impl Into<String>>) -> Option<T> {
        value
            .map_err(|description| self.add(field, description))
            .ok()
    }

    /// Whether every rule was kept so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes the rules that pairs break, each at its key below a field.
    pub(crate) fn add_pairs(&mut self, field: &str, broken: Vec<(Option<String>, String)>) {
        for (key, rule) in broken {
            let key = key.map_or(String::new(), |key| format!("[{key:?}]"));
            self.add(format!("{field}{key}"), rule);
        }
    }

    /// The finished value, or all that was wrong with its fields. A value that could not be finished must have had a
    /// violation noted.
    pub fn finish<T>(self, value: Option<T>) -> Result<T> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::Invalid(self.0)),
        }
    }
}
