//! The artifacts of a bulk operation.

use std::collections::HashSet;

use std::fmt;

use serde::Serialize;

use crate::model::{
    access::Narrowing,
    error::{Error, Result},
    filter::{Filter, parse, parse_written},
    id::ArtifactId,
    list::RawFilter,
    validate::Violations,
};

/// The artifacts of a bulk operation.
#[derive(Debug, Clone, Serialize)]
pub enum Selection {
    /// These.
    Ids(Vec<ArtifactId>),
    /// All that match.
    Matching(Expression),
}

/// A filter, and its text as given.
#[derive(Debug, Clone, Serialize)]
pub struct Expression {
    #[serde(skip)]
    pub(crate) text: String,
    pub(crate) filter: Filter,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// `Invalid`, with the position of the fault.
    fn new(text: &str) -> Result<Self> {
        let filter = parse(text).map_err(|e| Error::invalid("filter", e.to_string()))?;
        let text = text.to_owned();
        Ok(Self { text, filter })
    }

    /// Writes a filter out.
    pub(crate) fn of(filter: Filter) -> Self {
        let text = filter.written();
        Self { text, filter }
    }

    /// Of what matches, that which is within a narrowing.
    pub(crate) fn within(&self, narrowing: &Narrowing) -> Self {
        match narrowing.is_none() {
            true => self.clone(),
            false => Self::of(narrowing.within(&self.filter)),
        }
    }

    /// Parses the text of one of these.
    ///
    /// # Errors
    /// `Invalid`, with the position of the fault.
    pub(crate) fn again(text: &str) -> Result<Filter> {
        parse_written(text).map_err(|e| Error::invalid("filter", e.to_string()))
    }
}

/// The artifacts of a bulk call, unchecked.
#[derive(Debug, Clone, Default)]
pub struct RawSelection {
    /// These.
    pub ids: Vec<String>,
    /// All that match this expression; empty: not given.
    pub expression: String,
    /// All that match these fields.
    pub matching: Option<RawFilter>,
}

/// In words, for the audit trail.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ids(ids) => {
                for (i, id) in ids.iter().enumerate() {
                    let separator = if i == 0 { "" } else { " " };
                    write!(f, "{separator}{id}")?;
                }
                Ok(())
            }
            Self::Matching(matching) => write!(f, "all that match {}", matching.text),
        }
    }
}

impl Selection {
    /// The maximum artifacts that can be named one by one, and that one call changes itself.
    pub(crate) const MAX_IDS: usize = 1000;

    /// Takes either ids, or an expression, or fields.
    ///
    /// # Errors
    /// `Invalid` for several of them, for none, for a faulty filter, for fields of which none is given, and for what cannot
    /// be an id.
    pub fn new(raw: RawSelection) -> Result<Self> {
        let RawSelection {
            ids,
            expression,
            matching,
        } = raw;
        match (ids.is_empty(), expression.as_str(), matching) {
            (true, "", None) => Err(Error::invalid("artifact_ids", "are required, or a filter")),
            (false, "", None) => Self::ids(ids).map(Self::Ids),
            (true, text, None) => Expression::new(text).map(Self::Matching),
            (true, "", Some(fields)) => {
                let filter = filter_of(fields)?;
                Ok(Self::Matching(Expression::of(filter)))
            }
            (ids_are_empty, _, matching) => {
                let field = if matching.is_some() {
                    "matching"
                } else {
                    "filter"
                };
                let beside = if ids_are_empty {
                    "filter"
                } else {
                    "artifact_ids"
                };
                let rule = format!("must not be given beside {beside}");
                Err(Error::invalid(field, rule))
            }
        }
    }

    /// Takes ids, at least one.
    ///
    /// # Errors
    /// `Invalid`, with everything that cannot be an id.
    pub fn ids(ids: Vec<String>) -> Result<Vec<ArtifactId>> {
        let mut faults = Violations::new();
        if ids.is_empty() {
            faults.add("artifact_ids", format!("must be 1 to {}", Self::MAX_IDS));
        }
        let known = artifact_ids(&mut faults, ids, Self::MAX_IDS);
        faults.finish(Some(known))
    }
}

/// The filter of fields, at least one of which must be given: a forgotten field must not mean everything.
///
/// # Errors
/// `Invalid`, with every field at fault below `matching`.
pub(crate) fn filter_of(fields: RawFilter) -> Result<Filter> {
    let mut faults = Violations::new();
    let filter = fields.check(&mut faults);
    if faults.is_empty() && filter == Filter::All(Vec::new()) {
        faults.add("", "must have at least one condition");
    }
    faults.below("matching").finish(Some(filter))
}

/// The ids of artifacts, each once, in the order given.
pub(crate) fn artifact_ids(
    faults: &mut Violations,
    ids: Vec<String>,
    most: usize,
) -> Vec<ArtifactId> {
    let known = |id: String| id.parse().map_err(|_| "must be the id of an artifact");
    let mut kept = faults.each("artifact_ids", ids, most, known);
    let mut seen = HashSet::with_capacity(kept.len());
    kept.retain(|id: &ArtifactId| seen.insert(id.clone()));
    kept
}
