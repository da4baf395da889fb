//! Sessions: everything that one run produced.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    digest::ContentHash,
    error::{Error, Result},
    page::Range,
    spec::{ArtifactSpec, check_labels},
    text::{Label, Words},
    validate::{Violations, within_reach},
};

/// Everything one run produced.
#[derive(Debug, Clone)]
pub struct Session {
    /// The orchestrator's own name for the run.
    pub id: String,
    /// How many of its artifacts are visible now; `MAX_COUNT` and one when they were not all counted.
    pub artifact_count: u64,
    /// The sum of the sizes of those that were counted.
    pub size_bytes: u64,
    /// When it was sealed, if it was.
    pub sealed_at: Option<Timestamp>,
    /// When its oldest visible artifact was made.
    pub first_artifact_at: Option<Timestamp>,
    /// When its newest visible artifact was made.
    pub last_artifact_at: Option<Timestamp>,
    /// When its first artifact was made, or something said of it before that.
    pub created_at: Timestamp,
    /// Whether it is held, with all that is in it.
    pub legal_hold: bool,
    /// The digest of its manifest, once it is sealed.
    pub manifest_hash: Option<ContentHash>,
    /// For people; may be empty.
    pub display_name: String,
    /// In alphabetical order.
    pub labels: Vec<String>,
    /// How many artifacts wait to be published; `MAX_COUNT` and one when they were not all counted.
    pub unpublished_count: u64,
}

impl Session {
    /// The most of its artifacts that are counted, the newest first.
    pub const MAX_COUNT: u64 = 10_000;

    /// About how many bytes it has in an answer.
    pub(crate) fn weight(&self) -> usize {
        let labels: usize = self.labels.iter().map(|label| label.len() + 3).sum();
        self.id.len() + self.display_name.len() + labels + 256
    }
}

/// Which sessions are listed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SessionFilter {
    pub(crate) created: Range<Timestamp>,
    pub(crate) labels: Vec<String>,
}

impl SessionFilter {
    /// The most labels: each makes the search more expensive.
    const MAX_LABELS: usize = 8;

    /// Takes a range of creation and the labels that a session must all have.
    ///
    /// # Errors
    /// `Invalid`, with every label at fault.
    pub fn new(created: Range<Timestamp>, labels: Vec<String>) -> Result<Self> {
        let mut faults = Violations::new();
        let few = faults.fits("labels", labels.len(), Self::MAX_LABELS);
        let labels = if few {
            check_labels(&mut faults, "labels", labels)
        } else {
            Vec::new()
        };
        let created = created.map(within_reach);
        faults.finish(Some(Self { created, labels }))
    }
}

/// What to say of a session; what is not given stays.
#[derive(Debug, Clone)]
pub struct SessionUpdate {
    pub(crate) display_name: Option<Words>,
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) allow_missing: bool,
}

impl SessionUpdate {
    /// Takes a display name, labels, and whether a session that is not there comes into being.
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

pub(crate) fn session_id(text: &str) -> Result<Label> {
    Label::new(text.to_owned()).map_err(|rule| Error::invalid("session_id", rule))
}
