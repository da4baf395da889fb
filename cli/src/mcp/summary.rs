//! The summary of what is active in a session, for the prompt of an agent.

use std::{collections::BTreeMap, fmt::Write};

use cairn_client::unary;
use cairn_proto::{
    json::Artifact,
    v1::{ListArtifactsRequest, ListTodosRequest, Todo, TodoState},
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
/// How many todos of all plans it counts: a page.
const MOST_TODOS: i32 = 200;

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
    let text = text.map_err(|e| ErrorData::internal_error(e.into_words(), None))?;
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
        page_size: MOST,
        ..mcp.listing(session.to_owned())
    };
    let mut client = mcp.client.artifacts.clone();
    let listed = client.list_artifacts(unary(request)).await?.into_inner();
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
    let is_plan = |artifact: &Artifact| artifact.kind.as_deref() == Some("plan");
    let progress = match by_stage.values().flatten().any(is_plan) {
        true => Progress::of(mcp, session).await,
        false => Ok(Progress::default()),
    };
    for (stage, artifacts) in by_stage {
        let name = ["draft", "review", "final"].get(usize::from(stage));
        let _ = writeln!(text, "{}:", name.unwrap_or(&"draft"));
        for artifact in artifacts {
            let mut line = line(&artifact);
            if let (true, Ok(progress)) = (is_plan(&artifact), &progress) {
                line += &progress.words(&artifact.filename);
            }
            let _ = writeln!(text, "- {line}");
        }
    }
    if let Err(error) = progress {
        let _ = writeln!(text, "the todos of the plans are not known: {error}");
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

/// How many todos the plans of a session have.
#[derive(Debug, Default)]
struct Progress {
    /// Of each file: how many are done, and how many there are that are not dropped.
    counts: BTreeMap<String, (usize, usize)>,
    /// There are others.
    more: bool,
}

impl Progress {
    /// Of a session, as far as one page goes.
    async fn of(mcp: &Mcp, session: &str) -> Result<Self, ToolError> {
        let request = ListTodosRequest {
            session_id: session.to_owned(),
            page_size: MOST_TODOS,
            ..ListTodosRequest::default()
        };
        let listed = mcp.client.todos.clone().list_todos(unary(request)).await?;
        let listed = listed.into_inner();
        let more = !listed.next_page_token.is_empty();
        Ok(Self::counted(&listed.todos, more))
    }

    fn counted(todos: &[Todo], more: bool) -> Self {
        let mut counts = BTreeMap::<String, (usize, usize)>::new();
        for todo in todos.iter().filter(|t| t.state() != TodoState::Dropped) {
            let (done, all) = counts.entry(todo.plan_filename.clone()).or_default();
            *all += 1;
            *done += usize::from(todo.state() == TodoState::Done);
        }
        Self { counts, more }
    }

    /// How far a plan is; empty for one without todos.
    fn words(&self, filename: &str) -> String {
        match (self.counts.get(filename), self.more) {
            (None, _) => String::new(),
            (Some((done, all)), false) => format!(", {done}/{all} todos done"),
            (Some((done, all)), true) => format!(", {done} of at least {all} todos done"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_with_more_todos_than_a_page_has_at_least_so_many() {
        let todo = |state: TodoState| Todo {
            plan_filename: "plan.md".to_owned(),
            state: state.into(),
            ..Todo::default()
        };
        let todos = [TodoState::Done, TodoState::Open, TodoState::Dropped].map(todo);
        let words = |more| Progress::counted(&todos, more).words("plan.md");
        assert_eq!(words(false), ", 1/2 todos done");
        assert_eq!(words(true), ", 1 of at least 2 todos done");
        assert_eq!(Progress::counted(&todos, true).words("other.md"), "");
    }
}
