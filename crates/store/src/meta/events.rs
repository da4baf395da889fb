//! What happened in sessions.

pub(crate) mod of_tenant;

use futures_util::join;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    artifact_row::{self, COLUMNS, VISIBLE},
    batch::{Batch, Taken},
    connection::{Connection, Transaction},
    due::DueRows,
    error::from_pg,
    row::{self, Damage, at, each},
    time::millis,
};
use crate::model::{
    error::Result,
    event::{Event, EventKind, Subject},
    id::TenantId,
};

/// The maximum events that get positions at once.
const BATCH: i64 = 1000;

/// What is read of an event `e` behind its position.
const EVENT_COLUMNS: &str = "e.occurred_at, e.type, e.artifact_id, e.from_stage, e.to_stage, e.agent_id AS staged_by, \
     e.session_id AS of_session";

/// The state of a session's events.
pub(crate) struct Seen {
    /// After a position, in order.
    pub(crate) events: Vec<Event>,
    /// The last assigned position; 0 while there is no session.
    pub(crate) last: i64,
    /// Whether there are events without a position.
    pub(crate) unnumbered: bool,
}

/// Reads the events after a position, at most `limit`.
#[tracing::instrument(target = "postgres", name = "events.after", skip_all)]
pub(crate) async fn after(
    client: &Connection,
    tenant: TenantId,
    session: &str,
    position: i64,
    limit: i64,
) -> Result<Seen> {
    let read_last = client
        .prepare(
            "SELECT last_position, EXISTS (SELECT FROM session_events e
                 WHERE e.tenant_id = s.tenant_id AND e.session_id = s.id AND e.position IS NULL)
             FROM sessions s WHERE s.tenant_id = $1 AND s.id = $2",
        )
        .await
        .map_err(from_pg)?;
    let read_events = client
        .prepare(&format!(
            "SELECT {COLUMNS}, {VISIBLE} AS visible, a.deleted_at,
                 e.position, {EVENT_COLUMNS}
             FROM session_events e
                 LEFT JOIN artifacts a ON a.tenant_id = e.tenant_id AND a.id = e.artifact_id
             WHERE e.tenant_id = $1 AND e.session_id = $2 AND e.position > $3
             ORDER BY e.position LIMIT $4"
        ))
        .await
        .map_err(from_pg)?;
    // In this order: an event with a position in the first statement is found by the second, or was deleted.
    let (last, rows) = join!(
        async { client.query_opt(&read_last, &[&tenant.0, &session]).await },
        async {
            client
                .query(&read_events, &[&tenant.0, &session, &position, &limit])
                .await
        },
    );
    let last = last.map_err(from_pg)?;
    let rows = rows.map_err(from_pg)?;
    let events: Result<Vec<_>> = rows.iter().map(read).collect();
    Ok(Seen {
        events: events?,
        last: last.as_ref().map_or(Ok(0), |row| at(row, 0))?,
        unnumbered: last.as_ref().map_or(Ok(false), |row| at(row, 1))?,
    })
}

fn read(row: &Row) -> Result<Event> {
    // Before the event itself: only the id of a damaged artifact is known.
    let recorded = row::read(row, "artifact", "artifact_id", |row| {
        Ok(at::<Option<&str>>(row, "id")?.is_some())
    })?;
    let known = if recorded {
        row::readable(artifact_row::with_state(row))?
    } else {
        None
    };
    row::read(row, "artifact", "artifact_id", |row| {
        let stage = |column| {
            let name: &str = at(row, column)?;
            name.parse().map_err(|_| Damage::Malformed("stage"))
        };
        Ok(Event {
            position: at(row, "position")?,
            session_id: at(row, "of_session")?,
            occurred_at: at(row, "occurred_at")?,
            what: match at(row, "type")? {
                "created" => EventKind::Created,
                "deleted" => EventKind::Deleted,
                "restored" => EventKind::Restored,
                "sealed" => EventKind::Sealed,
                "staged" => EventKind::Staged {
                    from: stage("from_stage")?,
                    to: stage("to_stage")?,
                    agent_id: at(row, "staged_by")?,
                },
                _ => return Err(Damage::Malformed("type")),
            },
            subject: match (at(row, "artifact_id")?, known) {
                (None, _) => Subject::Session,
                (Some(_), Some((artifact, state))) => Subject::Artifact(Box::new(artifact), state),
                (Some(id), None) => Subject::Forgotten(id),
            },
        })
    })
}

