//! Lineage: what artifacts were made from.

use serde::{Deserialize, Serialize};

/// Which way to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Direction {
    /// To what an artifact was made from, and what that was made from.
    Inputs,
    /// To what was made from an artifact, and what was made from that.
    Outputs,
}

/// That one artifact was made from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Derivation {
    /// What was made.
    pub artifact_id: String,
    /// What it was made from.
    pub input_id: String,
}

/// What lineage says of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relative {
    /// Its id.
    pub artifact_id: String,
    /// Its filename.
    pub filename: String,
    /// Its version.
    pub version: i64,
    /// Who made it; empty when that was not said.
    pub agent_id: String,
}
