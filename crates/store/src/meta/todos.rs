//! Rows of todos.

pub(crate) mod reading;

use tokio_postgres::Row;

use super::{
    artifact_row::{NAMED, VISIBLE, visible_as},
    connection::{Connection, Transaction},
    error::from_pg,
    filter::Query,
    patience::ask_by_any_plan,
    row::{self, Damage, at, listed},
};
use crate::model::{
    access::Reach,
    artifact::Artifact,
    error::{Error, Result},
    id::{TenantId, TodoId},
    page::PageSize,
    text::{Identifier, text_of},
    todo::{
        MAX_TODOS, NewTodo, PlanVersion, Todo, TodoFilter, TodoPosition, TodoState, TodoText,
        TodoUpdate,
    },
};

/// What `read` reads of a todo `t` with its plan `p` and, if it has none, its session `s`.
const COLUMNS: &str = "t.id, t.text, t.state, t.position, t.plan_id, p.filename, p.version, t.session_id, \
     coalesce(p.labels, s.labels, '{}') AS labels, t.created_at, t.updated_at, t.agent_id";

/// The tables that `COLUMNS` names.
const FROM: &str = "todos t
     LEFT JOIN artifacts p ON p.tenant_id = t.tenant_id AND p.id = t.plan_id
     LEFT JOIN sessions s ON t.plan_id IS NULL AND s.tenant_id = t.tenant_id AND s.id = t.session_id";

fn state(row: &Row, column: &str) -> Result<TodoState, Damage> {
    let name: &str = at(row, column)?;
    name.parse().map_err(|_| Damage::Malformed("state"))
}

/// The session, the user and the namespace of a plan's file; empty: none.
fn scope(plan: &Artifact) -> (&str, &str, &str) {
    let session = plan.session_id.as_deref().unwrap_or_default();
    (session, &plan.user_id, &plan.namespace)
}

fn read(row: &Row) -> Result<Todo> {
    row::read(row, "todo", "id", |row| {
        let plan = match at::<Option<&str>>(row, "plan_id")? {
            None => None,
            Some(id) => Some(PlanVersion {
                artifact_id: id.parse().map_err(|_| Damage::Malformed("plan_id"))?,
                filename: at(row, "filename")?,
                version: at(row, "version")?,
            }),
        };
        Ok(Todo {
            id: (at::<&str>(row, "id")?.parse()).map_err(|_| Damage::Malformed("id"))?,
            text: at(row, "text")?,
            state: state(row, "state")?,
            position: at(row, "position")?,
            plan,
            session_id: at(row, "session_id")?,
            labels: at(row, "labels")?,
            created_at: at(row, "created_at")?,
            updated_at: at(row, "updated_at")?,
            agent_id: at(row, "agent_id")?,
        })
    })
}

/// That a todo is seen by those who reach so much: its plan is visible and within it, or its session is as a whole.
fn seen(query: &mut Query, reach: Reach<'_>) -> String {
    let visible = visible_as("p");
    if reach.is_all() {
        return format!("(t.plan_id IS NULL OR ({visible}))");
    }
    let plan = query.matches(&reach.narrowing.filter(), "p");
    // A todo has its plan's session, so this holds for both; in front of the OR, an index of sessions serves it.
    let session = match reach.narrowing.sessions() {
        Some(sessions) => query.matches(&sessions, "t"),
        None => "true".to_owned(),
    };
    let of_session = match reach.narrowing.is_of_whole_sessions() {
        true => "t.plan_id IS NULL",
        false => "false",
    };
    format!("{session} AND ({of_session} OR (t.plan_id IS NOT NULL AND {visible} AND {plan}))")
}

