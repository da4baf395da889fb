//! Which artifacts a bulk operation is about.

use std::collections::HashSet;

use serde::Serialize;

use crate::{
    error::{Error, Result},
    filter::{Filter, parse},
    id::ArtifactId,
    validate::Violations,
};

/// Which artifacts a bulk operation is about.
#[derive(Debug, Clone, Serialize)]
pub enum Selection {
    /// These.
    Ids(Vec<ArtifactId>),
    /// All that match.
    Matching(Expression),
}

/// A filter, and how it was put.
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
    pub(crate) fn new(text: &str) -> Result<Self> {
        let filter = parse(text).map_err(|e| Error::invalid("filter", e.to_string()))?;
        let text = text.to_owned();
        Ok(Self { text, filter })
    }
}

impl Selection {
    /// The most artifacts that can be named one by one, and the most that one call deals with itself.
    pub(crate) const MAX_IDS: usize = 1000;

    /// Takes either ids or a filter expression.
    ///
    /// # Errors
    /// `Invalid` for both, for neither, for a faulty filter, and for what cannot be an id.
    pub fn new(ids: Vec<String>, expression: &str) -> Result<Self> {
        match (ids.is_empty(), expression) {
            (true, "") => Err(Error::invalid("artifact_ids", "are required, or a filter")),
            (true, _) => Expression::new(expression).map(Self::Matching),
            (false, "") => Self::ids(ids).map(Self::Ids),
            (false, _) => {
                let rule = "must not be given beside artifact_ids";
                Err(Error::invalid("filter", rule))
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
