//! Sessions: everything that one run produced.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    digest::ContentHash,
    error::{Error, Result},
    page::Range,
    spec::{ArtifactSpec, check_labels},
    text::{Identifier, Words, text_of},
    validate::{Violations, within_reach},
};

/// Everything one run produced.
#[derive(Debug, Clone)]
pub struct Session {
    /// The orchestrator's own id for the run.
    pub id: String,
    /// How many of its artifacts are visible now; `MAX_COUNT` and one if not all were counted.
    pub artifact_count: u64,
    /// The sum of the sizes of the counted ones.
    pub size_bytes: u64,
    /// When it was sealed, if it was.
    pub sealed_at: Option<Timestamp>,
    /// When its oldest visible artifact was made.
    pub first_artifact_at: Option<Timestamp>,
    /// When its newest visible artifact was made.
    pub last_artifact_at: Option<Timestamp>,
    /// When its first artifact was made, or when an update created it before that.
    pub created_at: Timestamp,
    /// Whether it is under a legal hold, with everything in it.
    pub legal_hold: bool,
    /// The digest of its manifest, once it is sealed.
    pub manifest_hash: Option<ContentHash>,
    /// For people; may be empty.
    pub display_name: String,
    /// In alphabetical order.
    pub labels: Vec<String>,
    /// How many unpublished artifacts it has; `MAX_COUNT` and one if not all were counted.
    pub unpublished_count: u64,
}

impl Session {
    /// The maximum of its artifacts that are counted, newest first.
    pub const MAX_COUNT: u64 = 10_000;

    /// Its approximate size in an answer, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let labels: usize = self.labels.iter().map(|label| label.len() + 3).sum();
        self.id.len() + self.display_name.len() + labels + 256
    }
}

/// The filter of a list of sessions.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SessionFilter {
    pub(crate) created: Range<Timestamp>,
    pub(crate) labels: Vec<String>,
    /// What the id starts with; may be empty.
    pub(crate) prefix: String,
    /// A namespace of which the session has files.
    pub(crate) namespace: Option<Identifier>,
    /// A user of whom the session has files.
    pub(crate) user: Option<Identifier>,
}

/// A filter as a caller gives it. An empty field does not filter.
#[derive(Debug, Clone, Default)]
pub struct RawSessionFilter {
    /// When the session was first written to.
    pub created: Range<Timestamp>,
    /// The labels that it must all have.
    pub labels: Vec<String>,
    /// What its id starts with.
    pub session_id_prefix: String,
    /// The namespace of a file that was published in it; with a user, of that user's file.
    pub namespace: String,
    /// The user of a file that was published in it.
    pub user_id: String,
}

impl SessionFilter {
    /// The maximum labels: each makes the search more expensive.
    const MAX_LABELS: usize = 8;

    /// Checks a filter.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault.
    pub fn new(raw: RawSessionFilter) -> Result<Self> {
        let mut faults = Violations::new();
        let few = faults.fits("labels", raw.labels.len(), Self::MAX_LABELS);
        let labels = if few {
            check_labels(&mut faults, "labels", raw.labels)
        } else {
            Vec::new()
        };
        let mut word = |field, text| faults.check(field, Identifier::optional(text)).flatten();
        let prefix = word("session_id_prefix", raw.session_id_prefix);
        let namespace = word("namespace", raw.namespace);
        let user = word("user_id", raw.user_id);
        faults.finish(Some(Self {
            created: raw.created.map(within_reach),
            labels,
            prefix: text_of(&prefix).to_owned(),
            namespace,
            user,
        }))
    }

    /// Whether sessions come in the order of their ids, which is how an index finds them.
    pub(crate) fn is_by_id(&self) -> bool {
        !self.prefix.is_empty() || self.namespace.is_some() || self.user.is_some()
    }
}

/// The update of a session; fields that are not given stay.
#[derive(Debug, Clone)]
pub struct SessionUpdate {
    pub(crate) display_name: Option<Words>,
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) allow_missing: bool,
}

impl SessionUpdate {
    /// Takes a display name, labels, and whether to create a missing session.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault, or when nothing is to be changed.
    pub fn new(
        display_name: Option<String>,
        labels: Option<Vec<String>>,
        allow_missing: bool,
    ) -> Result<Self> {
        let mut faults = Violations::new();
        if display_name.is_none() && labels.is_none() {
            let rule = "must name at least one of display_name, labels";
            faults.add("update_mask", rule);
        }
        let words = |name| Words::new(name, ArtifactSpec::MAX_TITLE);
        let display_name = display_name.and_then(|name| faults.check("display_name", words(name)));
        let labels = labels.map(|labels| check_labels(&mut faults, "labels", labels));
        faults.finish(Some(Self {
            display_name,
            labels,
            allow_missing,
        }))
    }
}

pub(crate) fn session_id(text: &str) -> Result<Identifier> {
    Identifier::new(text.to_owned()).map_err(|rule| Error::invalid("session_id", rule))
}
