//! Todos.

use axum::{Json, extract::State};
use cairn_proto::{
    json,
    v1::{
        AddTodoRequest, ListTodosRequest, Todo, TodoState, UpdateTodoRequest,
        todo_service_server::TodoService,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answer::Created,
    call::{Call, Input, Named},
    query::Query,
    value::{self, page_size},
};
use crate::{grpc::Services, http::failure::Failure};

fn state(name: &str) -> i32 {
    value::number(name, "TODO_STATE_", |name| {
        TodoState::from_str_name(name).map(Into::into)
    })
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListQuery {
    /// An artifact: those of all versions of its file.
    plan_id: String,
    session_id: String,
    label: String,
    /// `open`, `doing`, `done` or `dropped`.
    state: String,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i32>,
    cursor: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Todos {
    todos: Vec<json::Todo>,
    #[serde(flatten)]
    page: json::Page,
}

pub(super) async fn list(
    State(services): State<Services>,
    call: Call,
    Query(query): Query<ListQuery>,
) -> Result<Json<Todos>, Failure> {
    let request = ListTodosRequest {
        page_size: page_size(query.limit)?,
        page_token: query.cursor,
        plan_id: query.plan_id,
        session_id: query.session_id,
        label: query.label,
        state: state(&query.state),
    };
    let answer = services.list_todos(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Todos {
        todos: answer.todos.into_iter().map(Into::into).collect(),
        page: json::Page::before(answer.next_page_token),
    }))
}

fn shown(todo: Option<Todo>) -> Json<json::Todo> {
    Json(todo.unwrap_or_default().into())
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AddTodo {
    text: String,
    /// The plan that it belongs to; either this or `session_id`.
    plan_id: String,
    session_id: String,
    /// `open`, `doing`, `done` or `dropped`; open when it is not given.
    state: String,
    agent_id: String,
}

pub(super) async fn add(
    State(services): State<Services>,
    call: Call,
    Input(add): Input<AddTodo>,
) -> Result<Created<json::Todo>, Failure> {
    let request = AddTodoRequest {
        text: add.text,
        plan_id: add.plan_id,
        session_id: add.session_id,
        state: state(&add.state),
        agent_id: add.agent_id,
        idempotency_key: call.idempotency_key()?,
    };
    let answer = services.add_todo(call.request(request)).await?;
    Ok(Created(shown(answer.into_inner().todo).0))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct UpdateTodo {
    /// `open`, `doing`, `done` or `dropped`; empty: no change.
    state: String,
    /// Empty: no change.
    text: String,
    agent_id: String,
}

pub(super) async fn update(
    State(services): State<Services>,
    call: Call,
    Named(todo_id): Named,
    Input(update): Input<UpdateTodo>,
) -> Result<Json<json::Todo>, Failure> {
    let request = UpdateTodoRequest {
        todo_id,
        state: state(&update.state),
        text: update.text,
        agent_id: update.agent_id,
        idempotency_key: call.idempotency_key()?,
    };
    let answer = services.update_todo(call.request(request)).await?;
    Ok(shown(answer.into_inner().todo))
}
