//! Requests about todos.

use cairn_proto::v1::{AddTodoRequest, ListTodosRequest, TodoState, UpdateTodoRequest};
use prost::Message;

use super::Things;

impl Things<'_> {
    /// A todo of an artifact.
    async fn todo(&mut self) -> String {
        let plan_id = self.artifact().await;
        let id = match self.is_there() {
            false => "todo_0000000000000000".to_owned(),
            true => {
                let request = AddTodoRequest {
                    text: self.name("t"),
                    plan_id,
                    ..Default::default()
                };
                let added = self.client.todos.clone().add_todo(request).await;
                added.unwrap().into_inner().todo.unwrap().todo_id
            }
        };
        self.noted(id)
    }

    /// The message that calls a method of `TodoService`.
    pub(super) async fn todo_request(&mut self, method: &str) -> Vec<u8> {
        match method {
            "ListTodos" => {
                self.todo().await;
                ListTodosRequest {
                    plan_id: self.ids[0].clone(),
                    ..Default::default()
                }
                .encode_to_vec()
            }
            "AddTodo" => AddTodoRequest {
                text: "new".to_owned(),
                plan_id: self.artifact().await,
                ..Default::default()
            }
            .encode_to_vec(),
            _ => UpdateTodoRequest {
                todo_id: self.todo().await,
                state: TodoState::Done.into(),
                ..Default::default()
            }
            .encode_to_vec(),
        }
    }
}
