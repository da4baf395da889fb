//! A todo.

use jiff::Timestamp;
use serde::Serialize;

use super::value::{present, timestamp, todo_state};
use crate::v1;

/// A piece of work; the fields are those of [`v1::Todo`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Todo {
    /// "todo_" and 16 characters.
    pub todo_id: String,
    /// What is to be done.
    pub text: String,
    /// As [`todo_state`] has it.
    pub state: Option<String>,
    /// Its place among those of its plan or session, from 1.
    pub position: i32,
    /// The artifact that is the version of the plan that last had it.
    pub plan_id: Option<String>,
    /// The name of the plan's file.
    pub plan_filename: Option<String>,
    /// The version of it.
    pub plan_version: Option<i64>,
    /// Of its plan, or to which it was added.
    pub session_id: Option<String>,
    /// Those of its plan or session now.
    pub labels: Vec<String>,
    /// When it was added.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// The agent that last changed it.
    pub agent_id: Option<String>,
}

impl From<v1::Todo> for Todo {
    fn from(todo: v1::Todo) -> Self {
        Self {
            state: todo_state(todo.state),
            todo_id: todo.todo_id,
            text: todo.text,
            position: todo.position,
            plan_id: present(todo.plan_id),
            plan_filename: present(todo.plan_filename),
            plan_version: (todo.plan_version > 0).then_some(todo.plan_version),
            session_id: present(todo.session_id),
            labels: todo.labels,
            created_at: timestamp(todo.created_at),
            updated_at: timestamp(todo.updated_at),
            agent_id: present(todo.agent_id),
        }
    }
}
