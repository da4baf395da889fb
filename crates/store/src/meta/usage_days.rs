//! What tenants made, day by day: artifacts by session and agent, as a trigger counts them, and calls, as the replicas of
//! the API count them. A read takes the sums and what is not yet added up in one statement, so it is exact.

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    batch::{Batch, Taken},
    connection::{Connection, Transaction},
    error::from_pg,
    row::{Damage, at, count, each},
};
use crate::model::{
    error::Result,
    id::TenantId,
    usage_days::{Made, Part, UsageQuery},
};

/// The maximum tenants of one batch.
const TENANTS_AT_ONCE: i64 = 100;
/// How many days are kept.
const KEPT_DAYS: i32 = 400;

/// Adds up a batch of what was made, and forgets the oldest days.
#[tracing::instrument(target = "postgres", name = "usage_days.add_up", skip_all)]
pub(crate) async fn add_up(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    for table in ["usage_days", "usage_requests"] {
        let old = format!(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table}
             WHERE day < current_date - {KEPT_DAYS} LIMIT $1 FOR UPDATE SKIP LOCKED))"
        );
        tx.execute(&old, &[&batch.limit]).await.map_err(from_pg)?;
    }
    let some = "SELECT t.id FROM tenants t WHERE EXISTS (SELECT FROM usage_made m WHERE m.tenant_id = t.id)
         ORDER BY random() LIMIT $1 OFFSET $2";
    let most = batch.limit.min(TENANTS_AT_ONCE);
    let tenants = tx.query(some, &[&most, &batch.skip]).await;
    let tenants: Vec<Uuid> = each(&tenants.map_err(from_pg)?, 0)?;
    if tenants.is_empty() {
        return Ok(Taken::default());
    }
    let share = batch.limit / tenants.len() as i64 + 1;
    // Two workers take different rows, and change the sums in the same order.
    let add_up = "WITH due AS MATERIALIZED (
             SELECT m.tenant_id, m.id FROM unnest($1::uuid[]) t (id)
                 CROSS JOIN LATERAL (SELECT tenant_id, id FROM usage_made
                     WHERE tenant_id = t.id ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED) m
         ), taken AS (
             DELETE FROM usage_made m USING due WHERE m.tenant_id = due.tenant_id AND m.id = due.id RETURNING m.*
         ), parts AS (
             SELECT tenant_id, 'day' AS part, '' AS key, day, artifacts, bytes FROM taken
             UNION ALL
             SELECT tenant_id, 'session', session_id, day, artifacts, bytes FROM taken WHERE session_id <> ''
             UNION ALL
             SELECT tenant_id, 'agent', agent_id, day, artifacts, bytes FROM taken WHERE agent_id <> ''
         ), added AS (
             INSERT INTO usage_days AS d (tenant_id, part, key, day, artifacts, bytes)
             SELECT tenant_id, part, key, day, sum(artifacts), sum(bytes) FROM parts
             GROUP BY tenant_id, part, key, day ORDER BY tenant_id, part, key, day
             ON CONFLICT (tenant_id, part, key, day) DO UPDATE SET
                 artifacts = d.artifacts + excluded.artifacts, bytes = d.bytes + excluded.bytes
         )
         SELECT count(*) FROM taken";
    let row = tx.query_one(add_up, &[&tenants, &share]).await;
    Ok(Taken {
        taken: count(&row.map_err(from_pg)?, 0)?,
        done: Vec::new(),
    })
}

/// What a tenant made: of days, newest first, or of sessions or agents, by name.
#[tracing::instrument(target = "postgres", name = "usage_days.of", skip_all)]
pub(crate) async fn of(
    client: &Connection,
    tenant: TenantId,
    query: &UsageQuery,
) -> Result<Vec<Made>> {
    let most = i64::try_from(query.most).unwrap_or(i64::MAX);
    let (from, until, after) = (query.from, query.until, &query.after);
    let rows = match query.part {
        Part::Day => {
            let sql = "SELECT day::text AS key, sum(artifacts)::bigint AS artifacts, sum(bytes)::bigint AS bytes,
                     sum(requests)::bigint AS requests, sum(refused)::bigint AS refused,
                     sum(received_bytes)::bigint AS received_bytes, sum(sent_bytes)::bigint AS sent_bytes
                 FROM (
                     SELECT day, artifacts, bytes, 0 AS requests, 0 AS refused, 0 AS received_bytes, 0 AS sent_bytes
                     FROM usage_days WHERE tenant_id = $1 AND part = 'day' AND key = ''
                     UNION ALL
                     SELECT day, artifacts, bytes, 0, 0, 0, 0 FROM usage_made WHERE tenant_id = $1
                     UNION ALL
                     SELECT day, 0, 0, requests, refused, received_bytes, sent_bytes
                     FROM usage_requests WHERE tenant_id = $1
                 ) every
                 WHERE day BETWEEN $2 AND $3 AND ($4 = '' OR day::text < $4)
                 GROUP BY day ORDER BY day DESC LIMIT $5";
            client
                .query(sql, &[&tenant.0, &from, &until, after, &most])
                .await
        }
        Part::Session | Part::Agent => {
            let (part, column) = match query.part {
                Part::Agent => ("agent", "agent_id"),
                _ => ("session", "session_id"),
            };
            let sql = format!(
                "SELECT key, sum(artifacts)::bigint AS artifacts, sum(bytes)::bigint AS bytes, 0::bigint AS requests,
                     0::bigint AS refused, 0::bigint AS received_bytes, 0::bigint AS sent_bytes
                 FROM (
                     SELECT key, artifacts, bytes FROM usage_days
                     WHERE tenant_id = $1 AND part = '{part}' AND day BETWEEN $2 AND $3
                     UNION ALL
                     SELECT {column}, artifacts, bytes FROM usage_made
                     WHERE tenant_id = $1 AND {column} <> '' AND day BETWEEN $2 AND $3
                 ) every
                 WHERE key COLLATE \"C\" > $4 GROUP BY key ORDER BY key COLLATE \"C\" LIMIT $5"
            );
            client
                .query(&sql, &[&tenant.0, &from, &until, after, &most])
                .await
        }
    };
    let read = |row: &Row| {
        Ok(Made {
            key: at(row, "key")?,
            artifacts: count(row, "artifacts")?,
            bytes: count(row, "bytes")?,
            requests: count(row, "requests")?,
            refused: count(row, "refused")?,
            received_bytes: count(row, "received_bytes")?,
            sent_bytes: count(row, "sent_bytes")?,
        })
    };
    let read: Result<_, Damage> = rows.map_err(from_pg)?.iter().map(read).collect();
    Ok(read?)
}
