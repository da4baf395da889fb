//! Holds on rows.

use std::time::Duration;

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{
    artifact_row::VISIBLE,
    batch::{Batch, Done, Taken},
    connection::Transaction,
    due::DueRows,
    error::from_pg,
    row::at,
    sessions::lock_key,
    time::millis,
};
use crate::model::{
    error::Result,
    id::{ArtifactId, TenantId, ids_of},
};

/// Puts the visible ones of these artifacts under a hold, or releases it; returns how many changed. They are locked in
/// one order, so that two calls for the same ones wait for each other instead of failing.
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

/// Puts a session under a hold, or releases it; false if the session does not exist. Its artifacts follow by `settle`.
/// Because of the session's lock, every later artifact inherits the hold.
#[tracing::instrument(target = "postgres", name = "holds.set_of_session", skip_all)]
pub(crate) async fn set_of_session(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    hold: bool,
) -> Result<bool> {
    let key = lock_key(tenant, session);
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&key])
        .await
        .map_err(from_pg)?;
    let set =
        "UPDATE sessions SET held = $3, hold_changed_at = now() WHERE tenant_id = $1 AND id = $2";
    let found = tx.execute(set, &[&tenant.0, &session, &hold]).await;
    Ok(found.map_err(from_pg)? > 0)
}

/// Applies a session's current hold to a batch of its artifacts; true once all have it. An artifact that expired before
/// it was held stays expired, and keeps its bytes.
#[tracing::instrument(target = "postgres", name = "holds.settle", skip_all)]
pub(crate) async fn settle(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    window: Duration,
    limit: i64,
) -> Result<bool> {
    // Locked, so that concurrent settlers, and a change of the hold, run one after another.
    let look = "SELECT held FROM sessions WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE";
    let row = tx.query_opt(look, &[&tenant.0, &session]).await;
    let Some(row) = row.map_err(from_pg)? else {
        return Ok(true);
    };
    let hold: bool = at(&row, 0)?;
    // Live artifacts of a session and others have an index each. The batch is what was found and not what has followed: of
    // what was found some may be purged before it is locked, and there may be more all the same.
    let follow = "WITH batch AS MATERIALIZED (
             SELECT id FROM (
                 SELECT id FROM artifacts
                 WHERE tenant_id = $1 AND session_id = $2 AND state = 'live' AND session_held <> $3
                 UNION ALL
                 SELECT id FROM artifacts
                 WHERE tenant_id = $1 AND coalesce(session_id, '') = $2 AND state <> 'live' AND state <> 'purged'
                     AND session_held <> $3) unsettled
             LIMIT $4
         ), changing AS (
             SELECT tenant_id, id,
                 $3 AND state = 'live' AND NOT held AND coalesce(expires_at <= clock_timestamp(), false) AS expired
             FROM artifacts
             WHERE tenant_id = $1 AND session_held <> $3 AND state <> 'purged' AND id = ANY (ARRAY(SELECT id FROM batch))
             ORDER BY id FOR NO KEY UPDATE
         ), followed AS (
             UPDATE artifacts a SET session_held = $3, revision = a.revision + 1, updated_at = now(),
                 state = CASE WHEN c.expired THEN 'deleted' ELSE a.state END,
                 deleted_at = CASE WHEN c.expired THEN clock_timestamp() ELSE a.deleted_at END,
                 purge_after = CASE WHEN c.expired THEN now() + $5 * interval '1 ms' ELSE a.purge_after END
             FROM changing c WHERE a.tenant_id = c.tenant_id AND a.id = c.id
         )
         SELECT count(*) FROM batch";
    let parameters: [&(dyn ToSql + Sync); 5] =
        [&tenant.0, &session, &hold, &limit, &millis(window)];
    let found = tx.query_one(follow, &parameters).await.map_err(from_pg)?;
    if at::<i64>(&found, 0)? >= limit {
        return Ok(false);
    }
    let settled = "UPDATE sessions SET hold_changed_at = NULL WHERE tenant_id = $1 AND id = $2";
    let parameters: [&(dyn ToSql + Sync); 2] = [&tenant.0, &session];
    tx.execute(settled, &parameters).await.map_err(from_pg)?;
    Ok(true)
}

/// Sessions whose hold was changed a while ago by an interrupted call.
pub(crate) const LEFT: DueRows = DueRows {
    sql: "SELECT tenant_id, id, 'its hold was changed' AS why FROM sessions
         WHERE hold_changed_at < now() - interval '1 min' ORDER BY hold_changed_at LIMIT $1 OFFSET $2",
    wait: None,
};

/// Settles a batch of a session whose hold was changed a while ago by an interrupted call.
#[tracing::instrument(target = "postgres", name = "holds.settle_left", skip_all)]
pub(crate) async fn settle_left(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let left = "SELECT tenant_id, id FROM sessions WHERE hold_changed_at < now() - interval '1 min'
         ORDER BY hold_changed_at LIMIT 1 OFFSET $1 FOR NO KEY UPDATE SKIP LOCKED";
    let row = tx.query_opt(left, &[&batch.skip]).await.map_err(from_pg)?;
    let Some(row) = row else {
        return Ok(Taken::default());
    };
    let (tenant, session): (Uuid, &str) = (at(&row, 0)?, at(&row, 1)?);
    let window = batch.times.delete_window;
    settle(tx, TenantId(tenant), session, window, batch.limit).await?;
    Ok(Taken {
        taken: batch.limit.unsigned_abs(),
        done: vec![Done {
            tenant,
            id: session.to_owned(),
            why: "its hold was changed".to_owned(),
        }],
    })
}
