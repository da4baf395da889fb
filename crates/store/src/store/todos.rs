//! Todos: steps of plans, and entries that callers add.

use serde_json::json;

use crate::{
    meta::{artifacts, todos as rows, update},
    model::{
        audit::Deed,
        error::{Error, Result},
        idempotency::{Fingerprint, IdempotencyKey},
        page::{Page, PageSize},
        reference::ArtifactRef,
        tenant::Caller,
        todo::{NewTodo, Todo, TodoFilter, TodoOwner, TodoUpdate, todo_id},
    },
    store::{
        Store,
        idempotent::{IdempotentWrite, recorded},
    },
};

mod plans;

pub use plans::PlansRead;

impl Store {
    /// Lists todos, plan by plan; those of sessions first.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; of the plan what `get_artifact` answers; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_todos(
        &self,
        caller: &Caller,
        filter: &TodoFilter,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Todo>> {
        let listing = self.listing(&("todos", caller.tenant.id, filter)).await?;
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let plan = match &filter.plan {
            None => None,
            Some(plan) => {
                let wanted = ArtifactRef::Id(plan.clone());
                let id = artifacts::resolve(&client, caller.reach(), &wanted).await?;
                Some(artifacts::get(&client, caller.tenant.id, &id).await?)
            }
        };
        let (reach, plan) = (caller.reach(), plan.as_ref());
        let rows = rows::list(&client, reach, filter, plan, after.as_ref(), size).await?;
        Ok(listing.page(rows, size, Todo::weight))
    }

    /// Adds a todo at the end of those of its plan or session.
    ///
    /// # Errors
    /// `Invalid` if there are as many as there may be; of the plan what `get_artifact` answers; `SessionNotFound`;
    /// `OutOfReach`; what a key answers; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn add_todo(
        &self,
        caller: &Caller,
        new: &NewTodo,
        key: Option<&IdempotencyKey>,
    ) -> Result<Todo> {
        let (tenant, reach) = (caller.tenant.id, caller.reach());
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("AddTodo")
            .with("text", &new.text)
            .with("owner", &new.owner)
            .with("state", &new.state)
            .with("agent_id", &new.agent);
        let once = match IdempotentWrite::begin(self, &client, reach, key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                let id = todo_id(recorded(&earlier, "todo_id")?)?;
                return rows::get(&client, reach, &id).await;
            }
        };
        let id = match &new.owner {
            TodoOwner::Plan(plan) => {
                let wanted = ArtifactRef::Id(plan.clone());
                let id = artifacts::resolve(&once.tx, reach, &wanted).await?;
                update::lock(&once.tx, tenant, &id).await?;
                let plan = artifacts::get(&once.tx, tenant, &id).await?;
                rows::insert_of_plan(&once.tx, tenant, new, &plan).await?
            }
            TodoOwner::Session(session) => {
                reach.has_session(session.as_str())?;
                if !rows::lock_session(&once.tx, tenant, session).await? {
                    return Err(Error::SessionNotFound(session.as_str().to_owned()));
                }
                rows::insert_of_session(&once.tx, tenant, new, session).await?
            }
        };
        let todo = rows::get(&once.tx, reach, &id).await?;
        let deed = Deed::done(caller, "AddTodo", id.as_str());
        once.commit(deed, json!({"todo_id": id.as_str()})).await?;
        Ok(todo)
    }

    /// Changes the state or the text of a todo, and returns it.
    ///
    /// # Errors
    /// `TodoNotFound`, what a key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn update_todo(
        &self,
        caller: &Caller,
        id: &str,
        change: &TodoUpdate,
        key: Option<&IdempotencyKey>,
    ) -> Result<Todo> {
        let id = todo_id(id)?;
        let reach = caller.reach();
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("UpdateTodo")
            .with("todo_id", &id.as_str())
            .with_given("state", change.state.as_ref())
            .with_given("text", change.text.as_ref())
            .with("agent_id", &change.agent);
        if let Ok(once) = IdempotentWrite::begin(self, &client, reach, key, asked).await? {
            // What the caller does not see is not found afterwards, and the change is rolled back.
            rows::update(&once.tx, caller.tenant.id, &id, change).await?;
            let todo = rows::get(&once.tx, reach, &id).await?;
            let deed = Deed::done(caller, "UpdateTodo", id.as_str());
            once.commit(deed, json!({"todo_id": id.as_str()})).await?;
            return Ok(todo);
        }
        rows::get(&client, reach, &id).await
    }
}
