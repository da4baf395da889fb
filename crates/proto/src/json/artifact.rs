//! An artifact.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::value::{artifact_state, kind, present, stage, timestamp};
use crate::v1;

/// An artifact's record; the fields are those of [`v1::Artifact`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Artifact {
    /// "art_" and 16 characters.
    pub artifact_id: String,
    /// Up to 1,024 bytes.
    pub filename: String,
    /// 1 or more; 0 while it is unpublished.
    pub version: i64,
    /// An IANA media type.
    pub content_type: String,
    /// The length of the content in bytes.
    pub size_bytes: i64,
    /// "sha256:" and 64 hexadecimal digits.
    pub content_hash: String,
    /// The run that made it.
    pub session_id: Option<String>,
    /// The application's name.
    pub namespace: Option<String>,
    /// The user whose file it is.
    pub user_id: Option<String>,
    /// The agent that made it.
    pub agent_id: Option<String>,
    /// A title for people.
    pub title: Option<String>,
    /// What it is for, as [`kind`] has it.
    pub kind: Option<String>,
    /// The programming or human language of the content.
    pub language: Option<String>,
    /// What this version changed.
    pub change_summary: Option<String>,
    /// As [`stage`] has it.
    pub stage: Option<String>,
    /// At most 16, in alphabetical order.
    pub labels: Vec<String>,
    /// The ids of at most 64 artifacts that it was made from.
    pub inputs: Vec<String>,
    /// At most 64 pairs.
    pub metadata: BTreeMap<String, String>,
    /// `None` when it never expires.
    pub expires_at: Option<Timestamp>,
    /// When it was committed.
    pub created_at: Option<Timestamp>,
    /// When the record last changed.
    pub updated_at: Option<Timestamp>,
    /// Changes with every change of the record.
    pub etag: Option<String>,
    /// As [`artifact_state`] has it.
    pub state: Option<String>,
    /// Whether a legal hold keeps it.
    pub legal_hold: bool,
    /// Whether it stays when its session is deleted.
    pub persistent: bool,
}

impl Artifact {
    /// Whether it waits for its session's commit.
    #[must_use]
    pub fn is_unpublished(&self) -> bool {
        self.state.as_deref() == Some("unpublished")
    }
}

impl From<v1::Artifact> for Artifact {
    fn from(artifact: v1::Artifact) -> Self {
        Self {
            artifact_id: artifact.artifact_id,
            filename: artifact.filename,
            version: artifact.version,
            content_type: artifact.content_type,
            size_bytes: artifact.size_bytes,
            content_hash: artifact.content_hash,
            session_id: present(artifact.session_id),
            namespace: present(artifact.namespace),
            user_id: present(artifact.user_id),
            agent_id: present(artifact.agent_id),
            title: present(artifact.title),
            kind: kind(artifact.kind),
            language: present(artifact.language),
            change_summary: present(artifact.change_summary),
            stage: stage(artifact.stage),
            labels: artifact.labels,
            inputs: artifact.inputs,
            metadata: artifact.metadata.into_iter().collect(),
            expires_at: timestamp(artifact.expires_at),
            created_at: timestamp(artifact.created_at),
            updated_at: timestamp(artifact.updated_at),
            etag: present(artifact.etag),
            state: artifact_state(artifact.state),
            legal_hold: artifact.legal_hold,
            persistent: artifact.persistent,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_artifact_has_the_names_of_the_http_api() {
        let artifact = Artifact::from(v1::Artifact {
            artifact_id: "art_1".to_owned(),
            filename: "a.txt".to_owned(),
            version: 2,
            content_type: "text/plain".to_owned(),
            size_bytes: 3,
            content_hash: "sha256:00".to_owned(),
            agent_id: "writer".to_owned(),
            title: "A".to_owned(),
            kind: v1::ArtifactKind::Code.into(),
            stage: v1::ArtifactStage::Review.into(),
            labels: vec!["p".to_owned()],
            etag: "e".to_owned(),
            state: v1::ArtifactState::Visible.into(),
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            created_at: Some(prost_types::Timestamp {
                seconds: 1_772_539_200,
                nanos: 0,
            }),
            ..v1::Artifact::default()
        });
        assert_eq!(
            serde_json::to_value(artifact).ok(),
            Some(json!({
                "artifact_id": "art_1", "filename": "a.txt", "version": 2, "content_type": "text/plain",
                "size_bytes": 3, "content_hash": "sha256:00", "session_id": null, "namespace": null,
                "user_id": null, "agent_id": "writer", "title": "A", "kind": "code", "language": null,
                "change_summary": null, "stage": "review", "labels": ["p"], "inputs": [],
                "metadata": {"k": "v"}, "expires_at": null, "created_at": "2026-03-03T12:00:00Z",
                "updated_at": null, "etag": "e", "state": "visible", "legal_hold": false, "persistent": false
            }))
        );
    }
}
