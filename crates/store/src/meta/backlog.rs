//! The collector's backlog, as one worker counted it for all.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{connection::Connection, error::from_pg, row::at, time::millis};
use crate::model::error::Result;

/// Whether the caller must count, because no worker has started to within this time.
#[tracing::instrument(target = "postgres", name = "backlog.claim", skip_all)]
pub(crate) async fn claim(client: &Connection, within: Duration) -> Result<bool> {
    let claimed = client
        .execute(
            "UPDATE gc_backlog SET attempted_at = clock_timestamp()
             WHERE attempted_at <= clock_timestamp() - $1 * interval '1 ms'",
            &[&millis(within)],
        )
        .await
        .map_err(from_pg)?;
    Ok(claimed > 0)
}

/// Records what was counted just now.
#[tracing::instrument(target = "postgres", name = "backlog.record", skip_all)]
pub(crate) async fn record(client: &Connection, counts: &Value) -> Result<()> {
    client
        .execute(
            "UPDATE gc_backlog SET counted_at = clock_timestamp(), counts = $1",
            &[&counts],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// The last count, and its time; `None` before the first.
#[tracing::instrument(target = "postgres", name = "backlog.last", skip_all)]
pub(crate) async fn last(client: &Connection) -> Result<Option<(Timestamp, Value)>> {
    let row = client
        .query_opt(
            "SELECT counted_at, counts FROM gc_backlog WHERE counts IS NOT NULL",
            &[],
        )
        .await
        .map_err(from_pg)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((at(&row, 0)?, at(&row, 1)?)))
}
