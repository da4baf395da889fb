//! Plans whose steps are still to be read, and the todos that come of them.

use tokio_postgres::Row;

use crate::{
    meta::{
        artifact_row::{NAMED, VISIBLE},
        connection::{Connection, Transaction},
        error::from_pg,
        row::{Damage, at},
    },
    model::{
        artifact::Artifact,
        error::Result,
        id::{ArtifactId, TenantId, TodoId},
        reading::{KnownTodo, Reading},
        todo::{MAX_TODOS, TodoState},
    },
};

/// How often a plan is tried, within some hours.
pub(crate) const ATTEMPTS: i32 = 5;

/// Takes some of these plans that wait to be read, for longer than a call reads plans. What is not read by then is the
/// collector's.
#[tracing::instrument(target = "postgres", name = "todos.claim", skip_all)]
pub(crate) async fn claim(
    client: &Connection,
    tenant: TenantId,
    plans: &[ArtifactId],
) -> Result<Plans> {
    let plans: Vec<_> = plans.iter().map(ArtifactId::as_str).collect();
    let rows = client
        .query(
            "UPDATE plans_to_read r SET attempts = r.attempts + 1, next_attempt_at = now() + interval '5 s'
             FROM (SELECT tenant_id, artifact_id FROM plans_to_read
                   WHERE tenant_id = $1 AND artifact_id = ANY ($2)
                   ORDER BY artifact_id FOR UPDATE SKIP LOCKED) due
             WHERE r.tenant_id = due.tenant_id AND r.artifact_id = due.artifact_id
             RETURNING r.tenant_id, r.artifact_id",
            &[&tenant.0, &plans],
        )
        .await
        .map_err(from_pg)?;
    claimed(&rows)
}

/// Plans, each with its tenant.
type Plans = Vec<(TenantId, ArtifactId)>;

/// Takes some plans that are due, of any tenant, each for a time that grows with its attempts. Returns them, and those
/// that were tried too often and are given up.
#[tracing::instrument(target = "postgres", name = "todos.claim_due", skip_all)]
pub(crate) async fn claim_due(client: &Connection, limit: i64) -> Result<(Plans, Plans)> {
    let rows = client
        .query(
            "WITH due AS (
                 SELECT tenant_id, artifact_id, attempts FROM plans_to_read WHERE next_attempt_at <= now()
                 ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
             ), given_up AS (
                 DELETE FROM plans_to_read r USING due
                 WHERE due.attempts >= $2 AND r.tenant_id = due.tenant_id AND r.artifact_id = due.artifact_id
                 RETURNING r.tenant_id, r.artifact_id
             ), taken AS (
                 UPDATE plans_to_read r SET attempts = r.attempts + 1,
                     next_attempt_at = now() + power(4, r.attempts) * interval '1 min'
                 FROM due
                 WHERE due.attempts < $2 AND r.tenant_id = due.tenant_id AND r.artifact_id = due.artifact_id
                 RETURNING r.tenant_id, r.artifact_id
             )
             SELECT tenant_id, artifact_id, false AS given_up FROM taken
             UNION ALL SELECT tenant_id, artifact_id, true FROM given_up",
            &[&limit, &ATTEMPTS],
        )
        .await
        .map_err(from_pg)?;
    let (mut taken, mut given_up) = (Vec::new(), Vec::new());
    for row in rows {
        match at(&row, 2)? {
            false => taken.push(row),
            true => given_up.push(row),
        }
    }
    Ok((claimed(&taken)?, claimed(&given_up)?))
}

