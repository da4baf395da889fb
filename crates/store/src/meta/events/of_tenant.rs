//! The events of all sessions of a tenant, in the order of their numbers.
//!
//! An event gets its number before its transaction commits, so a lower number can become visible after a higher one. A
//! reader therefore stops at a number below which every transaction has ended.

use futures_util::join;

use super::{EVENT_COLUMNS, read};
use crate::{
    meta::{
        artifact_row::{COLUMNS, VISIBLE},
        connection::Connection,
        error::from_pg,
        row::at,
    },
    model::{
        error::Result,
        event::{Event, Watched},
        id::TenantId,
    },
};

/// How many events one statement looks at when it looks for those of certain sessions.
const STRETCH: i64 = 1000;

/// How far the events of a tenant go.
pub(crate) struct Extent {
    /// The number of the last event that is visible, or was; 0 when there was none.
    pub(crate) last: i64,
    /// The number of the last event that was forgotten; 0 when there is none.
    pub(crate) forgotten: i64,
    /// Every transaction below this number has ended.
    pub(crate) ended_below: i64,
    /// The id of the next transaction: every one that has given a number up to `last` is below it.
    pub(crate) begun_below: i64,
}

/// Says how far the events of a tenant go.
#[tracing::instrument(target = "postgres", name = "events.extent", skip_all)]
pub(crate) async fn extent(client: &Connection, tenant: TenantId) -> Result<Extent> {
    let read_last = client
        .prepare(
            "SELECT coalesce((SELECT e.number FROM session_events e WHERE e.tenant_id = $1
                              ORDER BY e.number DESC LIMIT 1), 0),
                 coalesce((SELECT f.number FROM forgotten_events f WHERE f.tenant_id = $1), 0)",
        )
        .await
        .map_err(from_pg)?;
    let read_snapshot = client
        .prepare(
            // Not xmax: it is one above the last transaction that ended, and younger ones may be under way. The
            // age of a transaction is its distance from the next one.
            "SELECT pg_snapshot_xmin(s)::text::bigint,
                 pg_snapshot_xmin(s)::text::bigint + age(pg_snapshot_xmin(s)::xid)
             FROM pg_current_snapshot() s",
        )
        .await
        .map_err(from_pg)?;
    // In this order: a transaction that gave a number before the first was under way, or had ended, at the second.
    let (last, snapshot) = join!(
        async { client.query_one(&read_last, &[&tenant.0]).await },
        async { client.query_one(&read_snapshot, &[]).await },
    );
    let (last, snapshot) = (last.map_err(from_pg)?, snapshot.map_err(from_pg)?);
    let forgotten: i64 = at(&last, 1)?;
    Ok(Extent {
        last: at::<i64>(&last, 0)?.max(forgotten),
        forgotten,
        ended_below: at(&snapshot, 0)?,
        begun_below: at(&snapshot, 1)?,
    })
}

/// Whether a transaction below this number is under way that has written events. Others, also of other databases of the
/// same server, may take as long as they like.
#[tracing::instrument(target = "postgres", name = "events.is_being_written", skip_all)]
pub(crate) async fn is_being_written(client: &Connection, begun_below: i64) -> Result<bool> {
    // A transaction holds the lock of the table from before it takes a number until it ends. Its own number has 32 bits here.
    let row = client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_locks x ON x.virtualtransaction = l.virtualtransaction
                 WHERE l.locktype = 'relation' AND l.relation = 'session_events'::regclass
                     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     AND l.mode = 'RowExclusiveLock' AND l.granted
                     AND x.locktype = 'transactionid' AND x.mode = 'ExclusiveLock' AND x.granted
                     AND (($1 - x.transactionid::text::bigint) & 4294967295) BETWEEN 1 AND 2147483647)",
            &[&begun_below],
        )
        .await
        .map_err(from_pg)?;
    Ok(at(&row, 0)?)
}

/// Some events of a tenant.
pub(crate) struct Found {
    /// In order.
    pub(crate) events: Vec<Event>,
    /// Up to which number all were found.
    pub(crate) reached: i64,
    /// The number of the last event that was forgotten, at the same moment; 0 when there is none.
    pub(crate) forgotten: i64,
}

