//! Changes of rows of artifacts.

use std::time::Duration;

use tokio_postgres::types::Json;

use super::{
    artifact_row::{self, COLUMNS},
    connection::Transaction,
    error::from_pg,
    time::millis,
};
use crate::model::{
    artifact::Artifact,
    error::Result,
    id::{ArtifactId, TenantId},
    record::Stage,
    text::{Metadata, Words},
    update::ArtifactUpdate,
};

/// Locks an artifact against changes; read it after that.
#[tracing::instrument(target = "postgres", name = "update.lock", skip_all)]
pub(crate) async fn lock(tx: &Transaction<'_>, tenant: TenantId, id: &ArtifactId) -> Result<()> {
    tx.execute(
        "SELECT FROM artifacts WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
        &[&tenant.0, &id.as_str()],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}

/// Changes a locked artifact and its side tables. A time to live counts from now; an inner `None` means no expiry.
#[tracing::instrument(target = "postgres", name = "update.update", skip_all)]
pub(crate) async fn update(
    tx: &Transaction<'_>,
    tenant: TenantId,
    id: &ArtifactId,
    update: &ArtifactUpdate,
    metadata: Option<&Metadata>,
    ttl: Option<Option<Duration>>,
) -> Result<Artifact> {
    let pairs = metadata.map(Metadata::pairs);
    let row = tx
        .query_one(
            &format!(
                "UPDATE artifacts a SET title = coalesce($3, a.title), metadata = coalesce($4, a.metadata),
                     labels = coalesce($5, a.labels), stage = coalesce($6, a.stage),
                     expires_at = CASE WHEN $7 THEN clock_timestamp() + $8 * interval '1 ms' ELSE a.expires_at END,
                     persistent = coalesce($9, a.persistent),
                     revision = a.revision + 1, updated_at = now()
                 WHERE a.tenant_id = $1 AND a.id = $2 RETURNING {COLUMNS}"
            ),
            &[
                &tenant.0,
                &id.as_str(),
                &update.title.as_ref().map(Words::as_str),
                &pairs.map(Json),
                &update.labels,
                &update.stage.map(Stage::as_str),
                &ttl.is_some(),
                &ttl.flatten().map(millis),
                &update.persistent,
            ],
        )
        .await
        .map_err(from_pg)?;
    if let Some(pairs) = pairs {
        let delete = "DELETE FROM artifact_metadata WHERE tenant_id = $1 AND artifact_id = $2";
        tx.execute(delete, &[&tenant.0, &id.as_str()])
            .await
            .map_err(from_pg)?;
        tx.execute(
            "INSERT INTO artifact_metadata (tenant_id, key, value, created_at, artifact_id)
             SELECT a.tenant_id, pair.key, pair.value, a.created_at, a.id
             FROM artifacts a, jsonb_each_text($3) pair WHERE a.tenant_id = $1 AND a.id = $2",
            &[&tenant.0, &id.as_str(), &Json(pairs)],
        )
        .await
        .map_err(from_pg)?;
    }
    if let Some(labels) = &update.labels {
        let delete = "DELETE FROM artifact_labels WHERE tenant_id = $1 AND artifact_id = $2";
        tx.execute(delete, &[&tenant.0, &id.as_str()])
            .await
            .map_err(from_pg)?;
        tx.execute(
            "INSERT INTO artifact_labels (tenant_id, label, created_at, artifact_id)
             SELECT a.tenant_id, label, a.created_at, a.id
             FROM artifacts a, unnest($3::text[]) label WHERE a.tenant_id = $1 AND a.id = $2",
            &[&tenant.0, &id.as_str(), labels],
        )
        .await
        .map_err(from_pg)?;
    }
    artifact_row::read(&row)
}
