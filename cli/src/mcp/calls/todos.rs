//! Todos.

use cairn_client::{required, unary};
use cairn_proto::{
    json::Todo,
    v1::{AddTodoRequest, ListTodosRequest, UpdateTodoRequest},
};
use serde::Serialize;

use super::{Answer, Arguments, Mcp, ToolError};
use crate::mcp::shown::{NextPage, todo_state};

/// What a list shows of a todo.
#[derive(Serialize)]
struct Brief {
    todo_id: String,
    text: String,
    state: Option<String>,
    plan: Option<String>,
    session_id: Option<String>,
}

impl From<Todo> for Brief {
    fn from(todo: Todo) -> Self {
        let version = todo.plan_version.unwrap_or_default();
        Self {
            todo_id: todo.todo_id,
            text: todo.text,
            state: todo.state,
            plan: todo.plan_filename.map(|name| format!("{name} v{version}")),
            session_id: todo.session_id,
        }
    }
}

#[derive(Serialize)]
struct Todos {
    todos: Vec<Brief>,
    #[serde(flatten)]
    page: NextPage,
}

pub(super) async fn list(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let plan_id = arguments.text("plan_id");
    let session_id = match plan_id.is_empty() {
        true => mcp.session(arguments),
        false => arguments.text("session_id"),
    };
    let request = ListTodosRequest {
        page_size: arguments.limit(),
        page_token: arguments.text("cursor"),
        plan_id,
        session_id,
        label: arguments.text("label"),
        state: todo_state(arguments),
    };
    let listed = mcp.client.todos.clone().list_todos(unary(request)).await?;
    let listed = listed.into_inner();
    let todos = listed.todos.into_iter().map(Todo::from);
    Answer::record(&Todos {
        todos: todos.map(Brief::from).collect(),
        page: NextPage::before(listed.next_page_token),
    })
}

pub(super) async fn add(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let plan_id = arguments.text("plan_id");
    let session_id = match plan_id.is_empty() {
        true => mcp.session(arguments),
        false => arguments.text("session_id"),
    };
    let request = AddTodoRequest {
        text: arguments.text("text"),
        plan_id,
        session_id,
        agent_id: mcp.agent.clone(),
        ..AddTodoRequest::default()
    };
    let added = mcp.client.todos.clone().add_todo(unary(request)).await?;
    let todo = required(added.into_inner().todo, "todo")?;
    Answer::record(&Todo::from(todo))
}

pub(super) async fn update(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let request = UpdateTodoRequest {
        todo_id: arguments.text("todo_id"),
        state: todo_state(arguments),
        text: arguments.text("text"),
        agent_id: mcp.agent.clone(),
        ..UpdateTodoRequest::default()
    };
    let updated = mcp.client.todos.clone().update_todo(unary(request)).await?;
    let todo = required(updated.into_inner().todo, "todo")?;
    Answer::record(&Todo::from(todo))
}
