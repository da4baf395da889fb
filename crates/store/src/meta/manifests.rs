//! What sessions held when they were sealed.

use deadpool_postgres::{Object, Transaction};
use tokio_postgres::Row;

use super::error::from_pg;
use crate::{
    error::{Error, Result},
    id::TenantId,
    manifest::ManifestEntry,
};

/// The artifacts `a` that the session `s` held when it was sealed. What it says of a row never changes afterwards.
const HELD: &str = "SELECT a.filename, a.version, a.id, a.size_bytes, a.sha256
     FROM artifacts a JOIN sessions s ON s.tenant_id = a.tenant_id AND s.id = a.session_id
     WHERE s.tenant_id = $1 AND s.id = $2 AND (a.deleted_at IS NULL OR a.deleted_at > s.sealed_at)
         AND (a.expires_at IS NULL OR a.expires_at > s.sealed_at)";

fn read(row: &Row) -> Result<ManifestEntry> {
    Ok(ManifestEntry {
        filename: row.get(0),
        version: row.get(1),
        artifact_id: row.get(2),
        size_bytes: row.get::<_, i64>(3).unsigned_abs(),
        content_hash: row
            .get::<_, &[u8]>(4)
            .try_into()
            .map_err(|_| Error::internal("an artifact's row has a malformed sha256"))?,
    })
}

/// The whole manifest, in the transaction that seals: it waits for whoever is deleting one of the artifacts, in the order
/// in which bulk operations lock them.
pub(crate) async fn whole(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
) -> Result<Vec<ManifestEntry>> {
    let rows = tx
        .query(
            &format!("{HELD} ORDER BY a.id FOR SHARE OF a"),
            &[&tenant.0, &session],
        )
        .await
        .map_err(from_pg)?;
    rows.iter().map(read).collect()
}

/// A part of the manifest, in the order of the ids, from behind an id on.
pub(crate) async fn page(
    client: &Object,
    tenant: TenantId,
    session: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<ManifestEntry>> {
    let rows = client
        .query(
            &format!("{HELD} AND a.id > $3 ORDER BY a.id LIMIT $4"),
            &[&tenant.0, &session, &after, &limit],
        )
        .await
        .map_err(from_pg)?;
    rows.iter().map(read).collect()
}
