//! What was done to an artifact.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    job::Job,
    value::{present, stage, timestamp},
};
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

/// What moving artifacts to a stage did, or the job that goes on with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Staged {
    /// How many were moved.
    pub changed_count: i64,
    /// Of the ids: those that are not visible.
    pub missing_artifact_ids: Vec<String>,
    /// The job that moves them, where there are too many for one call.
    pub job: Option<Job>,
    /// How many todos were made of the plans that are final now.
    pub todo_count: i64,
    /// Why none were made.
    pub todo_hint: Option<String>,
}

impl From<v1::SetStageResponse> for Staged {
    fn from(staged: v1::SetStageResponse) -> Self {
        Self {
            changed_count: staged.changed_count,
            missing_artifact_ids: staged.missing_artifact_ids,
            job: staged.job.map(Into::into),
            todo_count: staged.todo_count,
            todo_hint: present(staged.todo_hint),
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
