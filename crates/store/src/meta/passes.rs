//! The last runs of the collector's passes.

use std::time::Duration;

use serde_json::Value;

use super::{
    connection::Connection,
    error::from_pg,
    row::{self, at, legible},
    time::millis,
};
use crate::model::{collector::PassState, error::Result};

/// Records a run of a pass that has just ended, replacing the previous one.
#[tracing::instrument(target = "postgres", name = "passes.record", skip_all)]
pub(crate) async fn record(
    client: &Connection,
    name: &str,
    worker: &str,
    took: Duration,
    error: Option<&str>,
    counts: Value,
) -> Result<()> {
    client
        .execute(
            "INSERT INTO gc_passes AS p
                 (name, worker, started_at, ended_at, succeeded_at, failures, last_error, counts)
             VALUES ($1, $2, now() - $3 * interval '1 ms', now(), CASE WHEN $4::text IS NULL THEN now() END,
                 CASE WHEN $4 IS NULL THEN 0 ELSE 1 END, left($4, 2000), $5)
             ON CONFLICT (name) DO UPDATE SET worker = excluded.worker, started_at = excluded.started_at,
                 ended_at = excluded.ended_at, succeeded_at = coalesce(excluded.succeeded_at, p.succeeded_at),
                 failures = CASE WHEN excluded.failures = 0 THEN 0 ELSE p.failures + 1 END,
                 last_error = coalesce(excluded.last_error, p.last_error), counts = excluded.counts",
            &[&name, &worker, &millis(took), &error, &counts],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// The last run of every pass, by name.
#[tracing::instrument(target = "postgres", name = "passes.all", skip_all)]
pub(crate) async fn all(client: &Connection) -> Result<Vec<PassState>> {
    let rows = client
        .query(
            "SELECT name, worker, started_at, ended_at, succeeded_at, failures, last_error, counts
             FROM gc_passes ORDER BY name",
            &[],
        )
        .await
        .map_err(from_pg)?;
    legible(&rows, |row| {
        row::read(row, "pass", 0, |row| {
            Ok(PassState {
                name: at(row, 0)?,
                worker: at(row, 1)?,
                started_at: at(row, 2)?,
                ended_at: at(row, 3)?,
                succeeded_at: at(row, 4)?,
                failures: at::<i32>(row, 5)?.unsigned_abs(),
                last_error: at(row, 6)?,
                counts: at(row, 7)?,
            })
        })
    })
}
