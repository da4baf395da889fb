//! Lineage: what artifacts were made from.

use serde::{Deserialize, Serialize};

/// Which way to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Direction {
    /// Back to the inputs of an artifact, and their inputs.
    Inputs,
    /// Forward to the outputs of an artifact, and their outputs.
    Outputs,
}

/// One artifact was made from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Derivation {
    /// What was made.
    pub artifact_id: String,
    /// What it was made from.
    pub input_id: String,
}

/// An artifact in a lineage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relative {
    /// Its id.
    pub artifact_id: String,
    /// Its filename.
    pub filename: String,
    /// Its version.
    pub version: i64,
    /// The agent that made it; empty if not given.
    pub agent_id: String,
}
