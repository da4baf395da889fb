//! Keys of the blob store without an object.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    connection::Connection,
    error::{from_pg, unavailable},
    row::{Damage, at, count, each},
    time::millis,
};
use crate::model::{
    collector::Backlog,
    error::Result,
    id::{ObjectId, TenantId},
};

/// Whose a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// An object that has bytes, or may have them.
    Object,
    /// A tenant of this deployment, or one that it has erased, and no object; or one whose bytes are gone.
    Nobody,
    /// An unknown tenant, so nothing is known about its objects.
    Stranger,
}

/// The owners of these keys, in order. Only a primary may decide that a key has no object, because a standby may not
/// know it yet.
#[tracing::instrument(target = "postgres", name = "orphans.owners", skip_all)]
pub(crate) async fn owners(
    client: &Connection,
    keys: &[(TenantId, ObjectId)],
) -> Result<Vec<Owner>> {
    let (tenants, objects) = uuids(keys.iter().copied());
    let rows = client
        .query(
            &format!(
                "SELECT {}, o.state IS NOT NULL AND o.state <> 'gone', pg_is_in_recovery()
                 FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY q (tenant_id, id, place)
                 LEFT JOIN LATERAL (SELECT state FROM objects
                     WHERE tenant_id = q.tenant_id AND id = q.id LIMIT 1) o ON true
                 ORDER BY q.place",
                is_known("q.tenant_id")
            ),
            &[&tenants, &objects],
        )
        .await
        .map_err(from_pg)?;
    rows.iter()
        .map(|row| match (at(row, 0)?, at(row, 1)?, at(row, 2)?) {
            (_, _, true) => Err(unavailable("the server is a read-only standby")),
            (_, true, _) => Ok(Owner::Object),
            (true, false, _) => Ok(Owner::Nobody),
            (false, false, _) => Ok(Owner::Stranger),
        })
        .collect()
}

/// Whether a tenant is one of this deployment, or one that it has erased. What is written for an erased one after its end
/// has no other way to go.
fn is_known(tenant: &str) -> String {
    format!(
        "(EXISTS (SELECT FROM tenants t WHERE t.id = {tenant})
         OR EXISTS (SELECT FROM erasures e WHERE e.tenant_id = {tenant}))"
    )
}

fn uuids(keys: impl Iterator<Item = (TenantId, ObjectId)>) -> (Vec<Uuid>, Vec<Uuid>) {
    keys.map(|(tenant, object)| (tenant.0, object.0)).unzip()
}

/// A shard to scan, and the position of its scan.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) number: u8,
    pub(crate) started_at: Timestamp,
    pub(crate) last_key: String,
}

/// The database's time, by which the scans of a run are measured.
#[tracing::instrument(target = "postgres", name = "orphans.now", skip_all)]
pub(crate) async fn now(client: &Connection) -> Result<Timestamp> {
    let row = client.query_one("SELECT now()", &[]).await;
    Ok(at(&row.map_err(from_pg)?, 0)?)
}

/// Claims a free shard: one whose scan was interrupted, else the one that was scanned the longest time ago, if that was
/// long enough before `begun`.
#[tracing::instrument(target = "postgres", name = "orphans.claim_shard", skip_all)]
pub(crate) async fn claim_shard(
    client: &Connection,
    begun: Timestamp,
    round: Duration,
    lease: Duration,
) -> Result<Option<Shard>> {
    let row = client
        .query_opt(
            "UPDATE orphan_shards s SET lease_until = now() + $3 * interval '1 ms', scanned_at = NULL,
                 started_at = CASE WHEN due.cut_off THEN s.started_at ELSE now() END,
                 last_key = CASE WHEN due.cut_off THEN s.last_key ELSE '' END,
                 listed = CASE WHEN due.cut_off THEN s.listed ELSE 0 END
             FROM (SELECT shard, started_at IS NOT NULL AND scanned_at IS NULL AS cut_off FROM orphan_shards
                   WHERE (lease_until IS NULL OR lease_until <= now())
                       AND (scanned_at IS NULL OR scanned_at < $1::timestamptz - $2 * interval '1 ms')
                   ORDER BY cut_off DESC, scanned_at NULLS FIRST, shard
                   LIMIT 1 FOR UPDATE SKIP LOCKED) due
             WHERE s.shard = due.shard RETURNING s.shard, s.started_at, s.last_key",
            &[&begun, &millis(round), &millis(lease)],
        )
        .await
        .map_err(from_pg)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Shard {
        number: at::<i16>(&row, 0)?.to_le_bytes()[0],
        started_at: at(&row, 1)?,
        last_key: at(&row, 2)?,
    }))
}

/// A suspected orphan.
#[derive(Debug, Clone)]
pub(crate) struct Suspect {
    pub(crate) key: String,
    pub(crate) tenant: TenantId,
    pub(crate) object: ObjectId,
    pub(crate) size: u64,
    pub(crate) version: String,
}