/// Todos in the order of a list, each with its position; those of a plan are those of all versions of its file.
///
/// # Errors
/// `FilterTooCostly` when it takes too long; `Unavailable`.
#[tracing::instrument(target = "postgres", name = "todos.list", skip_all)]
pub(crate) async fn list(
    client: &Connection,
    reach: Reach<'_>,
    filter: &TodoFilter,
    plan: Option<&Artifact>,
    after: Option<&TodoPosition>,
    size: PageSize,
) -> Result<Vec<(Option<Todo>, TodoPosition)>> {
    let mut query = Query::of(reach.tenant);
    let mut wanted = seen(&mut query, reach);
    if let Some(plan) = plan {
        let filename = query.text(&plan.filename);
        let session = query.text(plan.session_id.as_deref().unwrap_or_default());
        let (user, namespace) = (query.text(&plan.user_id), query.text(&plan.namespace));
        wanted += &format!(
            " AND p.filename COLLATE \"C\" = {filename} AND coalesce(p.session_id, '') = {session}
              AND p.user_id = {user} AND p.namespace = {namespace}"
        );
    }
    if let Some(session) = &filter.session {
        wanted += &format!(" AND t.session_id = {}", query.text(session.as_str()));
    }
    if let Some(label) = &filter.label {
        let label = query.text(label.as_str());
        wanted += &format!(" AND {label} = ANY (coalesce(p.labels, s.labels))");
    }
    if let Some(state) = filter.state {
        // Written out, so that the index of what has not ended serves it.
        wanted += &format!(" AND t.state = '{}'", state.as_str());
    }
    if let Some(after) = after {
        let (plan, session) = (query.text(&after.plan), query.text(&after.session));
        let (position, id) = (query.number(after.position.into()), query.text(&after.id));
        wanted += &format!(
            " AND (coalesce(t.plan_id, ''), t.session_id, t.position, t.id)
                  > ({plan}, {session}, {position}, {id})"
        );
    }
    let rows = query.number(size.rows());
    query.sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE t.tenant_id = $1 AND {wanted}
         ORDER BY coalesce(t.plan_id, ''), t.session_id, t.position, t.id LIMIT {rows}"
    );
    let rows = ask_by_any_plan(client, &query).await?;
    listed(&rows, read, |row| {
        row::read(row, "todo", "id", |row| {
            let plan: Option<String> = at(row, "plan_id")?;
            Ok(TodoPosition {
                plan: plan.unwrap_or_default(),
                session: at(row, "session_id")?,
                position: at(row, "position")?,
                id: at(row, "id")?,
            })
        })
    })
}

/// A todo that is seen.
///
/// # Errors
/// `TodoNotFound`.
#[tracing::instrument(target = "postgres", name = "todos.get", skip_all)]
pub(crate) async fn get(client: &Connection, reach: Reach<'_>, id: &TodoId) -> Result<Todo> {
    let mut query = Query::of(reach.tenant);
    let wanted = query.text(id.as_str());
    let seen = seen(&mut query, reach);
    query.sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE t.tenant_id = $1 AND t.id = {wanted} AND {seen}"
    );
    let rows = client
        .query_typed(&query.sql, &query.parameters())
        .await
        .map_err(from_pg)?;
    let row = rows.first();
    read(row.ok_or_else(|| Error::TodoNotFound(id.to_string()))?)
}

