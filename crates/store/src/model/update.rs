//! Updates of an artifact's record, never of its bytes, name, scope or origin.

use std::collections::BTreeMap;

use super::{
    error::Result,
    record::Stage,
    spec::{ArtifactSpec, Expiry, check_labels},
    text::{Identifier, Metadata, Words},
    validate::Violations,
};

/// An update, unchecked; fields that are not given stay.
#[derive(Debug, Clone, Default)]
pub struct RawUpdate {
    /// The etag that the record must have; empty: no condition.
    pub etag: String,
    /// For people.
    pub title: Option<String>,
    /// All pairs, which replace the existing ones.
    pub metadata: Option<Vec<(String, String)>>,
    /// Single pairs: a key, and its value, or none to remove it. Not together with all pairs.
    pub pairs: Vec<(String, Option<String>)>,
    /// All labels, which replace the existing ones.
    pub labels: Option<Vec<String>>,
    /// The name of a stage.
    pub stage: Option<String>,
    /// From now on.
    pub expiry: Option<Expiry>,
    /// Whether it stays when its session is deleted.
    pub persistent: Option<bool>,
    /// The agent that makes the change; empty: unknown.
    pub agent_id: String,
}

/// An update, checked by all rules except those that need the tenant.
#[derive(Debug, Clone)]
pub struct ArtifactUpdate {
    pub(crate) etag: Option<String>,
    pub(crate) title: Option<Words>,
    pub(crate) metadata: Option<Metadata>,
    /// Single pairs, each with its value or none.
    pub(crate) pairs: BTreeMap<String, Option<String>>,
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) stage: Option<Stage>,
    pub(crate) expiry: Option<Expiry>,
    pub(crate) persistent: Option<bool>,
    pub(crate) agent_id: Option<Identifier>,
}

impl ArtifactUpdate {
    /// Checks every rule.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault, or when nothing is to be changed.
    pub fn new(raw: RawUpdate) -> Result<Self> {
        let mut faults = Violations::new();
        let title = raw
            .title
            .and_then(|title| faults.check("title", Words::new(title, ArtifactSpec::MAX_TITLE)));
        let metadata = raw.metadata.and_then(|pairs| {
            let checked = Metadata::new(pairs);
            checked
                .map_err(|broken| faults.add_pairs("metadata", broken))
                .ok()
        });
        let labels = raw
            .labels
            .map(|labels| check_labels(&mut faults, "labels", labels));
        let stage = raw
            .stage
            .and_then(|stage| faults.check("stage", stage.parse()));
        if let Some(Expiry::After(ttl)) = raw.expiry {
            faults.ttl("ttl", ttl);
        }
        let agent_id = faults
            .check("agent_id", Identifier::optional(raw.agent_id))
            .flatten();
        let update = Self {
            etag: Some(raw.etag).filter(|etag| !etag.is_empty()),
            title,
            metadata,
            pairs: raw.pairs.into_iter().collect(),
            labels,
            stage,
            expiry: raw.expiry,
            persistent: raw.persistent,
            agent_id,
        };
        let changes = [
            update.title.is_some(),
            update.metadata.is_some(),
            !update.pairs.is_empty(),
            update.labels.is_some(),
            update.stage.is_some(),
            update.expiry.is_some(),
            update.persistent.is_some(),
        ];
        if faults.is_empty() && !changes.contains(&true) {
            let rule =
                "must name at least one of title, metadata, labels, stage, expiry, persistent";
            faults.add("update_mask", rule);
        }
        faults.finish(Some(update))
    }
}
