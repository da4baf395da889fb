//! The ledger: every physical deletion, with its worker and reason.

use uuid::Uuid;

use super::{
    batch::{Batch, Taken},
    collector::Due,
    connection::{Connection, Transaction},
    due::DueRows,
    error::from_pg,
    row::{self, Damage, at, count, legible, maybe_count},
    time::millis,
};
use crate::model::{collector::Deletion, error::Result};

/// Records that these objects' bytes are deleted, in their rows and in the ledger at once, and returns how many bytes
/// each had. The rows stay for now: an id is never reused. What another worker has already recorded is left out.
#[tracing::instrument(target = "postgres", name = "ledger.mark_gone", skip_all)]
pub(crate) async fn mark_gone(
    client: &Connection,
    worker: &str,
    gone: &[Due],
    keys: &[Option<String>],
) -> Result<Vec<u64>> {
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) =
        gone.iter().map(|due| (due.tenant.0, due.object.0)).unzip();
    let rows = client
        .query(
            "WITH gone AS (
                 UPDATE objects o
                 SET state = 'gone', gone_at = now(), inline_data = NULL, multipart_id = NULL, last_error = NULL
                 FROM unnest($1::uuid[], $2::uuid[], $3::text[]) q (tenant_id, id, key)
                 WHERE o.tenant_id = q.tenant_id AND o.id = q.id AND o.state = 'condemned'
                 RETURNING o.tenant_id, o.id, o.sha256, o.size_bytes, q.key
             )
             INSERT INTO gc_ledger (worker, reason, tenant_id, object_id, key, size_bytes)
             SELECT $4, CASE WHEN sha256 IS NULL THEN 'uncommitted' ELSE 'unreferenced' END,
                 tenant_id, id, key, size_bytes FROM gone
             RETURNING coalesce(size_bytes, 0)",
            &[&tenants, &ids, &keys, &worker],
        )
        .await
        .map_err(from_pg)?;
    let bytes: Result<_, Damage> = rows.iter().map(|row| count(row, 0)).collect();
    Ok(bytes?)
}

/// Entries past their retention.
pub(crate) const OLD: DueRows = DueRows {
    sql: "SELECT tenant_id, number AS id, 'it is of ' || deleted_at AS why FROM gc_ledger
         WHERE deleted_at <= now() - $3 * interval '1 ms' ORDER BY deleted_at LIMIT $1 OFFSET $2",
    wait: Some(|batch| batch.ledger_retention),
};

/// Deletes entries past their retention.
#[tracing::instrument(target = "postgres", name = "ledger.forget", skip_all)]
pub(crate) async fn forget(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            &format!(
                "DELETE FROM gc_ledger l USING {} due WHERE l.number = due.id
                 RETURNING l.tenant_id, l.number::text, due.why",
                OLD.locked()
            ),
            &[&batch.limit, &batch.skip, &millis(batch.ledger_retention)],
        )
        .await
        .map_err(from_pg)?;
    Taken::all(&rows)
}

/// The latest deletions, newest first; of one object when it is given.
#[tracing::instrument(target = "postgres", name = "ledger.latest", skip_all)]
pub(crate) async fn latest(
    client: &Connection,
    object: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Deletion>> {
    let select = "SELECT l.deleted_at, l.worker, l.reason, t.name, l.object_id, l.key, l.size_bytes
        FROM gc_ledger l JOIN tenants t ON t.id = l.tenant_id";
    let last = "ORDER BY l.number DESC LIMIT";
    let rows = match object {
        None => {
            client
                .query(&format!("{select} {last} $1"), &[&limit])
                .await
        }
        Some(object) => {
            let of = format!("{select} WHERE l.object_id = $1 {last} $2");
            client.query(&of, &[&object, &limit]).await
        }
    };
    let rows = rows.map_err(from_pg)?;
    legible(&rows, |row| {
        row::read(row, "deletion", 5, |row| {
            Ok(Deletion {
                deleted_at: at(row, 0)?,
                worker: at(row, 1)?,
                reason: at(row, 2)?,
                tenant: at(row, 3)?,
                object: at(row, 4)?,
                key: at(row, 5)?,
                size_bytes: maybe_count(row, 6)?,
            })
        })
    })
}