/// Reads events between two numbers, the second included, at most `limit`.
#[tracing::instrument(target = "postgres", name = "events.between", skip_all)]
pub(crate) async fn between(
    client: &Connection,
    tenant: TenantId,
    watched: &Watched,
    [after, until]: [i64; 2],
    limit: i64,
) -> Result<Found> {
    let all = watched.sessions.is_empty() && watched.labels.is_empty();
    let stretch = if all { limit } else { STRETCH };
    // OFFSET 0: one look for each event, and no join that could begin with all sessions or all artifacts.
    let rows = client
        .query(
            &format!(
                "WITH stretch AS MATERIALIZED (
                     SELECT * FROM session_events e WHERE e.tenant_id = $1 AND e.number > $2 AND e.number <= $3
                     ORDER BY e.number LIMIT $4
                 ), wanted AS MATERIALIZED (
                     SELECT e.* FROM stretch e
                     WHERE (cardinality($6::text[]) = 0 OR e.session_id = ANY ($6))
                         AND (cardinality($7::text[]) = 0 OR EXISTS (SELECT FROM sessions s
                             WHERE s.tenant_id = $1 AND s.id = e.session_id AND s.labels @> $7 OFFSET 0))
                     ORDER BY e.number LIMIT $5
                 )
                 SELECT {COLUMNS}, {VISIBLE} AS visible, a.deleted_at, e.number AS position, {EVENT_COLUMNS}, stretch.reached,
                     coalesce((SELECT f.number FROM forgotten_events f WHERE f.tenant_id = $1), 0) AS forgotten
                 FROM (SELECT CASE count(*) WHEN $4 THEN max(number) ELSE $3 END AS reached FROM stretch) stretch
                     LEFT JOIN wanted e ON true
                     LEFT JOIN LATERAL (SELECT * FROM artifacts a
                         WHERE a.tenant_id = $1 AND a.id = e.artifact_id OFFSET 0) a ON true
                 ORDER BY e.number"
            ),
            &[&tenant.0, &after, &until, &stretch, &limit, &watched.sessions, &watched.labels],
        )
        .await
        .map_err(from_pg)?;
    // There is a row for the stretch also when it has no event that is wanted.
    let mut events = Vec::new();
    let (mut reached, mut forgotten) = (until, 0);
    for row in &rows {
        reached = at(row, "reached")?;
        forgotten = at(row, "forgotten")?;
        if at::<Option<i64>>(row, "position")?.is_some() {
            events.push(read(row)?);
        }
    }
    if let Some(last) = events.last()
        && events.len() >= usize::try_from(limit).unwrap_or(usize::MAX)
    {
        reached = last.position;
    }
    Ok(Found {
        events,
        reached,
        forgotten,
    })
}

/// Those of these sessions that are sealed and whose sealing is not among the events after a number.
#[tracing::instrument(target = "postgres", name = "events.sealed_before", skip_all)]
pub(crate) async fn sealed_before(
    client: &Connection,
    tenant: TenantId,
    sessions: &[String],
    number: i64,
) -> Result<Vec<String>> {
    // An index has the events with a position, another one those without.
    let rows = client
        .query(
            "SELECT s.id FROM unnest($2::text[]) w (id)
                 JOIN sessions s ON s.tenant_id = $1 AND s.id = w.id
             WHERE s.sealed_at IS NOT NULL
                 AND NOT EXISTS (SELECT FROM session_events e WHERE e.tenant_id = $1 AND e.session_id = s.id
                     AND e.position IS NULL AND e.number > $3 AND e.type = 'sealed')
                 AND NOT EXISTS (SELECT FROM session_events e WHERE e.tenant_id = $1 AND e.session_id = s.id
                     AND e.position IS NOT NULL AND e.number > $3 AND e.type = 'sealed')",
            &[&tenant.0, &sessions, &number],
        )
        .await
        .map_err(from_pg)?;
    rows.iter().map(|row| Ok(at(row, 0)?)).collect()
}