/// Records the suspects of a page of a listing, and the scan's new position. A suspect from an earlier scan counts as
/// seen again; one that was rewritten since starts over.
#[tracing::instrument(target = "postgres", name = "orphans.advance", skip_all)]
pub(crate) async fn advance(
    client: &Connection,
    shard: &Shard,
    suspects: &[Suspect],
    listed: usize,
    lease: Duration,
) -> Result<()> {
    let tx = client.transaction().await.map_err(from_pg)?;
    let keys: Vec<&str> = suspects.iter().map(|s| s.key.as_str()).collect();
    let versions: Vec<&str> = suspects.iter().map(|s| s.version.as_str()).collect();
    let sizes: Vec<i64> = suspects.iter().map(|s| s.size.cast_signed()).collect();
    let (tenants, objects) = uuids(suspects.iter().map(|s| (s.tenant, s.object)));
    tx.execute(
        "INSERT INTO orphan_suspects AS s (key, shard, tenant_id, object_id, size_bytes, version)
         SELECT q.key, $1, q.tenant_id, q.object_id, q.size_bytes, q.version
         FROM unnest($2::text[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[])
             q (key, tenant_id, object_id, size_bytes, version)
         ORDER BY q.key
         ON CONFLICT (key) DO UPDATE SET last_seen = now(), size_bytes = excluded.size_bytes,
             version = excluded.version,
             first_seen = CASE WHEN s.version = excluded.version THEN s.first_seen ELSE now() END,
             sightings = CASE WHEN s.version <> excluded.version THEN 1
                 WHEN s.last_seen < $7 THEN s.sightings + 1 ELSE s.sightings END",
        &[
            &i16::from(shard.number),
            &keys,
            &tenants,
            &objects,
            &sizes,
            &versions,
            &shard.started_at,
        ],
    )
    .await
    .map_err(from_pg)?;
    tx.execute(
        "UPDATE orphan_shards SET last_key = $2, listed = listed + $3,
             lease_until = now() + $4 * interval '1 ms'
         WHERE shard = $1",
        &[
            &i16::from(shard.number),
            &shard.last_key,
            &(listed as i64),
            &millis(lease),
        ],
    )
    .await
    .map_err(from_pg)?;
    tx.commit().await.map_err(from_pg)
}

/// Ends the scan of a shard: what it did not see is no longer suspected.
#[tracing::instrument(target = "postgres", name = "orphans.finish", skip_all)]
pub(crate) async fn finish(client: &Connection, shard: &Shard) -> Result<()> {
    let tx = client.transaction().await.map_err(from_pg)?;
    let number = i16::from(shard.number);
    tx.execute(
        "DELETE FROM orphan_suspects WHERE shard = $1 AND last_seen < $2 AND NOT deleting",
        &[&number, &shard.started_at],
    )
    .await
    .map_err(from_pg)?;
    tx.execute(
        "UPDATE orphan_shards SET scanned_at = clock_timestamp(), listed_last = listed, last_key = '',
             lease_until = NULL
         WHERE shard = $1",
        &[&number],
    )
    .await
    .map_err(from_pg)?;
    tx.commit().await.map_err(from_pg)
}

/// Releases a shard before its scan has ended, for the next worker to continue.
#[tracing::instrument(target = "postgres", name = "orphans.give_back", skip_all)]
pub(crate) async fn give_back(client: &Connection, shard: &Shard) -> Result<()> {
    let sql = "UPDATE orphan_shards SET lease_until = NULL WHERE shard = $1";
    let given = client.execute(sql, &[&i16::from(shard.number)]).await;
    given.map(drop).map_err(from_pg)
}

/// How many keys are suspected, and how many there are in all, as far as the scans know.
#[tracing::instrument(target = "postgres", name = "orphans.suspected", skip_all)]
pub(crate) async fn suspected(client: &Connection) -> Result<(u64, u64)> {
    let row = client
        .query_one(
            "SELECT (SELECT count(*) FROM orphan_suspects WHERE NOT deleting),
                 (SELECT sum(greatest(listed, listed_last))::bigint FROM orphan_shards)",
            &[],
        )
        .await
        .map_err(from_pg)?;
    Ok((count(&row, 0)?, count(&row, 1)?))
}

/// Removes suspects whose keys have an object after all, as after a restore that was undone.
#[tracing::instrument(target = "postgres", name = "orphans.acquit", skip_all)]
pub(crate) async fn acquit(client: &Connection) -> Result<()> {
    client
        .execute(
            "DELETE FROM orphan_suspects s USING objects o
             WHERE o.tenant_id = s.tenant_id AND o.id = s.object_id AND o.state <> 'gone'",
            &[],
        )
        .await
        .map(drop)
        .map_err(from_pg)
}

/// The condition under which a suspect `s` is due, with the time to wait as $1.
const DUE: &str = "s.first_seen <= now() - $1 * interval '1 ms'";

/// Orders the deletion of suspects of a shard whose scan has ended: seen by two scans, long enough apart, and still
/// without an object in this statement. Earlier orders that were not recorded as done are ordered again.
#[tracing::instrument(target = "postgres", name = "orphans.order", skip_all)]
pub(crate) async fn order(
    client: &Connection,
    shard: &Shard,
    confirm: Duration,
    limit: i64,
) -> Result<Vec<Suspect>> {
    let rows = client
        .query(
            &format!(
                "UPDATE orphan_suspects s SET deleting = true
                 FROM (SELECT key FROM orphan_suspects s
                       WHERE s.shard = $2 AND (s.deleting OR s.sightings >= 2 AND s.last_seen >= $3 AND {DUE})
                           AND {}
                           AND NOT EXISTS (SELECT FROM objects o WHERE o.tenant_id = s.tenant_id
                               AND o.id = s.object_id AND o.state <> 'gone')
                       ORDER BY key LIMIT $4 FOR UPDATE SKIP LOCKED) due
                 WHERE s.key = due.key
                 RETURNING s.key, s.tenant_id, s.object_id, s.size_bytes, s.version",
                is_known("s.tenant_id")
            ),
            &[
                &millis(confirm),
                &i16::from(shard.number),
                &shard.started_at,
                &limit,
            ],
        )
        .await
        .map_err(from_pg)?;
    let suspects: Result<_, Damage> = rows.iter().map(suspect).collect();
    Ok(suspects?)
}

fn suspect(row: &Row) -> Result<Suspect, Damage> {
    Ok(Suspect {
        key: at(row, 0)?,
        tenant: TenantId(at(row, 1)?),
        object: ObjectId(at(row, 2)?),
        size: count(row, 3)?,
        version: at(row, 4)?,
    })
}

/// Which of these keys, just seen, are due and not new suspects, by index.
#[tracing::instrument(target = "postgres", name = "orphans.due", skip_all)]
pub(crate) async fn due(
    client: &Connection,
    suspects: &[Suspect],
    confirm: Duration,
) -> Result<Vec<usize>> {
    let keys: Vec<&str> = suspects.iter().map(|s| s.key.as_str()).collect();
    let versions: Vec<&str> = suspects.iter().map(|s| s.version.as_str()).collect();
    let rows = client
        .query(
            &format!(
                "SELECT q.place FROM unnest($2::text[], $3::text[]) WITH ORDINALITY q (key, version, place)
                 JOIN orphan_suspects s ON s.key = q.key AND s.version = q.version WHERE {DUE}"
            ),
            &[&millis(confirm), &keys, &versions],
        )
        .await
        .map_err(from_pg)?;
    let places: Vec<i64> = each(&rows, 0)?;
    let place = |place: i64| usize::try_from(place - 1).unwrap_or_default();
    Ok(places.into_iter().map(place).collect())
}

/// Records that these are deleted: they are removed from the suspects and entered into the ledger.
#[tracing::instrument(target = "postgres", name = "orphans.deleted", skip_all)]
pub(crate) async fn deleted(client: &Connection, worker: &str, keys: &[&str]) -> Result<Vec<u64>> {
    let rows = client
        .query(
            "WITH gone AS (
                 DELETE FROM orphan_suspects WHERE key = ANY ($2)
                 RETURNING tenant_id, object_id, key, size_bytes
             )
             INSERT INTO gc_ledger (worker, reason, tenant_id, object_id, key, size_bytes)
             SELECT $1, 'orphan', tenant_id, object_id, key, size_bytes FROM gone RETURNING size_bytes",
            &[&worker, &keys],
        )
        .await
        .map_err(from_pg)?;
    let bytes: Result<_, Damage> = rows.iter().map(|row| count(row, 0)).collect();
    Ok(bytes?)
}

