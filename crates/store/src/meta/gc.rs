//! The collector's statements. Claims skip what another worker has locked, so that any number of workers is safe and none
//! waits for another.

use std::time::Duration;

use deadpool_postgres::{Object, Transaction};
use uuid::Uuid;

use super::{error::from_pg, millis};
use crate::{
    error::Result,
    id::{ObjectId, TenantId},
};

/// Ends the visibility of artifacts whose time has come; the delete window applies to them as to any.
pub(crate) async fn expire(tx: &Transaction<'_>, window: Duration, batch: i64) -> Result<u64> {
    tx.execute(
        "UPDATE artifacts a
         SET state = 'deleted', deleted_at = clock_timestamp(), purge_after = now() + $1 * interval '1 ms'
         FROM (SELECT tenant_id, id FROM artifacts
               WHERE state = 'live' AND expires_at <= now() AND NOT held AND NOT session_held
               ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE a.tenant_id = due.tenant_id AND a.id = due.id",
        &[&millis(window), &batch],
    )
    .await
    .map_err(from_pg)
}

/// Ends the hold of deleted artifacts on their objects; a trigger queues the objects for review.
pub(crate) async fn purge(tx: &Transaction<'_>, batch: i64) -> Result<u64> {
    tx.execute(
        "WITH purged AS (
             UPDATE artifacts a SET state = 'purged', object_live = NULL
             FROM (SELECT tenant_id, id FROM artifacts
                   WHERE state = 'deleted' AND purge_after <= now() AND NOT held AND NOT session_held
                   ORDER BY purge_after LIMIT $1 FOR UPDATE SKIP LOCKED) due
             WHERE a.tenant_id = due.tenant_id AND a.id = due.id
             RETURNING a.tenant_id, a.id
         ), forgotten AS (
             DELETE FROM artifact_metadata m USING purged
             WHERE m.tenant_id = purged.tenant_id AND m.artifact_id = purged.id
         )
         SELECT FROM purged",
        &[&batch],
    )
    .await
    .map_err(from_pg)
}

/// Gives up uploads whose lease has run out.
pub(crate) async fn condemn_stale(
    tx: &Transaction<'_>,
    grace: Duration,
    batch: i64,
) -> Result<u64> {
    tx.execute(
        "UPDATE objects o SET state = 'condemned', not_before = now() + $1 * interval '1 ms',
             next_attempt_at = now() + $1 * interval '1 ms'
         FROM (SELECT tenant_id, id FROM objects
               WHERE state = 'staging' AND lease_until <= now()
               ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED) stale
         WHERE o.tenant_id = stale.tenant_id AND o.id = stale.id",
        &[&millis(grace), &batch],
    )
    .await
    .map_err(from_pg)
}

/// What reviewing queued objects did.
pub(crate) struct Reviewed {
    pub(crate) reviewed: u64,
    pub(crate) condemned: u64,
}

/// Condemns the queued objects that no artifact pins any more.
///
/// Three statements, because one would not do: an UPDATE with NOT EXISTS that waits for an uploader's lock still decides
/// by the snapshot it took before it waited, and condemns an object that the uploader has just referenced.
pub(crate) async fn condemn(tx: &Transaction<'_>, grace: Duration, batch: i64) -> Result<Reviewed> {
    let queued = tx
        .query(
            "SELECT tenant_id, object_id FROM gc_queue WHERE review_after <= now()
             ORDER BY review_after LIMIT $1 FOR UPDATE SKIP LOCKED",
            &[&batch],
        )
        .await
        .map_err(from_pg)?;
    let tenants: Vec<Uuid> = queued.iter().map(|row| row.get(0)).collect();
    let objects: Vec<Uuid> = queued.iter().map(|row| row.get(1)).collect();
    tx.execute(
        "SELECT FROM objects o JOIN unnest($1::uuid[], $2::uuid[]) q (tenant_id, id)
             ON o.tenant_id = q.tenant_id AND o.id = q.id
         WHERE o.state = 'live' ORDER BY o.tenant_id, o.id FOR UPDATE OF o",
        &[&tenants, &objects],
    )
    .await
    .map_err(from_pg)?;
    let condemned = tx
        .execute(
            "UPDATE objects o SET state = 'condemned', not_before = now() + $3 * interval '1 ms',
                 next_attempt_at = now() + $3 * interval '1 ms'
             FROM unnest($1::uuid[], $2::uuid[]) q (tenant_id, id)
             WHERE o.tenant_id = q.tenant_id AND o.id = q.id AND o.state = 'live'
                 AND NOT EXISTS (SELECT FROM artifacts a
                     WHERE a.tenant_id = o.tenant_id AND a.object_id = o.id AND a.object_live)
                 AND NOT EXISTS (SELECT FROM pending_artifacts p
                     WHERE p.tenant_id = o.tenant_id AND p.object_id = o.id)",
            &[&tenants, &objects, &millis(grace)],
        )
        .await
        .map_err(from_pg)?;
    tx.execute(
        "DELETE FROM gc_queue g USING unnest($1::uuid[], $2::uuid[]) q (tenant_id, id)
         WHERE g.tenant_id = q.tenant_id AND g.object_id = q.id",
        &[&tenants, &objects],
    )
    .await
    .map_err(from_pg)?;
    Ok(Reviewed {
        reviewed: queued.len() as u64,
        condemned,
    })
}