fn claimed(rows: &[Row]) -> Result<Plans> {
    let read = |row: &Row| {
        let id = at::<&str>(row, 1)?;
        let id = id.parse().map_err(|_| Damage::Malformed("artifact_id"))?;
        Ok((TenantId(at(row, 0)?), id))
    };
    let read: Result<Vec<_>, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// Notes that a plan was read, or is no longer to be read.
#[tracing::instrument(target = "postgres", name = "todos.note_read", skip_all)]
pub(crate) async fn note_read(
    client: &Connection,
    tenant: TenantId,
    plan: &ArtifactId,
) -> Result<()> {
    client
        .execute(
            "DELETE FROM plans_to_read WHERE tenant_id = $1 AND artifact_id = $2",
            &[&tenant.0, &plan.as_str()],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// Locks a plan's file, so that its versions are read one after the other; returns whether a later version of its agent is
/// final.
#[tracing::instrument(target = "postgres", name = "todos.lock_file", skip_all)]
pub(crate) async fn lock_file(
    tx: &Transaction<'_>,
    plan: &Artifact,
    tenant: TenantId,
) -> Result<bool> {
    let (session, user, namespace) = super::scope(plan);
    tx.execute(
        "SELECT FROM filenames WHERE tenant_id = $1 AND filename COLLATE \"C\" = $2 AND session_id = $3
             AND user_id = $4 AND namespace = $5 FOR NO KEY UPDATE",
        &[&tenant.0, &plan.filename, &session, &user, &namespace],
    )
    .await
    .map_err(from_pg)?;
    let later = tx
        .query_opt(
            &format!(
                "SELECT FROM artifacts a WHERE {NAMED} AND {VISIBLE} AND a.version > $6 AND a.agent_id = $7
                     AND a.kind = 'plan' AND a.stage = 'final' LIMIT 1"
            ),
            &[&tenant.0, &plan.filename, &session, &user, &namespace, &plan.version, &plan.agent_id],
        )
        .await
        .map_err(from_pg)?;
    Ok(later.is_some())
}

/// The todos of all visible versions of a plan's file that its agent made, in their order; at most one more than a plan may
/// have. Those of other agents stay where they are: a credential can be narrowed to an agent.
#[tracing::instrument(target = "postgres", name = "todos.known", skip_all)]
pub(crate) async fn known(
    tx: &Transaction<'_>,
    plan: &Artifact,
    tenant: TenantId,
) -> Result<Vec<KnownTodo>> {
    let (session, user, namespace) = super::scope(plan);
    let rows = tx
        .query(
            &format!(
                "SELECT t.id, t.text, t.state, t.extracted, (a.held OR a.session_held) AND a.id <> $6
                 FROM artifacts a JOIN todos t ON t.tenant_id = a.tenant_id AND t.plan_id = a.id
                 WHERE {NAMED} AND {VISIBLE} AND a.agent_id = $7
                 ORDER BY a.version, t.position, t.id LIMIT {} FOR NO KEY UPDATE OF t",
                MAX_TODOS + 1
            ),
            &[&tenant.0, &plan.filename, &session, &user, &namespace, &plan.id.as_str(), &plan.agent_id],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| {
        Ok(KnownTodo {
            id: at(row, 0)?,
            text: at(row, 1)?,
            state: super::state(row, "state")?,
            extracted: at(row, 3)?,
            held: at(row, 4)?,
        })
    };
    let read: Result<Vec<_>, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// Writes what becomes of a plan's todos.
#[tracing::instrument(target = "postgres", name = "todos.write", skip_all)]
pub(crate) async fn write(
    tx: &Transaction<'_>,
    tenant: TenantId,
    plan: &Artifact,
    reading: &Reading,
) -> Result<()> {
    let (mut ids, mut states, mut positions) = (Vec::new(), Vec::new(), Vec::new());
    for (id, state, position) in &reading.kept {
        ids.push(&**id);
        states.push(TodoState::as_str(*state));
        positions.push(*position);
    }
    if !ids.is_empty() {
        tx.execute(
            "UPDATE todos t SET plan_id = $2, position = q.position,
                 updated_at = CASE WHEN t.state = q.state THEN t.updated_at ELSE now() END, state = q.state
             FROM unnest($3::text[], $4::text[], $5::integer[]) q (id, state, position)
             WHERE t.tenant_id = $1 AND t.id = q.id",
            &[&tenant.0, &plan.id.as_str(), &ids, &states, &positions],
        )
        .await
        .map_err(from_pg)?;
    }
    let (mut ids, mut texts, mut states, mut positions) = (vec![], vec![], vec![], vec![]);
    for (text, state, position) in &reading.new {
        ids.push(TodoId::fresh().to_string());
        texts.push(text.as_str());
        states.push(TodoState::as_str(*state));
        positions.push(*position);
    }
    if !ids.is_empty() {
        let session = plan.session_id.as_deref().unwrap_or_default();
        tx.execute(
            "INSERT INTO todos (tenant_id, id, plan_id, session_id, position, text, state, extracted)
             SELECT $1, q.id, $2, $3, q.position, q.text, q.state, true
             FROM unnest($4::text[], $5::text[], $6::text[], $7::integer[]) q (id, text, state, position)",
            &[&tenant.0, &plan.id.as_str(), &session, &ids, &texts, &states, &positions],
        )
        .await
        .map_err(from_pg)?;
    }
    Ok(())
}
