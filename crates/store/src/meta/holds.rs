//! Holds on rows.

use std::time::Duration;

use super::{
    artifacts::VISIBLE,
    connection::Transaction,
    error::from_pg,
    selection::ids_of,
    sessions::{end_expired, lock_key},
};
use crate::{
    error::Result,
    id::{ArtifactId, TenantId},
};

/// Holds those of these artifacts that are visible, or lets them go; says how many that changed. They are locked in one
/// order, so that two calls about the same ones wait for each other instead of failing.
#[tracing::instrument(target = "postgres", name = "holds.set", skip_all)]
pub(crate) async fn set(
    tx: &Transaction<'_>,
    tenant: TenantId,
    ids: &[ArtifactId],
    hold: bool,
) -> Result<u64> {
    tx.execute(
        &format!(
            "WITH changing AS (
                     SELECT a.tenant_id, a.id FROM artifacts a
                     WHERE a.tenant_id = $1 AND a.id = ANY ($2) AND a.held <> $3 AND {VISIBLE}
                     ORDER BY a.id FOR NO KEY UPDATE
                 )
                 UPDATE artifacts a SET held = $3, revision = a.revision + 1, updated_at = now()
                 FROM changing c WHERE a.tenant_id = c.tenant_id AND a.id = c.id"
        ),
        &[&tenant.0, &ids_of(ids), &hold],
    )
    .await
    .map_err(from_pg)
}

/// Holds a session and what is in it, or lets it go; false when there is none. Its lock keeps artifacts from entering it
/// unheld at the same time. What has expired stays so.
#[tracing::instrument(target = "postgres", name = "holds.set_of_session", skip_all)]
pub(crate) async fn set_of_session(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    hold: bool,
    window: Duration,
) -> Result<bool> {
    let key = lock_key(tenant, session);
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&key])
        .await
        .map_err(from_pg)?;
    end_expired(tx, tenant, session, window).await?;
    let found = tx
        .execute(
            "UPDATE sessions SET held = $3 WHERE tenant_id = $1 AND id = $2",
            &[&tenant.0, &session, &hold],
        )
        .await
        .map_err(from_pg)?;
    // Live artifacts of a session and others have an index each.
    tx.execute(
        "WITH changing AS (
             SELECT tenant_id, id FROM artifacts
             WHERE tenant_id = $1 AND session_held <> $3 AND state <> 'purged' AND id = ANY (ARRAY(
                 SELECT id FROM artifacts WHERE tenant_id = $1 AND session_id = $2 AND state = 'live'
                 UNION ALL
                 SELECT id FROM artifacts
                 WHERE tenant_id = $1 AND coalesce(session_id, '') = $2 AND state <> 'live'))
             ORDER BY id FOR NO KEY UPDATE
         )
         UPDATE artifacts a SET session_held = $3, revision = a.revision + 1, updated_at = now()
         FROM changing c WHERE a.tenant_id = c.tenant_id AND a.id = c.id",
        &[&tenant.0, &session, &hold],
    )
    .await
    .map_err(from_pg)?;
    Ok(found > 0)
}
