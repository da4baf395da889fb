//! What lists show, and the enumerations that arguments name.

use cairn_proto::{
    json::{Artifact, Page},
    v1::{self, ArtifactKind, ArtifactStage},
};
use serde::Serialize;

use super::arguments::Arguments;

/// A page of artifacts.
#[derive(Serialize)]
pub(super) struct Artifacts<T> {
    pub(super) artifacts: Vec<T>,
    #[serde(flatten)]
    pub(super) page: NextPage,
}

/// How a list goes on.
#[derive(Serialize)]
pub(super) struct NextPage {
    /// For the argument `cursor` of the next call.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<&'static str>,
}

impl NextPage {
    pub(super) fn before(token: String) -> Self {
        let cursor = Page::before(token).next_cursor;
        let more = cursor.as_ref().map(|_| "call again with this cursor");
        Self { cursor, more }
    }
}

/// The number of a kind by its name in JSON; 0 for none.
pub(super) fn kind(arguments: &Arguments) -> i32 {
    let name = arguments.text("kind").to_ascii_uppercase();
    let kind = ArtifactKind::from_str_name(&format!("ARTIFACT_KIND_{name}"));
    kind.unwrap_or_default().into()
}

/// The number of a stage by its name in JSON; 0 for none.
pub(super) fn stage(arguments: &Arguments) -> i32 {
    let name = arguments.text("stage").to_ascii_uppercase();
    let stage = ArtifactStage::from_str_name(&format!("ARTIFACT_STAGE_{name}"));
    stage.unwrap_or_default().into()
}

pub(super) fn one_label(arguments: &Arguments) -> Vec<String> {
    arguments.given("label").into_iter().collect()
}

/// What a list shows of an artifact.
#[derive(Serialize)]
pub(super) struct Brief {
    artifact_id: String,
    filename: String,
    version: i64,
    title: Option<String>,
    kind: Option<String>,
    stage: Option<String>,
    size_bytes: i64,
    session_id: Option<String>,
    agent_id: Option<String>,
    labels: Vec<String>,
}

impl From<v1::Artifact> for Brief {
    fn from(artifact: v1::Artifact) -> Self {
        let artifact = Artifact::from(artifact);
        Self {
            artifact_id: artifact.artifact_id,
            filename: artifact.filename,
            version: artifact.version,
            title: artifact.title,
            kind: artifact.kind,
            stage: artifact.stage,
            size_bytes: artifact.size_bytes,
            session_id: artifact.session_id,
            agent_id: artifact.agent_id,
            labels: artifact.labels,
        }
    }
}
