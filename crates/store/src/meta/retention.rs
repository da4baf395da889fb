//! Rows past their retention.

use uuid::Uuid;

use super::{
    batch::{Batch, Taken},
    connection::Transaction,
    due::DueRows,
    error::from_pg,
    row::{Damage, at},
    time::millis,
};
use crate::model::error::Result;

/// Links past their retention.
pub(crate) const ENDED_LINKS: DueRows = DueRows {
    sql: "SELECT tenant_id, id, 'it ended at ' || least(expires_at, revoked_at) AS why FROM links
         WHERE least(expires_at, revoked_at) <= now() - $3 * interval '1 ms'
         ORDER BY least(expires_at, revoked_at) LIMIT $1 OFFSET $2",
    wait: Some(|batch| batch.record_retention),
};

/// Deletes links past their retention; following one then fails with "not found" instead of "expired".
#[tracing::instrument(target = "postgres", name = "retention.forget_links", skip_all)]
pub(crate) async fn forget_links(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            &format!(
                "DELETE FROM links l USING {} due WHERE l.id = due.id RETURNING l.tenant_id, l.id, due.why",
                ENDED_LINKS.locked()
            ),
            &[&batch.limit, &batch.skip, &millis(batch.record_retention)],
        )
        .await
        .map_err(from_pg)?;
    Taken::all(&rows)
}

/// Purged artifacts, with a reason for those whose rows are not needed.
pub(crate) const PURGED: DueRows = DueRows {
    sql: "SELECT a.tenant_id, a.id,
             CASE WHEN NOT (a.held OR a.session_held
                 OR coalesce((SELECT true FROM artifact_inputs i
                     WHERE i.tenant_id = a.tenant_id AND i.input_id = a.id LIMIT 1), false)
                 OR coalesce((SELECT true FROM links l
                     WHERE l.tenant_id = a.tenant_id AND l.artifact_id = a.id LIMIT 1), false))
             THEN 'it was deleted at ' || a.deleted_at || ', and nothing refers to it' END AS why
         FROM artifacts a WHERE a.forget_after <= now() AND a.state = 'purged'
         ORDER BY a.forget_after LIMIT $1 OFFSET $2",
    wait: None,
};

/// Deletes rows of purged artifacts, unless they are still needed.
///
/// A row that is an input, has a link or is held is checked again a day later, and then after pauses that double up to
/// 64 days. A sealed session needs no row, because its manifest is separate.
#[tracing::instrument(target = "postgres", name = "retention.forget_artifacts", skip_all)]
pub(crate) async fn forget_artifacts(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let due = tx
        .query(
            // The inner LIMIT keeps Postgres from reading whole tables to hash them.
            &format!(
                "SELECT tenant_id, id, why IS NULL FROM {} due",
                PURGED.locked()
            ),
            &[&batch.limit, &batch.skip],
        )
        .await
        .map_err(from_pg)?;
    let read = |row| Ok((at(row, 0)?, at(row, 1)?, at(row, 2)?));
    let read: Result<Vec<(Uuid, &str, bool)>, Damage> = due.iter().map(read).collect();
    let read = read?;
    let ids = |needed: bool| -> (Vec<Uuid>, Vec<&str>) {
        let is = |row: &&(_, _, bool)| row.2 == needed;
        read.iter().filter(is).map(|row| (row.0, row.1)).unzip()
    };
    let (tenants, needed) = ids(true);
    tx.execute(
        "UPDATE artifacts a SET forget_after = now() + least(interval '64 days',
             greatest(interval '1 day', now() - a.purge_after - $3 * interval '1 ms'))
         FROM unnest($1::uuid[], $2::text[]) q (tenant_id, id)
         WHERE a.tenant_id = q.tenant_id AND a.id = q.id",
        &[&tenants, &needed, &millis(batch.record_retention)],
    )
    .await
    .map_err(from_pg)?;
    let (tenants, ids) = ids(false);
    for references in [
        "DELETE FROM artifact_inputs r USING unnest($1::uuid[], $2::text[]) q (tenant_id, id)
         WHERE r.tenant_id = q.tenant_id AND r.artifact_id = q.id",
        "DELETE FROM stage_changes r USING unnest($1::uuid[], $2::text[]) q (tenant_id, id)
         WHERE r.tenant_id = q.tenant_id AND r.artifact_id = q.id",
    ] {
        tx.execute(references, &[&tenants, &ids])
            .await
            .map_err(from_pg)?;
    }
    let forgotten = tx
        .query(
            "DELETE FROM artifacts a USING unnest($1::uuid[], $2::text[]) q (tenant_id, id)
             WHERE a.tenant_id = q.tenant_id AND a.id = q.id
             RETURNING a.tenant_id, a.id, 'it was deleted at ' || a.deleted_at || ', and nothing refers to it'",
            &[&tenants, &ids],
        )
        .await
        .map_err(from_pg)?;
    Taken::of(due.len(), &forgotten)
}

/// Objects whose bytes were deleted long ago.
pub(crate) const GONE: DueRows = DueRows {
    sql: "SELECT tenant_id, id, 'its bytes were deleted at ' || gone_at AS why FROM objects
         WHERE state = 'gone' AND gone_at <= now() - $3 * interval '1 ms' ORDER BY gone_at LIMIT $1 OFFSET $2",
    wait: Some(|batch| batch.record_retention),
};

/// Deletes rows of objects whose bytes were deleted long ago. If bytes appear under such a key after all, the scan for
/// orphans finds them without an object, as before.
#[tracing::instrument(target = "postgres", name = "retention.forget_objects", skip_all)]
pub(crate) async fn forget_objects(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            &format!(
                "DELETE FROM objects o USING {} due WHERE o.tenant_id = due.tenant_id AND o.id = due.id
                 RETURNING o.tenant_id, o.id::text, due.why",
                GONE.locked()
            ),
            &[&batch.limit, &batch.skip, &millis(batch.record_retention)],
        )
        .await
        .map_err(from_pg)?;
    Taken::all(&rows)
}
