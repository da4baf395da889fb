//! Rows that stand for nothing any more, and when they go.

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    connection::Transaction,
    error::from_pg,
    gc::{Batch, Taken},
    millis,
};
use crate::error::Result;

/// Forgets links that ended long ago; who follows one hears that it does not exist, and no longer that it has ended.
#[tracing::instrument(target = "postgres", name = "retention.forget_links", skip_all)]
pub(crate) async fn forget_links(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            "DELETE FROM links l
             USING (SELECT id FROM links
                    WHERE least(expires_at, revoked_at) <= now() - $1 * interval '1 ms'
                    ORDER BY least(expires_at, revoked_at) LIMIT $2 OFFSET $3 FOR UPDATE SKIP LOCKED) due
             WHERE l.id = due.id
             RETURNING l.tenant_id, l.id, 'it ended at ' || least(l.expires_at, l.revoked_at)",
            &[&millis(batch.record_retention), &batch.limit, &batch.skip],
        )
        .await
        .map_err(from_pg)?;
    Ok(Taken::all(&rows))
}

/// Forgets purged artifacts, unless their rows are still needed.
///
/// What something else was made from, a link leads to or a hold is on is asked about again a day later, and then
/// after pauses that double up to 64 days. A sealed session needs no row: its manifest is written down apart.
#[tracing::instrument(target = "postgres", name = "retention.forget_artifacts", skip_all)]
pub(crate) async fn forget_artifacts(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let due = tx
        .query(
            // LIMIT keeps Postgres from reading these tables as a whole to hash them.
            "SELECT a.tenant_id, a.id,
                 a.held OR a.session_held
                     OR coalesce((SELECT true FROM artifact_inputs i
                         WHERE i.tenant_id = a.tenant_id AND i.input_id = a.id LIMIT 1), false)
                     OR coalesce((SELECT true FROM links l
                         WHERE l.tenant_id = a.tenant_id AND l.artifact_id = a.id LIMIT 1), false)
             FROM artifacts a WHERE a.forget_after <= now() AND a.state = 'purged'
             ORDER BY a.forget_after LIMIT $1 OFFSET $2 FOR UPDATE SKIP LOCKED",
            &[&batch.limit, &batch.skip],
        )
        .await
        .map_err(from_pg)?;
    let ids = |needed: bool| -> (Vec<Uuid>, Vec<String>) {
        let is = |row: &&Row| row.get::<_, bool>(2) == needed;
        let of = |row: &Row| -> (Uuid, String) { (row.get(0), row.get(1)) };
        due.iter().filter(is).map(of).unzip()
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
    Ok(Taken::of(due.len(), &forgotten))
}

/// Forgets objects whose bytes are long gone. Should bytes turn up under such a key after all, the scan for orphans finds
/// them to be nobody's, as it did before.
#[tracing::instrument(target = "postgres", name = "retention.forget_objects", skip_all)]
pub(crate) async fn forget_objects(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            "DELETE FROM objects o
             USING (SELECT tenant_id, id FROM objects
                    WHERE state = 'gone' AND gone_at <= now() - $1 * interval '1 ms'
                    ORDER BY gone_at LIMIT $2 OFFSET $3 FOR UPDATE SKIP LOCKED) due
             WHERE o.tenant_id = due.tenant_id AND o.id = due.id
             RETURNING o.tenant_id, o.id::text, 'its bytes were deleted at ' || o.gone_at",
            &[&millis(batch.record_retention), &batch.limit, &batch.skip],
        )
        .await
        .map_err(from_pg)?;
    Ok(Taken::all(&rows))
}
