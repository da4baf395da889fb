//! The row with the deployment, and whether the collector may work.

use tokio_postgres::{Row, error::SqlState};
use uuid::Uuid;

use super::{
    connection::Connection,
    error::{from_pg, unavailable},
    row::at,
};
use crate::model::{
    deployment::{Deployment, Pause},
    error::{Error, Result},
};

/// The deployment in the database.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    /// `None`: no process has reached both stores yet.
    pub(crate) deployment: Option<Deployment>,
    /// Whether the blob store was verified to contain it.
    pub(crate) marked: bool,
    pub(crate) pause: Option<Pause>,
}

const COLUMNS: &str =
    "deployment_id, epoch, marked, paused_at, paused_by, paused_reason, pg_is_in_recovery()";

fn control(row: &Row) -> Result<Control> {
    if at(row, 6)? {
        return Err(unavailable("the server is a read-only standby"));
    }
    let epoch = at(row, 1)?;
    let deployment: Option<Uuid> = at(row, 0)?;
    let pause = match at(row, 3)? {
        None => None,
        Some(since) => Some(Pause {
            at: since,
            by: at(row, 4)?,
            reason: at(row, 5)?,
        }),
    };
    Ok(Control {
        deployment: deployment.map(|id| Deployment { id, epoch }),
        marked: at(row, 2)?,
        pause,
    })
}

/// Reads it from a primary, because a standby's row may be old.
#[tracing::instrument(target = "postgres", name = "control.read", skip_all)]
pub(crate) async fn read(client: &Connection) -> Result<Control> {
    let row = client
        .query_one(&format!("SELECT {COLUMNS} FROM gc_control"), &[])
        .await
        .map_err(from_pg)?;
    control(&row)
}

/// Assigns the deployment an id, unless it has one, and returns it. Of two callers the second gets the id of the first.
#[tracing::instrument(target = "postgres", name = "control.name", skip_all)]
pub(crate) async fn name(client: &Connection, fresh: Uuid) -> Result<Deployment> {
    let row = client
        .query_one(
            &format!(
                "UPDATE gc_control SET deployment_id = coalesce(deployment_id, $1) RETURNING {COLUMNS}"
            ),
            &[&fresh],
        )
        .await
        .map_err(from_pg)?;
    let named = control(&row)?.deployment;
    named.ok_or_else(|| Error::internal("the deployment has no id after it was given one"))
}

/// Records that the blob store was verified to contain this id and epoch; does nothing if they are no longer current.
#[tracing::instrument(target = "postgres", name = "control.mark", skip_all)]
pub(crate) async fn mark(client: &Connection, deployment: Deployment) -> Result<()> {
    client
        .execute(
            "UPDATE gc_control SET marked = true WHERE deployment_id = $1 AND epoch = $2",
            &[&deployment.id, &deployment.epoch],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// Whether the database is still in the Postgres cluster in which the collector worked before; false for a copy, as
/// from a dump. If Postgres does not allow the query, it counts as the same.
#[tracing::instrument(target = "postgres", name = "control.is_at_home", skip_all)]
pub(crate) async fn is_at_home(client: &Connection) -> Result<bool> {
    let asked = client
        .query_one(
            "UPDATE gc_control SET cluster_id = coalesce(cluster_id, here.system_identifier)
             FROM pg_control_system() here RETURNING cluster_id = here.system_identifier",
            &[],
        )
        .await;
    match asked {
        Err(e) if e.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Ok(true),
        asked => Ok(at(&asked.map_err(from_pg)?, 0)?),
    }
}

/// Begins to take a blob store over: raises the epoch above the blob store's, pauses the collector, and forgets what
/// was seen in it before.
#[tracing::instrument(target = "postgres", name = "control.adopt", skip_all)]
pub(crate) async fn adopt(
    client: &Connection,
    fresh: Uuid,
    epoch: i64,
    by: &str,
) -> Result<Deployment> {
    let tx = client.transaction().await.map_err(from_pg)?;
    let row = tx
        .query_one(
            &format!(
                "UPDATE gc_control SET deployment_id = coalesce(deployment_id, $1),
                     epoch = greatest(epoch, $2) + 1, marked = false, cluster_id = NULL,
                     paused_at = coalesce(paused_at, now()), paused_by = coalesce(paused_by, $3),
                     paused_reason = coalesce(paused_reason, 'the blob store was adopted')
                 RETURNING {COLUMNS}"
            ),
            &[&fresh, &epoch, &by],
        )
        .await
        .map_err(from_pg)?;
    let adopted = control(&row)?.deployment;
    tx.batch_execute(
        "DELETE FROM orphan_suspects;
         UPDATE orphan_shards SET started_at = NULL, last_key = '', listed = 0, scanned_at = NULL, lease_until = NULL",
    )
    .await
    .map_err(from_pg)?;
    tx.commit().await.map_err(from_pg)?;
    adopted.ok_or_else(|| Error::internal("the deployment has no id after it was given one"))
}

/// Pauses the collector; an earlier pause keeps its time.
#[tracing::instrument(target = "postgres", name = "control.pause", skip_all)]
pub(crate) async fn pause(client: &Connection, by: &str, reason: &str) -> Result<()> {
    client
        .execute(
            "UPDATE gc_control SET paused_at = coalesce(paused_at, now()), paused_by = $1, paused_reason = $2",
            &[&by, &reason],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// Resumes the collector; false if it was not paused.
#[tracing::instrument(target = "postgres", name = "control.resume", skip_all)]
pub(crate) async fn resume(client: &Connection) -> Result<bool> {
    let resumed = client
        .execute(
            "UPDATE gc_control SET paused_at = NULL, paused_by = NULL, paused_reason = NULL
             WHERE paused_at IS NOT NULL",
            &[],
        )
        .await
        .map_err(from_pg)?;
    Ok(resumed > 0)
}
