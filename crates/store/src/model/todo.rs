//! Todos: steps of plans, and entries that callers add.

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    error::{Error, Result},
    id::{ArtifactId, TodoId},
    reference::artifact_id,
    text::Identifier,
    validate::{Violations, excerpt},
};

/// The most todos of a plan, in all its versions, or of a session.
pub(crate) const MAX_TODOS: usize = 1000;

/// How far a todo is; any state may follow any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TodoState {
    /// Not begun.
    Open,
    /// Begun.
    Doing,
    /// Done.
    Done,
    /// Given up.
    Dropped,
}

impl TodoState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Doing, Self::Done, Self::Dropped];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Doing => "doing",
            Self::Done => "done",
            Self::Dropped => "dropped",
        }
    }
}

impl FromStr for TodoState {
    type Err = &'static str;

    fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == name);
        state.ok_or("must be open, doing, done or dropped")
    }
}

/// What is to be done: one line of 1 to 1,000 bytes without control characters, and not blank.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct TodoText(String);

impl TodoText {
    /// The longest text in bytes.
    pub(crate) const MAX_BYTES: usize = 1000;

    /// Checks a text.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(text: String) -> std::result::Result<Self, &'static str> {
        let fits = !text.trim().is_empty() && text.len() <= Self::MAX_BYTES;
        match fits && !text.chars().any(char::is_control) {
            true => Ok(Self(text)),
            false => Err("must be 1 to 1000 bytes of UTF-8 without control characters"),
        }
    }

    /// Any text as one line, cut where it is too long; `None` if nothing is left.
    pub(crate) fn cut(text: &str) -> Option<Self> {
        const MARK: &str = "…";
        let apart = |c: char| c.is_whitespace() || c.is_control();
        let words: Vec<_> = text.split(apart).filter(|word| !word.is_empty()).collect();
        let mut line = words.join(" ");
        if line.len() > Self::MAX_BYTES {
            line.truncate(line.floor_char_boundary(Self::MAX_BYTES - MARK.len()));
            line.push_str(MARK);
        }
        (!line.is_empty()).then_some(Self(line))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A todo.
#[derive(Debug, Clone)]
pub struct Todo {
    /// Its identifier.
    pub id: TodoId,
    /// What is to be done.
    pub text: String,
    /// How far it is.
    pub state: TodoState,
    /// Its place among those of its plan or session, from 1.
    pub position: i32,
    /// The version of the plan that last had it.
    pub plan: Option<PlanVersion>,
    /// Empty for a plan of no session.
    pub session_id: String,
    /// Those of its plan or session now.
    pub labels: Vec<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The agent that last changed it; may be empty.
    pub agent_id: String,
}

/// A version of a plan.
#[derive(Debug, Clone)]
pub struct PlanVersion {
    /// Its artifact.
    pub artifact_id: ArtifactId,
    /// The file.
    pub filename: String,
    /// Which one.
    pub version: i64,
}

impl Todo {
    /// Its approximate size in an answer, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let labels: usize = self.labels.iter().map(|label| label.len() + 4).sum();
        let plan = self.plan.as_ref().map_or(0, |plan| plan.filename.len());
        self.text.len() + self.session_id.len() + self.agent_id.len() + labels + plan + 128
    }
}

/// Where a todo stands in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TodoPosition {
    /// Empty for a todo of a session.
    #[serde(rename = "a")]
    pub(crate) plan: String,
    #[serde(rename = "s")]
    pub(crate) session: String,
    #[serde(rename = "n")]
    pub(crate) position: i32,
    #[serde(rename = "i")]
    pub(crate) id: String,
}

/// Which todos a list has, unchecked. What is empty does not filter.
#[derive(Debug, Clone, Default)]
pub struct RawTodoFilter {
    /// Of this plan.
    pub plan_id: String,
    /// In this session.
    pub session_id: String,
    /// With this label.
    pub label: String,
    /// In this state.
    pub state: Option<TodoState>,
}

/// Which todos a list has.
#[derive(Debug, Clone, Serialize)]
pub struct TodoFilter {
    pub(crate) plan: Option<ArtifactId>,
    pub(crate) session: Option<Identifier>,
    pub(crate) label: Option<Identifier>,
    pub(crate) state: Option<TodoState>,
}

impl TodoFilter {
    /// Checks a filter.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault; `ArtifactNotFound` for a malformed plan.
    pub fn new(raw: RawTodoFilter) -> Result<Self> {
        let mut faults = Violations::new();
        let session = faults.check("session_id", Identifier::optional(raw.session_id));
        let label = faults.check("label", Identifier::optional(raw.label));
        let plan = match raw.plan_id.is_empty() {
            true => None,
            false => Some(artifact_id(&raw.plan_id)?),
        };
        faults.finish(session.zip(label).map(|(session, label)| Self {
            plan,
            session,
            label,
            state: raw.state,
        }))
    }
}

/// What a todo belongs to.
#[derive(Debug, Clone, Serialize)]
pub(crate) enum TodoOwner {
    Plan(ArtifactId),
    Session(Identifier),
}

/// A todo to add.
#[derive(Debug, Clone)]
pub struct NewTodo {
    pub(crate) text: TodoText,
    pub(crate) owner: TodoOwner,
    pub(crate) state: TodoState,
    pub(crate) agent: Option<Identifier>,
}

impl NewTodo {
    /// Checks a todo: of a plan or of a session, `Open` without a state.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault; `ArtifactNotFound` for a malformed plan.
    pub fn new(
        text: String,
        (plan_id, session_id): (&str, String),
        state: Option<TodoState>,
        agent_id: String,
    ) -> Result<Self> {
        let mut faults = Violations::new();
        let text = faults.check("text", TodoText::new(text));
        let agent = faults.check("agent_id", Identifier::optional(agent_id));
        let owner = match (plan_id, session_id.is_empty()) {
            ("", true) => {
                faults.add("plan_id", "is required, or a session_id");
                None
            }
            ("", false) => {
                let session = faults.check("session_id", Identifier::new(session_id));
                session.map(TodoOwner::Session)
            }
            (_, false) => {
                faults.add("session_id", "must not be given beside a plan_id");
                None
            }
            (plan, true) => Some(TodoOwner::Plan(artifact_id(plan)?)),
        };
        let all = text.zip(agent).zip(owner);
        faults.finish(all.map(|((text, agent), owner)| Self {
            text,
            owner,
            state: state.unwrap_or(TodoState::Open),
            agent,
        }))
    }
}

/// A change of a todo.
#[derive(Debug, Clone)]
pub struct TodoUpdate {
    pub(crate) state: Option<TodoState>,
    pub(crate) text: Option<TodoText>,
    pub(crate) agent: Option<Identifier>,
}

impl TodoUpdate {
    /// Checks a change: of the state, the text or both.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault.
    pub fn new(state: Option<TodoState>, text: String, agent_id: String) -> Result<Self> {
        let mut faults = Violations::new();
        let text = match text.is_empty() {
            true => Some(None),
            false => faults.check("text", TodoText::new(text)).map(Some),
        };
        if state.is_none() && text == Some(None) {
            faults.add("state", "is required, or a text");
        }
        let agent = faults.check("agent_id", Identifier::optional(agent_id));
        faults.finish(
            text.zip(agent)
                .map(|(text, agent)| Self { state, text, agent }),
        )
    }
}

pub(crate) fn todo_id(text: &str) -> Result<TodoId> {
    text.parse().map_err(|_| Error::TodoNotFound(excerpt(text)))
}
