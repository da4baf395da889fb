//! Which artifacts a bulk operation is about.

use crate::{
    error::{Error, Result},
    filter::Filter,
    id::ArtifactId,
    validate::Violations,
};

/// Which artifacts a bulk operation is about.
#[derive(Debug, Clone)]
pub enum Selection {
    /// These.
    Ids(Vec<ArtifactId>),
    /// All that match.
    Matching(Filter),
}

impl Selection {
    /// The most artifacts that can be named one by one.
    pub(crate) const MAX_IDS: usize = 1000;

    /// Takes either ids or a filter.
    ///
    /// # Errors
    /// `Invalid` for both, for neither, and for what cannot be an id.
    pub fn new(ids: Vec<String>, filter: Option<Filter>) -> Result<Self> {
        match (ids.is_empty(), filter) {
            (true, Some(filter)) => Ok(Self::Matching(filter)),
            (true, None) => Err(Error::invalid("artifact_ids", "are required, or a filter")),
            (false, Some(_)) => {
                let rule = "must not be given beside artifact_ids";
                Err(Error::invalid("filter", rule))
            }
            (false, None) => Self::ids(ids).map(Self::Ids),
        }
    }

    /// Takes ids, at least one.
    ///
    /// # Errors
    /// `Invalid`, with everything that cannot be an id.
    pub fn ids(ids: Vec<String>) -> Result<Vec<ArtifactId>> {
        let mut faults = Violations::new();
        if !(1..=Self::MAX_IDS).contains(&ids.len()) {
            let rule = format!("must be 1 to {}", Self::MAX_IDS);
            faults.add("artifact_ids", rule);
        }
        let mut known = Vec::with_capacity(ids.len());
        for (i, id) in ids.into_iter().enumerate() {
            let id = id.parse().map_err(|_| "must be the id of an artifact");
            known.extend(faults.check(&format!("artifact_ids[{i}]"), id));
        }
        faults.finish(Some(known))
    }
}
