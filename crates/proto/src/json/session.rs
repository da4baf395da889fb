//! A session.

use jiff::Timestamp;
use serde::Serialize;

use super::value::{present, timestamp};
use crate::v1;

/// Everything one run produced; the fields are those of [`v1::Session`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Session {
    /// The orchestrator's own name for the run.
    pub session_id: String,
    /// How many of its artifacts are visible; 10,001 means more than 10,000.
    pub artifact_count: i64,
    /// The sum of their sizes in bytes.
    pub size_bytes: i64,
    /// Whether it takes no more artifacts.
    pub is_sealed: bool,
    /// When it was sealed.
    pub sealed_at: Option<Timestamp>,
    /// When its oldest visible artifact was made.
    pub first_artifact_at: Option<Timestamp>,
    /// When its newest visible artifact was made.
    pub last_artifact_at: Option<Timestamp>,
    /// When it came into being.
    pub created_at: Option<Timestamp>,
    /// The digest of its manifest, once it is sealed.
    pub manifest_hash: Option<String>,
    /// Whether a legal hold keeps it, with everything in it.
    pub legal_hold: bool,
    /// A name for people.
    pub display_name: Option<String>,
    /// At most 16, in alphabetical order.
    pub labels: Vec<String>,
    /// How many artifacts wait for its commit; 10,001 means more than 10,000.
    pub unpublished_count: i64,
}

impl From<v1::Session> for Session {
    fn from(session: v1::Session) -> Self {
        Self {
            session_id: session.session_id,
            artifact_count: session.artifact_count,
            size_bytes: session.size_bytes,
            is_sealed: session.sealed_at.is_some(),
            sealed_at: timestamp(session.sealed_at),
            first_artifact_at: timestamp(session.first_artifact_at),
            last_artifact_at: timestamp(session.last_artifact_at),
            created_at: timestamp(session.created_at),
            manifest_hash: present(session.manifest_hash),
            legal_hold: session.legal_hold,
            display_name: present(session.display_name),
            labels: session.labels,
            unpublished_count: session.unpublished_count,
        }
    }
}

/// The answer to the sealing of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SealedSession {
    /// The orchestrator's own name for the run.
    pub session_id: String,
    /// Always `sealed`.
    pub status: &'static str,
    /// When it was sealed.
    pub sealed_at: Option<Timestamp>,
    /// How many of its artifacts are visible; 10,001 means more than 10,000.
    pub artifact_count: i64,
    /// The digest of its manifest.
    pub manifest_hash: Option<String>,
    /// Whether a legal hold keeps it, with everything in it.
    pub legal_hold: bool,
}

impl From<v1::Session> for SealedSession {
    fn from(session: v1::Session) -> Self {
        Self {
            session_id: session.session_id,
            status: "sealed",
            sealed_at: timestamp(session.sealed_at),
            artifact_count: session.artifact_count,
            manifest_hash: present(session.manifest_hash),
            legal_hold: session.legal_hold,
        }
    }
}

/// An artifact that a commit published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PublishedArtifact {
    /// "art_" and 16 characters.
    pub artifact_id: String,
    /// Up to 1,024 bytes.
    pub filename: String,
    /// The version that the commit gave it.
    pub version: i64,
}

impl From<v1::PublishedArtifact> for PublishedArtifact {
    fn from(published: v1::PublishedArtifact) -> Self {
        Self {
            artifact_id: published.artifact_id,
            filename: published.filename,
            version: published.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_sealed_when_it_has_a_time_of_sealing() {
        assert!(!Session::from(v1::Session::default()).is_sealed);
        let sealed = Session::from(v1::Session {
            sealed_at: Some(prost_types::Timestamp::default()),
            ..v1::Session::default()
        });
        assert!(sealed.is_sealed);
    }
}
