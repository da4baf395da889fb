//! The collector's statements. Claims skip rows that another worker has locked, so that any number of workers is safe
//! and none waits for another.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    batch::{Batch, Taken},
    connection::{Connection, Transaction},
    due::DueRows,
    error::from_pg,
    row::{self, at, each, maybe_count},
    time::millis,
};
use crate::model::{
    error::Result,
    id::{ObjectId, TenantId},
};

/// Expired artifacts.
pub(crate) const EXPIRING: DueRows = DueRows {
    sql: "SELECT tenant_id, id, 'it expired at ' || expires_at AS why FROM artifacts
         WHERE state = 'live' AND expires_at <= now() AND NOT held AND NOT session_held
         ORDER BY expires_at LIMIT $1 OFFSET $2",
    wait: None,
};

/// Marks expired artifacts as deleted; the delete window applies to them as to any.
#[tracing::instrument(target = "postgres", name = "gc.expire", skip_all)]
pub(crate) async fn expire(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            &format!(
                "UPDATE artifacts a SET state = 'deleted', deleted_at = clock_timestamp(),
                     purge_after = now() + $3 * interval '1 ms'
                 FROM {} due WHERE a.tenant_id = due.tenant_id AND a.id = due.id
                 RETURNING a.tenant_id, a.id, due.why",
                EXPIRING.locked()
            ),
            &[
                &batch.limit,
                &batch.skip,
                &millis(batch.times.delete_window),
            ],
        )
        .await
        .map_err(from_pg)?;
    Taken::all(&rows)
}

/// Deleted artifacts past their delete window.
pub(crate) const PURGING: DueRows = DueRows {
    sql: "SELECT tenant_id, id,
             'it was deleted at ' || deleted_at || ', with a window until ' || purge_after AS why
         FROM artifacts WHERE state = 'deleted' AND purge_after <= now() AND NOT held AND NOT session_held
         ORDER BY purge_after LIMIT $1 OFFSET $2",
    wait: None,
};

/// Unpins the objects of deleted artifacts; a trigger queues the objects for review.
#[tracing::instrument(target = "postgres", name = "gc.purge", skip_all)]
pub(crate) async fn purge(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            &format!(
                "WITH purged AS (
                     UPDATE artifacts a
                     SET state = 'purged', object_live = NULL, forget_after = now() + $3 * interval '1 ms'
                     FROM {} due WHERE a.tenant_id = due.tenant_id AND a.id = due.id
                     RETURNING a.tenant_id, a.id, due.why
                 ), forgotten AS (
                     DELETE FROM artifact_metadata m USING purged
                     WHERE m.tenant_id = purged.tenant_id AND m.artifact_id = purged.id
                 ), unlabelled AS (
                     DELETE FROM artifact_labels l USING purged
                     WHERE l.tenant_id = purged.tenant_id AND l.artifact_id = purged.id
                 ), without_todos AS (
                     DELETE FROM todos t USING purged
                     WHERE t.tenant_id = purged.tenant_id AND t.plan_id = purged.id
                 )
                 SELECT tenant_id, id, why FROM purged",
                PURGING.locked()
            ),
            &[&batch.limit, &batch.skip, &millis(batch.record_retention)],
        )
        .await
        .map_err(from_pg)?;
    Taken::all(&rows)
}

/// Uploads past their lease.
pub(crate) const STALE: DueRows = DueRows {
    sql: "SELECT tenant_id, id, 'its lease ran out at ' || lease_until AS why FROM objects
         WHERE state = 'staging' AND lease_until <= now() ORDER BY lease_until LIMIT $1 OFFSET $2",
    wait: None,
};

/// Condemns the objects of uploads past their lease.
#[tracing::instrument(target = "postgres", name = "gc.condemn_stale", skip_all)]
pub(crate) async fn condemn_stale(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            &format!(
                "UPDATE objects o SET state = 'condemned', not_before = now() + $3 * interval '1 ms',
                     next_attempt_at = now() + $3 * interval '1 ms'
                 FROM {} stale WHERE o.tenant_id = stale.tenant_id AND o.id = stale.id
                 RETURNING o.tenant_id, o.id::text, stale.why",
                STALE.locked()
            ),
            &[&batch.limit, &batch.skip, &millis(batch.times.grace)],
        )
        .await
        .map_err(from_pg)?;
    Taken::all(&rows)
}

