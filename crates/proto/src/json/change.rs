//! What was done to an artifact.

use jiff::Timestamp;
use serde::Serialize;

use super::value::{present, stage, timestamp};
use crate::v1;

/// One change of an artifact's stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct StageChange {
    /// When.
    pub changed_at: Option<Timestamp>,
    /// The stage before.
    pub from: Option<String>,
    /// The stage after.
    pub to: Option<String>,
    /// The agent that the caller named.
    pub agent_id: Option<String>,
    /// The last four characters of the API key; empty for a workload.
    pub api_key_last_4: String,
    /// The subject of the token that was used in place of a key.
    pub workload: Option<String>,
}

impl From<v1::StageChange> for StageChange {
    fn from(change: v1::StageChange) -> Self {
        Self {
            changed_at: timestamp(change.changed_at),
            from: stage(change.from_stage),
            to: stage(change.to_stage),
            agent_id: present(change.agent_id),
            api_key_last_4: change.api_key_last_4,
            workload: present(change.workload),
        }
    }
}

/// The answer to the deletion of one artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DeletedArtifact {
    /// `None` when an older server does not say which one a name led to.
    pub artifact_id: Option<String>,
    /// False when nothing was deleted because the caller only asked.
    pub deleted: bool,
    /// When.
    pub deleted_at: Option<Timestamp>,
}
