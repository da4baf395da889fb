//! Todos of an artifact at the extremes.

use cairn_proto::v1::{
    AddTodoRequest, Artifact, ListTodosRequest, Todo, TodoState, UpdateTodoRequest,
};

use super::generated::Life;

impl Life<'_> {
    /// Adds todos to an artifact and to its session, changes them, and reads them by every list.
    pub(super) async fn todos(&self, plan: &Artifact) {
        let longest = "é".repeat(500);
        let agent_id = plan.agent_id.clone();
        let mut added = Vec::new();
        for (plan_id, session_id) in [
            (plan.artifact_id.clone(), String::new()),
            (String::new(), plan.session_id.clone()),
        ] {
            if plan_id.is_empty() && session_id.is_empty() {
                continue;
            }
            let add = self.sent.note(AddTodoRequest {
                text: longest.clone(),
                plan_id,
                session_id,
                state: TodoState::Doing.into(),
                agent_id: agent_id.clone(),
                idempotency_key: format!("todo {}", added.len()),
            });
            let todo = self.client.todos.clone().add_todo(add).await.unwrap();
            let todo = todo.into_inner().todo.unwrap();
            assert_eq!((&todo.text, todo.state()), (&longest, TodoState::Doing));
            assert_eq!(todo.session_id, plan.session_id);
            let update = self.sent.note(UpdateTodoRequest {
                todo_id: todo.todo_id.clone(),
                state: TodoState::Dropped.into(),
                text: plan
                    .title
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(200)
                    .collect(),
                agent_id: agent_id.clone(),
                idempotency_key: format!("update todo {}", added.len()),
            });
            let updated = self.client.todos.clone().update_todo(update).await.unwrap();
            let updated = updated.into_inner().todo.unwrap();
            assert_eq!(
                (updated.state(), &updated.agent_id),
                (TodoState::Dropped, &agent_id)
            );
            added.push(updated);
        }
        let of_plan = &added[0];
        assert_eq!(of_plan.plan_filename, plan.filename);
        assert_eq!(
            (of_plan.plan_version, &of_plan.labels),
            (plan.version, &plan.labels)
        );
        let mut lists = vec![ListTodosRequest {
            plan_id: plan.artifact_id.clone(),
            ..ListTodosRequest::default()
        }];
        lists.extend(plan.labels.iter().take(2).map(|label| ListTodosRequest {
            label: label.clone(),
            state: TodoState::Dropped.into(),
            session_id: plan.session_id.clone(),
            ..ListTodosRequest::default()
        }));
        for list in lists {
            assert!(self.list_todos(list).await.contains(of_plan));
        }
        let all = self.list_todos(ListTodosRequest::default()).await;
        assert!(added.iter().all(|todo| all.contains(todo)));
    }

    async fn list_todos(&self, request: ListTodosRequest) -> Vec<Todo> {
        let listed = self.client.todos.clone().list_todos(request).await;
        listed.unwrap().into_inner().todos
    }
}
