//! What artifacts were made from.

use serde::Serialize;

use super::value::present;
use crate::v1;

/// A part of the graph of inputs and outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Lineage {
    /// Its edges.
    pub derivations: Vec<Derivation>,
    /// Its nodes, without those whose records are gone.
    pub artifacts: Vec<LineageArtifact>,
    /// Whether the graph goes on beyond the depth that was asked for.
    pub truncated: bool,
}

/// One artifact was made from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Derivation {
    /// The artifact that was made.
    pub artifact_id: String,
    /// What it was made from.
    pub input_id: String,
}

/// An artifact of the graph, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LineageArtifact {
    /// "art_" and 16 characters.
    pub artifact_id: String,
    /// Up to 1,024 bytes.
    pub filename: String,
    /// 1 or more.
    pub version: i64,
    /// The agent that made it.
    pub agent_id: Option<String>,
}

impl From<v1::Derivation> for Derivation {
    fn from(derivation: v1::Derivation) -> Self {
        Self {
            artifact_id: derivation.artifact_id,
            input_id: derivation.input_id,
        }
    }
}

impl From<v1::LineageArtifact> for LineageArtifact {
    fn from(artifact: v1::LineageArtifact) -> Self {
        Self {
            artifact_id: artifact.artifact_id,
            filename: artifact.filename,
            version: artifact.version,
            agent_id: present(artifact.agent_id),
        }
    }
}