/// Queued objects, with a reason for those that no artifact pins now.
pub(crate) const UNPINNED: DueRows = DueRows {
    sql: "SELECT q.tenant_id, q.object_id AS id,
             CASE WHEN o.state = 'live'
                 AND NOT EXISTS (SELECT FROM artifacts a
                     WHERE a.tenant_id = o.tenant_id AND a.object_id = o.id AND a.object_live)
                 AND NOT EXISTS (SELECT FROM pending_artifacts p
                     WHERE p.tenant_id = o.tenant_id AND p.object_id = o.id)
             THEN 'no artifact needs it any more' END AS why
         FROM gc_queue q LEFT JOIN objects o ON o.tenant_id = q.tenant_id AND o.id = q.object_id
         WHERE q.review_after <= now() ORDER BY q.review_after LIMIT $1 OFFSET $2",
    wait: None,
};

/// Condemns the queued objects that no artifact pins any more.
///
/// Three statements, because an UPDATE with NOT EXISTS that waits for an uploader's lock still decides by its snapshot
/// from before the wait, and condemns an object that the uploader has just referenced.
#[tracing::instrument(target = "postgres", name = "gc.condemn", skip_all)]
pub(crate) async fn condemn(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let queued = tx
        .query(
            "SELECT tenant_id, object_id FROM gc_queue WHERE review_after <= now()
             ORDER BY review_after LIMIT $1 OFFSET $2 FOR UPDATE SKIP LOCKED",
            &[&batch.limit, &batch.skip],
        )
        .await
        .map_err(from_pg)?;
    let tenants: Vec<Uuid> = each(&queued, 0)?;
    let objects: Vec<Uuid> = each(&queued, 1)?;
    tx.execute(
        "SELECT FROM objects o JOIN unnest($1::uuid[], $2::uuid[]) q (tenant_id, id)
             ON o.tenant_id = q.tenant_id AND o.id = q.id
         WHERE o.state = 'live' ORDER BY o.tenant_id, o.id FOR UPDATE OF o",
        &[&tenants, &objects],
    )
    .await
    .map_err(from_pg)?;
    let condemned = tx
        .query(
            "UPDATE objects o SET state = 'condemned', not_before = now() + $3 * interval '1 ms',
                 next_attempt_at = now() + $3 * interval '1 ms'
             FROM unnest($1::uuid[], $2::uuid[]) q (tenant_id, id)
             WHERE o.tenant_id = q.tenant_id AND o.id = q.id AND o.state = 'live'
                 AND NOT EXISTS (SELECT FROM artifacts a
                     WHERE a.tenant_id = o.tenant_id AND a.object_id = o.id AND a.object_live)
                 AND NOT EXISTS (SELECT FROM pending_artifacts p
                     WHERE p.tenant_id = o.tenant_id AND p.object_id = o.id)
             RETURNING o.tenant_id, o.id::text, 'no artifact needs it any more'",
            &[&tenants, &objects, &millis(batch.times.grace)],
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
    Taken::of(queued.len(), &condemned)
}

/// Keys past their window.
pub(crate) const EXPIRED_KEYS: DueRows = DueRows {
    sql: "SELECT tenant_id, key AS id, 'its window was over at ' || expires_at AS why FROM idempotency_keys
         WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 OFFSET $2",
    wait: None,
};

/// Deletes keys past their window.
#[tracing::instrument(target = "postgres", name = "gc.forget_keys", skip_all)]
pub(crate) async fn forget_keys(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            &format!(
                "DELETE FROM idempotency_keys k USING {} due
                 WHERE k.tenant_id = due.tenant_id AND k.key = due.id RETURNING k.tenant_id, k.key, due.why",
                EXPIRED_KEYS.locked()
            ),
            &[&batch.limit, &batch.skip],
        )
        .await
        .map_err(from_pg)?;
    Taken::all(&rows)
}