/// Assigns the next positions to the events of sessions without one.
///
/// Two statements, because a transaction that waited for the lock must see the positions that the previous holder
/// assigned.
#[tracing::instrument(target = "postgres", name = "events.number", skip_all)]
pub(crate) async fn number(
    tx: &Transaction<'_>,
    tenants: &[Uuid],
    sessions: &[&str],
) -> Result<()> {
    lock_sessions(tx, tenants, sessions).await?;
    tx.execute(
        "WITH next AS (
             SELECT e.tenant_id, e.session_id, e.number,
                 s.last_position + row_number() OVER (PARTITION BY e.tenant_id, e.session_id ORDER BY e.number)
                     AS position
             FROM unnest($1::uuid[], $2::text[]) q (tenant_id, id)
                 JOIN sessions s ON s.tenant_id = q.tenant_id AND s.id = q.id
                 CROSS JOIN LATERAL (SELECT * FROM session_events e
                     WHERE e.tenant_id = s.tenant_id AND e.session_id = s.id AND e.position IS NULL
                     ORDER BY e.number LIMIT $3) e
         ), numbered AS (
             UPDATE session_events e SET position = next.position FROM next
             WHERE e.tenant_id = next.tenant_id AND e.session_id = next.session_id AND e.number = next.number
         )
         UPDATE sessions s SET last_position = last.position
         FROM (SELECT tenant_id, session_id, max(position) AS position FROM next GROUP BY 1, 2) last
         WHERE s.tenant_id = last.tenant_id AND s.id = last.session_id",
        &[&tenants, &sessions, &BATCH],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}

/// Events past their retention, oldest first; their numbers are in the order of time.
pub(crate) const OLD: DueRows = DueRows {
    sql: "SELECT tenant_id, session_id || '/' || number AS id, 'it happened at ' || occurred_at AS why
         FROM session_events WHERE occurred_at <= now() - $3 * interval '1 ms' ORDER BY number LIMIT $1 OFFSET $2",
    wait: Some(|batch| batch.times.event_retention),
};

/// Deletes events past their retention, oldest first; their numbers are in the order of time. Events without a position
/// use one up, so that a later watcher can see that they are missing.
#[tracing::instrument(target = "postgres", name = "events.forget", skip_all)]
pub(crate) async fn forget(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let retention = millis(batch.times.event_retention);
    let rows = tx
        .query(
            "SELECT number, tenant_id, session_id FROM (
                 SELECT number, tenant_id, session_id, occurred_at FROM session_events
                 ORDER BY number LIMIT $2 OFFSET $3) oldest
             WHERE occurred_at <= now() - $1 * interval '1 ms'",
            &[&retention, &batch.limit, &batch.skip],
        )
        .await
        .map_err(from_pg)?;
    let numbers: Vec<i64> = each(&rows, 0)?;
    let tenants: Vec<Uuid> = each(&rows, 1)?;
    let sessions: Vec<&str> = each(&rows, 2)?;
    lock_sessions(tx, &tenants, &sessions).await?;
    let forgotten = tx
        .query(
            "WITH forgotten AS (
                 DELETE FROM session_events e USING unnest($1::bigint[]) old (number) WHERE e.number = old.number
                 RETURNING e.*
             ), counted AS (
                 UPDATE sessions s SET last_position = last_position + f.positions
                 FROM (SELECT tenant_id, session_id, count(*) AS positions FROM forgotten
                       WHERE position IS NULL GROUP BY 1, 2) f
                 WHERE s.tenant_id = f.tenant_id AND s.id = f.session_id
             ), noted AS (
                 INSERT INTO forgotten_events SELECT tenant_id, max(number) FROM forgotten GROUP BY 1 ORDER BY 1
                 ON CONFLICT (tenant_id) DO UPDATE SET number = greatest(forgotten_events.number, excluded.number)
             )
             SELECT tenant_id, session_id || '/' || number, 'it happened at ' || occurred_at FROM forgotten",
            &[&numbers],
        )
        .await
        .map_err(from_pg)?;
    Taken::of(rows.len(), &forgotten)
}

/// Locks sessions in one order, so that no other transaction assigns positions to their events.
async fn lock_sessions(tx: &Transaction<'_>, tenants: &[Uuid], sessions: &[&str]) -> Result<()> {
    tx.execute(
        "SELECT FROM sessions s
         WHERE (s.tenant_id, s.id) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))
         ORDER BY s.tenant_id, s.id FOR NO KEY UPDATE OF s",
        &[&tenants, &sessions],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}

/// Whether a session was sealed at a position or before it.
#[tracing::instrument(target = "postgres", name = "events.sealed_by", skip_all)]
pub(crate) async fn sealed_by(
    client: &Connection,
    tenant: TenantId,
    session: &str,
    position: i64,
) -> Result<bool> {
    let row = client
        .query_opt(
            "SELECT FROM sessions s WHERE s.tenant_id = $1 AND s.id = $2 AND s.sealed_at IS NOT NULL
                 AND NOT EXISTS (SELECT FROM session_events e
                     WHERE e.tenant_id = s.tenant_id AND e.session_id = s.id AND e.type = 'sealed'
                         AND (e.position > $3 OR e.position IS NULL))",
            &[&tenant.0, &session, &position],
        )
        .await
        .map_err(from_pg)?;
    Ok(row.is_some())
}
