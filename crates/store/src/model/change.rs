//! Changes of artifacts, as Postgres records them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{record::Stage, tenant::Credential};

/// One move of an artifact from one stage to another.
#[derive(Debug, Clone)]
pub struct StageChange {
    /// When.
    pub changed_at: Timestamp,
    /// The stage before.
    pub from: Stage,
    /// The stage since.
    pub to: Stage,
    /// Who made it, if that was said.
    pub agent_id: String,
    /// By what it was made.
    pub credential: Credential,
}

/// An artifact that was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The artifact.
    pub artifact_id: String,
    /// Its filename.
    pub filename: String,
    /// The version that it was given.
    pub version: i64,
}

/// The result of deleting an artifact.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deleted {
    /// The artifact.
    pub artifact_id: String,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// When its delete window ends.
    pub purge_after: Timestamp,
}
