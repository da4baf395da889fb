use cairn_proto::v1::{
    self, AddTodoRequest, AddTodoResponse, ListTodosRequest, ListTodosResponse, UpdateTodoRequest,
    UpdateTodoResponse, todo_service_server::TodoService,
};
use cairn_store::{Error, NewTodo, RawTodoFilter, Result, Todo, TodoFilter, TodoState, TodoUpdate};
use tonic::{Request, Response, Status};

use super::{Services, convert, taken};
use crate::error::to_status;

#[tonic::async_trait]
impl TodoService for Services {
    async fn list_todos(
        &self,
        request: Request<ListTodosRequest>,
    ) -> Result<Response<ListTodosResponse>, Status> {
        let (caller, request) = taken(request)?;
        let (size, _) = convert::page(request.page_size, None, None).map_err(to_status)?;
        let filter = RawTodoFilter {
            plan_id: request.plan_id,
            session_id: request.session_id,
            label: request.label,
            state: state(request.state).map_err(to_status)?,
        };
        let filter = TodoFilter::new(filter).map_err(to_status)?;
        let token = &request.page_token;
        let page = self.store.list_todos(&caller, &filter, size, token).await;
        let page = page.map_err(to_status)?;
        Ok(Response::new(ListTodosResponse {
            todos: page.items.into_iter().map(todo).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn add_todo(
        &self,
        request: Request<AddTodoRequest>,
    ) -> Result<Response<AddTodoResponse>, Status> {
        let (caller, request) = taken(request)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let state = state(request.state).map_err(to_status)?;
        let owner = (&*request.plan_id, request.session_id);
        let new = NewTodo::new(request.text, owner, state, request.agent_id).map_err(to_status)?;
        let added = self.store.add_todo(&caller, &new, key.as_ref()).await;
        Ok(Response::new(AddTodoResponse {
            todo: Some(todo(added.map_err(to_status)?)),
        }))
    }

    async fn update_todo(
        &self,
        request: Request<UpdateTodoRequest>,
    ) -> Result<Response<UpdateTodoResponse>, Status> {
        let (caller, request) = taken(request)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let state = state(request.state).map_err(to_status)?;
        let change = TodoUpdate::new(state, request.text, request.agent_id).map_err(to_status)?;
        let (id, key) = (&request.todo_id, key.as_ref());
        let updated = self.store.update_todo(&caller, id, &change, key).await;
        Ok(Response::new(UpdateTodoResponse {
            todo: Some(todo(updated.map_err(to_status)?)),
        }))
    }
}

fn state(state: i32) -> Result<Option<TodoState>> {
    match v1::TodoState::try_from(state) {
        Ok(v1::TodoState::Unspecified) => Ok(None),
        Ok(v1::TodoState::Open) => Ok(Some(TodoState::Open)),
        Ok(v1::TodoState::Doing) => Ok(Some(TodoState::Doing)),
        Ok(v1::TodoState::Done) => Ok(Some(TodoState::Done)),
        Ok(v1::TodoState::Dropped) => Ok(Some(TodoState::Dropped)),
        Err(_) => {
            let rule = "must be OPEN, DOING, DONE or DROPPED";
            Err(Error::invalid("state", rule))
        }
    }
}

fn todo(todo: Todo) -> v1::Todo {
    let mut message = v1::Todo {
        todo_id: todo.id.to_string(),
        text: todo.text,
        position: todo.position,
        session_id: todo.session_id,
        labels: todo.labels,
        created_at: Some(convert::timestamp(todo.created_at)),
        updated_at: Some(convert::timestamp(todo.updated_at)),
        agent_id: todo.agent_id,
        ..v1::Todo::default()
    };
    message.set_state(match todo.state {
        TodoState::Open => v1::TodoState::Open,
        TodoState::Doing => v1::TodoState::Doing,
        TodoState::Done => v1::TodoState::Done,
        TodoState::Dropped => v1::TodoState::Dropped,
    });
    if let Some(plan) = todo.plan {
        message.plan_id = plan.artifact_id.to_string();
        message.plan_filename = plan.filename;
        message.plan_version = plan.version;
    }
    message
}