/// The collector's backlog. It counts at most a million rows of each kind, so that it stays cheap when there is most to
/// do.
#[tracing::instrument(target = "postgres", name = "orphans.backlog", skip_all)]
pub(crate) async fn backlog(client: &Connection) -> Result<Backlog> {
    let row = client
        .query_one(
            "WITH condemned AS MATERIALIZED (
                 SELECT count(*) AS objects, count(last_error) AS failing,
                     coalesce(sum(size_bytes), 0)::bigint AS bytes
                 FROM (SELECT last_error, size_bytes FROM objects WHERE state = 'condemned' LIMIT 1000000) first_ones
             )
             SELECT (SELECT count(*) FROM (SELECT FROM gc_queue LIMIT 1000000) first_ones),
                 (SELECT objects FROM condemned), (SELECT failing FROM condemned),
                 (SELECT count(*) FROM (SELECT FROM orphan_suspects LIMIT 1000000) first_ones),
                 (SELECT coalesce(extract(epoch FROM now() - min(review_after)), 0)::float8 FROM gc_queue),
                 (SELECT bytes FROM condemned)",
            &[],
        )
        .await
        .map_err(from_pg)?;
    Ok(Backlog {
        queued: count(&row, 0)?,
        condemned: count(&row, 1)?,
        failing: count(&row, 2)?,
        suspects: count(&row, 3)?,
        oldest: Duration::from_secs_f64(at::<f64>(&row, 4)?.max(0.0)),
        condemned_bytes: count(&row, 5)?,
    })
}