/// A condemned object whose bytes are to be deleted now.
pub(crate) struct Due {
    pub(crate) tenant: TenantId,
    pub(crate) object: ObjectId,
    /// Unknown for an upload that was not committed.
    pub(crate) bytes: Option<u64>,
    pub(crate) not_before: Timestamp,
    /// The bytes are in the row.
    pub(crate) inline: bool,
    /// The upload was not committed, so parts of it may exist.
    pub(crate) unfinished: bool,
    pub(crate) multipart_id: Option<String>,
}

impl Due {
    /// Why its bytes are deleted.
    pub(crate) fn reason(&self) -> &'static str {
        if self.unfinished {
            "its upload was not committed"
        } else {
            "no artifact needs it any more"
        }
    }
}

const RECLAIMABLE: &str = "FROM objects
     WHERE state = 'condemned' AND next_attempt_at <= now() AND not_before <= now() ORDER BY next_attempt_at";

/// What `due` reads of an object `o`.
const DUE: &str =
    "o.tenant_id, o.id, o.size_bytes, o.not_before, o.inline_data IS NOT NULL, o.sha256 IS NULL,
     o.multipart_id";

/// The condemned objects past their grace, at most `limit` after so many, without claiming them.
#[tracing::instrument(target = "postgres", name = "gc.due_condemned", skip_all)]
pub(crate) async fn due_condemned(
    client: &Connection,
    limit: i64,
    skip: i64,
) -> Result<Vec<Result<Due>>> {
    let rows = client
        .query(
            &format!("SELECT {DUE} FROM (SELECT * {RECLAIMABLE} LIMIT $1 OFFSET $2) o"),
            &[&limit, &skip],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows.iter().map(due).collect())
}

/// Claims condemned objects past their grace. A claim without a deletion is due again after a pause that doubles.
#[tracing::instrument(target = "postgres", name = "gc.claim_condemned", skip_all)]
///
/// A damaged row is claimed like the others, and delays none of them.
pub(crate) async fn claim_condemned(tx: &Transaction<'_>, batch: i64) -> Result<Vec<Result<Due>>> {
    let rows = tx
        .query(
            &format!(
                "UPDATE objects o SET attempts = attempts + 1,
                     next_attempt_at = now() + interval '30 s' * 2 ^ least(attempts, 7)
                 FROM (SELECT tenant_id, id {RECLAIMABLE} LIMIT $1 FOR UPDATE SKIP LOCKED) due
                 WHERE o.tenant_id = due.tenant_id AND o.id = due.id RETURNING {DUE}"
            ),
            &[&batch],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows.iter().map(due).collect())
}

fn due(row: &Row) -> Result<Due> {
    let object: Uuid = at(row, 1)?;
    let due = || {
        Ok(Due {
            tenant: TenantId(at(row, 0)?),
            object: ObjectId(object),
            bytes: maybe_count(row, 2)?,
            not_before: at(row, 3)?,
            inline: at(row, 4)?,
            unfinished: at(row, 5)?,
            multipart_id: at(row, 6)?,
        })
    };
    row::of("object", &object.to_string(), due())
}

/// Records why these objects' bytes could not be deleted this time.
#[tracing::instrument(target = "postgres", name = "gc.note_failure", skip_all)]
pub(crate) async fn note_failure(client: &Connection, due: &[Due], error: &str) -> Result<()> {
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) =
        due.iter().map(|due| (due.tenant.0, due.object.0)).unzip();
    client
        .execute(
            "UPDATE objects o SET last_error = left($3, 500)
             FROM unnest($1::uuid[], $2::uuid[]) q (tenant_id, id)
             WHERE o.tenant_id = q.tenant_id AND o.id = q.id AND o.state = 'condemned'",
            &[&tenants, &ids, &error],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}