/// Forgets keys that no longer stand for their writes.
pub(crate) async fn forget_keys(tx: &Transaction<'_>, batch: i64) -> Result<u64> {
    tx.execute(
        "DELETE FROM idempotency_keys k
         USING (SELECT tenant_id, key FROM idempotency_keys WHERE expires_at <= now()
                ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED) due
         WHERE k.tenant_id = due.tenant_id AND k.key = due.key",
        &[&batch],
    )
    .await
    .map_err(from_pg)
}

/// A condemned object whose bytes are to be deleted now.
pub(crate) struct Due {
    pub(crate) tenant: TenantId,
    pub(crate) object: ObjectId,
    pub(crate) bytes: u64,
    /// The bytes are in the row.
    pub(crate) inline: bool,
    /// The upload was not completed, so parts of it may be lying about.
    pub(crate) unfinished: bool,
    pub(crate) multipart_id: Option<String>,
}

/// Claims condemned objects whose grace is over. A claim that is not followed up is due again after a pause that doubles.
pub(crate) async fn claim_condemned(tx: &Transaction<'_>, batch: i64) -> Result<Vec<Due>> {
    let rows = tx
        .query(
            "UPDATE objects o SET attempts = attempts + 1,
                 next_attempt_at = now() + interval '30 s' * 2 ^ least(attempts, 7)
             FROM (SELECT tenant_id, id FROM objects
                   WHERE state = 'condemned' AND next_attempt_at <= now() AND not_before <= now()
                   ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED) due
             WHERE o.tenant_id = due.tenant_id AND o.id = due.id
             RETURNING o.tenant_id, o.id, coalesce(o.size_bytes, 0), o.inline_data IS NOT NULL,
                 o.sha256 IS NULL, o.multipart_id",
            &[&batch],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows
        .iter()
        .map(|row| Due {
            tenant: TenantId(row.get(0)),
            object: ObjectId(row.get(1)),
            bytes: row.get::<_, i64>(2).unsigned_abs(),
            inline: row.get(3),
            unfinished: row.get(4),
            multipart_id: row.get(5),
        })
        .collect())
}

/// Records that these objects' bytes are deleted. The rows stay: an id is never given twice.
pub(crate) async fn mark_gone(client: &Object, objects: impl Iterator<Item = &Due>) -> Result<u64> {
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) =
        objects.map(|due| (due.tenant.0, due.object.0)).unzip();
    client
        .execute(
            "UPDATE objects o
             SET state = 'gone', gone_at = now(), inline_data = NULL, multipart_id = NULL, last_error = NULL
             FROM unnest($1::uuid[], $2::uuid[]) q (tenant_id, id)
             WHERE o.tenant_id = q.tenant_id AND o.id = q.id AND o.state = 'condemned'",
            &[&tenants, &ids],
        )
        .await
        .map_err(from_pg)
}

/// Records why an object's bytes could not be deleted this time.
pub(crate) async fn note_failure(client: &Object, due: &Due, error: &str) -> Result<()> {
    client
        .execute(
            "UPDATE objects SET last_error = left($3, 500)
             WHERE tenant_id = $1 AND id = $2 AND state = 'condemned'",
            &[&due.tenant.0, &due.object.0, &error],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}
