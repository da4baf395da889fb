//! What a push has stored.

use cairn_proto::{
    json::{Artifact, Link},
    v1,
};
use serde::Serialize;

use crate::terminal::render::{size, version};

#[derive(Serialize)]
pub(super) struct Pushed {
    #[serde(flatten)]
    pub(super) artifact: Artifact,
    pub(super) deduplicated: bool,
    pub(super) existing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<Link>,
}

impl From<v1::Artifact> for Pushed {
    fn from(artifact: v1::Artifact) -> Self {
        Self {
            deduplicated: artifact.deduplicated,
            existing: artifact.existing,
            artifact: artifact.into(),
            link: None,
        }
    }
}

impl Pushed {
    /// A remark on an unusual result.
    fn remark(&self) -> String {
        match (&self.artifact.state, self.existing, self.deduplicated) {
            (Some(state), ..) if state != "visible" => state.clone(),
            (_, true, _) => "existing".to_owned(),
            (_, _, true) => "deduplicated".to_owned(),
            _ => String::new(),
        }
    }

    pub(super) fn row(&self) -> Vec<String> {
        vec![
            self.artifact.artifact_id.clone(),
            version(&self.artifact),
            self.artifact.filename.clone(),
            size(self.artifact.size_bytes),
            self.remark(),
            self.link
                .as_ref()
                .map(|link| link.url.clone())
                .unwrap_or_default(),
        ]
    }
}
