//! The summary of what is active in a session, for the prompt of an agent.

use std::{collections::BTreeMap, fmt::Write};

use cairn_client::unary;
use cairn_proto::{
    json::Artifact,
    v1::{ListArtifactsRequest, ListTodosRequest, TodoState},
};
use rmcp::{
    ErrorData,
    model::{GetPromptRequestParams, GetPromptResult, Prompt, PromptArgument, PromptMessage, Role},
};

use super::{Mcp, answer::ToolError};

/// The name of the prompt, and of the resource.
pub(super) const NAME: &str = "active_artifacts";

/// How many artifacts it names.
const MOST: i32 = 50;
/// How many todos of each plan it counts.
const MOST_TODOS: i32 = 200;
/// How many plans it counts the todos of.
const MOST_PLANS: usize = 10;

pub(super) fn prompt() -> Prompt {
    let session =
        PromptArgument::new("session_id").with_description("By default that of the server");
    let about = "What is active in a session, by stage, with versions and how far plans are";
    Prompt::new(NAME, Some(about), Some(vec![session]))
}

pub(super) async fn get(
    mcp: &Mcp,
    request: GetPromptRequestParams,
) -> Result<GetPromptResult, ErrorData> {
    if request.name != NAME {
        let words = format!("there is one prompt: {NAME}");
        return Err(ErrorData::invalid_params(words, None));
    }
    let given = request.arguments.unwrap_or_default();
    let session = given.get("session_id").and_then(|value| value.as_str());
    let text = text(mcp, session.unwrap_or(&mcp.session)).await;
    let text = text.map_err(|e| ErrorData::internal_error(e.to_string(), None))?;
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(
        Role::User,
        text,
    )]))
}

/// The summary of a session.
pub(super) async fn text(mcp: &Mcp, session: &str) -> Result<String, ToolError> {
    if session.is_empty() {
        let words = "which session? Give session_id, or start the server with --session";
        return Err(ToolError::new(words));
    }
    let request = ListArtifactsRequest {
        session_id: session.to_owned(),
        namespace: mcp.namespace.clone(),
        latest_only: true,
        page_size: MOST,
        ..ListArtifactsRequest::default()
    };
    let listed = mcp
        .client
        .artifacts
        .clone()
        .list_artifacts(unary(request))
        .await?;
    let listed = listed.into_inner();
    let more = !listed.next_page_token.is_empty();
    let mut by_stage: BTreeMap<u8, Vec<Artifact>> = BTreeMap::new();
    for artifact in listed.artifacts.into_iter().map(Artifact::from) {
        let stage = match artifact.stage.as_deref() {
            Some("final") => 2,
            Some("review") => 1,
            _ => 0,
        };
        by_stage.entry(stage).or_default().push(artifact);
    }
    let mut text = format!("Active artifacts of session {session}\n");
    if by_stage.is_empty() {
        text += "none yet\n";
    }
    let mut plans = 0;
    for (stage, artifacts) in by_stage {
        let name = ["draft", "review", "final"].get(usize::from(stage));
        let _ = writeln!(text, "{}:", name.unwrap_or(&"draft"));
        for artifact in artifacts {
            let mut line = line(&artifact);
            if artifact.kind.as_deref() == Some("plan") && plans < MOST_PLANS {
                plans += 1;
                line += &progress(mcp, &artifact.artifact_id).await?;
            }
            let _ = writeln!(text, "- {line}");
        }
    }
    if more {
        let _ = writeln!(text, "and others: call list_artifacts for all");
    }
    Ok(text)
}

/// An artifact in a line.
pub(super) fn line(artifact: &Artifact) -> String {
    let kind = artifact.kind.as_deref().unwrap_or("other");
    let mut line = format!(
        "{} v{} ({kind}, {})",
        artifact.filename, artifact.version, artifact.artifact_id
    );
    if let Some(title) = &artifact.title {
        line += &format!(": {title}");
    }
    line
}

/// How many of a plan's todos are done, of those that are not dropped.
async fn progress(mcp: &Mcp, plan: &str) -> Result<String, ToolError> {
    let request = ListTodosRequest {
        plan_id: plan.to_owned(),
        page_size: MOST_TODOS,
        ..ListTodosRequest::default()
    };
    let listed = mcp.client.todos.clone().list_todos(unary(request)).await?;
    let todos = listed.into_inner().todos;
    let counted = todos
        .iter()
        .filter(|todo| todo.state() != TodoState::Dropped);
    let all = counted.clone().count();
    let done = counted.filter(|todo| todo.state() == TodoState::Done);
    Ok(match all {
        0 => String::new(),
        all => format!(", {}/{all} todos done", done.count()),
    })
}
