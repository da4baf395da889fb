//! What lists show, and the enumerations that arguments name.

use cairn_proto::{
    json::{Artifact, Page},
    v1::{self, ArtifactFilter, ArtifactKind, ArtifactStage, ListArtifactsRequest, TodoState},
};
use serde::Serialize;

use super::{Mcp, arguments::Arguments};

/// A page of artifacts.
#[derive(Serialize)]
pub(super) struct Artifacts {
    artifacts: Vec<Brief>,
    #[serde(flatten)]
    page: NextPage,
}

impl From<v1::ListArtifactsResponse> for Artifacts {
    fn from(listed: v1::ListArtifactsResponse) -> Self {
        Self {
            artifacts: listed.artifacts.into_iter().map(Brief::from).collect(),
            page: NextPage::before(listed.next_page_token),
        }
    }
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

/// The number of an enumeration's value by its name in JSON; 0 for none.
fn number<E: Default + Into<i32>>(
    arguments: &Arguments,
    field: &str,
    of_name: fn(&str) -> Option<E>,
    prefix: &str,
) -> i32 {
    let name = arguments.text(field).to_ascii_uppercase();
    let value = of_name(&format!("{prefix}_{name}"));
    value.unwrap_or_default().into()
}

pub(super) fn kind(arguments: &Arguments) -> i32 {
    let of_name = ArtifactKind::from_str_name;
    number(arguments, "kind", of_name, "ARTIFACT_KIND")
}

pub(super) fn stage(arguments: &Arguments) -> i32 {
    let of_name = ArtifactStage::from_str_name;
    number(arguments, "stage", of_name, "ARTIFACT_STAGE")
}

pub(super) fn todo_state(arguments: &Arguments) -> i32 {
    let of_name = TodoState::from_str_name;
    number(arguments, "state", of_name, "TODO_STATE")
}

impl Mcp {
    /// The latest versions of the files that calls about a session are about.
    pub(super) fn listing(&self, session_id: String) -> ListArtifactsRequest {
        ListArtifactsRequest {
            include_user_scope: self.has_user_scope(&session_id),
            session_id,
            namespace: self.namespace.clone(),
            user_id: self.user.clone(),
            latest_only: true,
            ..ListArtifactsRequest::default()
        }
    }

    /// The same files, all versions, where an expression holds.
    pub(super) fn matching(&self, session_id: String, filter: String) -> ArtifactFilter {
        ArtifactFilter {
            include_user_scope: self.has_user_scope(&session_id),
            session_id,
            namespace: self.namespace.clone(),
            user_id: self.user.clone(),
            filter,
            ..ArtifactFilter::default()
        }
    }

    /// Whether the user's own files belong to what calls about a session are about.
    pub(super) fn has_user_scope(&self, session_id: &str) -> bool {
        !self.user.is_empty() && !session_id.is_empty()
    }
}

pub(super) fn one_label(arguments: &Arguments) -> Vec<String> {
    arguments.given("label").into_iter().collect()
}

/// What a list shows of an artifact.
#[derive(Serialize)]
struct Brief {
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