/// Changes a todo.
#[tracing::instrument(target = "postgres", name = "todos.update", skip_all)]
pub(crate) async fn update(
    tx: &Transaction<'_>,
    tenant: TenantId,
    id: &TodoId,
    change: &TodoUpdate,
) -> Result<()> {
    tx.execute(
        "UPDATE todos SET state = coalesce($3, state), text = coalesce($4, text), agent_id = $5, updated_at = now()
         WHERE tenant_id = $1 AND id = $2",
        &[
            &tenant.0,
            &id.as_str(),
            &change.state.map(TodoState::as_str),
            &change.text.as_ref().map(TodoText::as_str),
            &text_of(&change.agent),
        ],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}

/// Adds a todo at the end of those of its locked plan.
///
/// # Errors
/// `Invalid` if the versions of the plan's file have as many as they may.
#[tracing::instrument(target = "postgres", name = "todos.insert_of_plan", skip_all)]
pub(crate) async fn insert_of_plan(
    tx: &Transaction<'_>,
    tenant: TenantId,
    new: &NewTodo,
    plan: &Artifact,
) -> Result<TodoId> {
    let (id, (session, user, namespace)) = (TodoId::fresh(), scope(plan));
    let plan_id = plan.id.as_str();
    let added = tx
        .execute(
            &format!(
                "INSERT INTO todos (tenant_id, id, plan_id, session_id, position, text, state, extracted, agent_id)
                 SELECT $1, $6, $7, $3, coalesce(max(t.position) FILTER (WHERE t.plan_id = $7), 0) + 1, $8, $9, false, $10
                 FROM artifacts a JOIN todos t ON t.tenant_id = a.tenant_id AND t.plan_id = a.id
                 WHERE {NAMED} AND {VISIBLE}
                 HAVING count(*) < $11"
            ),
            &[
                &tenant.0,
                &plan.filename,
                &session,
                &user,
                &namespace,
                &id.as_str(),
                &plan_id,
                &new.text.as_str(),
                &new.state.as_str(),
                &text_of(&new.agent),
                &(MAX_TODOS as i64),
            ],
        )
        .await
        .map_err(from_pg)?;
    match added {
        0 => {
            let rule = format!("has {MAX_TODOS} todos in all its versions, as many as it may");
            Err(Error::invalid("plan_id", rule))
        }
        _ => Ok(id),
    }
}

/// Adds a todo at the end of those of its locked session.
///
/// # Errors
/// `Invalid` if there are as many as there may be.
#[tracing::instrument(target = "postgres", name = "todos.insert_of_session", skip_all)]
pub(crate) async fn insert_of_session(
    tx: &Transaction<'_>,
    tenant: TenantId,
    new: &NewTodo,
    session: &Identifier,
) -> Result<TodoId> {
    let id = TodoId::fresh();
    let added = tx
        .execute(
            "INSERT INTO todos (tenant_id, id, session_id, position, text, state, extracted, agent_id)
             SELECT $1, $2, $3, coalesce(max(t.position), 0) + 1, $4, $5, false, $6
             FROM todos t WHERE t.tenant_id = $1 AND t.plan_id IS NULL AND t.session_id = $3
             HAVING count(*) < $7",
            &[
                &tenant.0,
                &id.as_str(),
                &session.as_str(),
                &new.text.as_str(),
                &new.state.as_str(),
                &text_of(&new.agent),
                &(MAX_TODOS as i64),
            ],
        )
        .await
        .map_err(from_pg)?;
    match added {
        0 => {
            let rule = format!("has {MAX_TODOS} todos, as many as it may; add it to another one");
            Err(Error::invalid("session_id", rule))
        }
        _ => Ok(id),
    }
}

/// Locks a session's row, so that its todos are added one after the other; false if there is no such session.
#[tracing::instrument(target = "postgres", name = "todos.lock_session", skip_all)]
pub(crate) async fn lock_session(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &Identifier,
) -> Result<bool> {
    let found = tx
        .execute(
            "SELECT FROM sessions WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
            &[&tenant.0, &session.as_str()],
        )
        .await
        .map_err(from_pg)?;
    Ok(found > 0)
}

/// Deletes the todos of a session, not those of its plans, unless the session is held.
#[tracing::instrument(target = "postgres", name = "todos.delete_of_session", skip_all)]
pub(crate) async fn delete_of_session(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &Identifier,
) -> Result<()> {
    tx.execute(
        "DELETE FROM todos t USING sessions s
         WHERE s.tenant_id = $1 AND s.id = $2 AND NOT s.held
             AND t.tenant_id = $1 AND t.session_id = $2 AND t.plan_id IS NULL",
        &[&tenant.0, &session.as_str()],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}
