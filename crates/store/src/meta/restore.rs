//! Deletions taken back.

use super::{
    artifact_row::artifact_id,
    connection::Transaction,
    error::from_pg,
    filter::Query,
    patience::{Place, ask},
    row::{at, count, each},
};
use crate::model::{
    error::Result,
    filter::Filter,
    id::{ArtifactId, TenantId, ids_of},
};

/// The condition under which an artifact `a` of a session `s`, or of none, can be restored.
const RESTORABLE: &str = "a.state = 'deleted' AND a.purge_after > now() \
     AND (a.expires_at IS NULL OR a.expires_at > now()) \
     AND (s.sealed_at IS NULL OR EXISTS (SELECT FROM manifest_entries m \
         WHERE m.tenant_id = a.tenant_id AND m.session_id = a.session_id AND m.artifact_id = a.id))";

/// The first artifacts of a session that match and can be restored.
#[tracing::instrument(target = "postgres", name = "restore.restorable", skip_all)]
pub(crate) async fn restorable(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    filter: &Filter,
    most: i64,
) -> Result<Vec<ArtifactId>> {
    let mut query = Query::of(tenant);
    let (session, most) = (query.text(session), query.number(most));
    let matches = query.matches(filter, "a");
    // The order of artifacts_past_versions.
    query.sql = format!(
        "SELECT a.id FROM artifacts a JOIN sessions s ON s.tenant_id = a.tenant_id AND s.id = a.session_id
         WHERE a.tenant_id = $1 AND a.state <> 'live' AND coalesce(a.session_id, '') = {session}
             AND {RESTORABLE} AND {matches}
         ORDER BY a.filename COLLATE \"C\", a.user_id, a.namespace, a.version LIMIT {most}"
    );
    let rows = ask(tx, Place::Within, &query).await?;
    let ids: Vec<&str> = each(&rows, 0)?;
    ids.into_iter().map(artifact_id).collect()
}

/// Restores those of these artifacts that can be restored, and returns which, and their total bytes. A row that still
/// pins its object has its bytes; one that is not in the manifest of its sealed session must not return into it. The
/// locks of their sessions and of the quota are held.
#[tracing::instrument(target = "postgres", name = "restore.restore", skip_all)]
pub(crate) async fn restore(
    tx: &Transaction<'_>,
    tenant: TenantId,
    ids: &[ArtifactId],
) -> Result<(Vec<ArtifactId>, u64)> {
    let rows = tx
        .query(
            &format!(
                "WITH restorable AS (
                 SELECT a.tenant_id, a.id FROM artifacts a
                     LEFT JOIN sessions s ON s.tenant_id = a.tenant_id AND s.id = a.session_id
                 WHERE a.tenant_id = $1 AND a.id = ANY ($2) AND {RESTORABLE}
                 ORDER BY a.id FOR NO KEY UPDATE OF a
             )
             UPDATE artifacts a SET state = 'live', deleted_at = NULL, purge_after = NULL,
                 revision = a.revision + 1, updated_at = now()
             FROM restorable r WHERE a.tenant_id = r.tenant_id AND a.id = r.id
             RETURNING a.id, a.size_bytes"
            ),
            &[&tenant.0, &ids_of(ids)],
        )
        .await
        .map_err(from_pg)?;
    let (mut restored, mut bytes) = (Vec::with_capacity(rows.len()), 0);
    for row in &rows {
        restored.push(artifact_id(at(row, 0)?)?);
        bytes += count(row, 1)?;
    }
    Ok((restored, bytes))
}
