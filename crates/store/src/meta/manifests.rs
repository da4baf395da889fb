//! Manifests of sealed sessions.

use sha2::{Digest, Sha256};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use super::{
    connection::{Connection, Transaction},
    error::from_pg,
    row::{self, Damage, at, count},
};
use crate::model::{digest::ContentHash, error::Result, id::TenantId, manifest::ManifestEntry};

const COLUMNS: &str = "filename, version, artifact_id, size_bytes, sha256";

fn read(row: &Row) -> Result<ManifestEntry> {
    row::read(row, "artifact", 2, |row| {
        Ok(ManifestEntry {
            filename: at(row, 0)?,
            version: at(row, 1)?,
            artifact_id: at(row, 2)?,
            size_bytes: count(row, 3)?,
            content_hash: (at::<&[u8]>(row, 4)?.try_into())
                .map_err(|_| Damage::Malformed("sha256"))?,
        })
    })
}

/// Writes the manifest of a session, in the transaction that seals it. Expired artifacts were ended before, and a call
/// that makes an artifact visible again holds the session's lock, so the manifest stays true.
#[tracing::instrument(target = "postgres", name = "manifests.write", skip_all)]
pub(crate) async fn write(tx: &Transaction<'_>, tenant: TenantId, session: &str) -> Result<()> {
    let write = "INSERT INTO manifest_entries (tenant_id, session_id, artifact_id, filename, version, size_bytes, sha256)
         SELECT tenant_id, session_id, id, filename, version, size_bytes, sha256 FROM artifacts
         WHERE tenant_id = $1 AND session_id = $2 AND state = 'live'";
    let written = tx.execute(write, &[&tenant.0, &session]).await;
    written.map(|_| ()).map_err(from_pg)
}

/// The digest of the manifest. Postgres writes and sorts the lines, like `ManifestEntry::line`, because a manifest may
/// not fit into the memory of a process.
#[tracing::instrument(target = "postgres", name = "manifests.digest", skip_all)]
pub(crate) async fn digest(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
) -> Result<ContentHash> {
    let lines = "SELECT line FROM (
             SELECT filename || E'\t' || version || E'\t' || artifact_id || E'\t' || size_bytes || E'\tsha256:'
                 || encode(sha256, 'hex') || E'\n' AS line
             FROM manifest_entries WHERE tenant_id = $1 AND session_id = $2) entries
         ORDER BY line COLLATE \"C\"";
    let mut digest = Sha256::new();
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&tenant.0, Type::UUID), (&session, Type::TEXT)];
    tx.query_each(lines, &parameters, |row| {
        digest.update(row.try_get::<_, &str>(0)?);
        Ok(())
    })
    .await
    .map_err(from_pg)?;
    Ok(ContentHash::from(digest))
}

/// A part of the manifest, in the order of the ids, after an id.
#[tracing::instrument(target = "postgres", name = "manifests.page", skip_all)]
pub(crate) async fn page(
    client: &Connection,
    tenant: TenantId,
    session: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<ManifestEntry>> {
    let rows = client
        .query(
            &format!(
                "SELECT {COLUMNS} FROM manifest_entries
                 WHERE tenant_id = $1 AND session_id = $2 AND artifact_id > $3 ORDER BY artifact_id LIMIT $4"
            ),
            &[&tenant.0, &session, &after, &limit],
        )
        .await
        .map_err(from_pg)?;
    rows.iter().map(read).collect()
}
