//! Brings the schema up to date.

use tokio_postgres::error::SqlState;

use super::{connection::Connection, error::from_pg};
use crate::error::{Error, Result};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Ours alone in the database; the digits are "cairn" on a telephone.
const LOCK: i64 = 22476;

/// Applies what has not been applied yet, and says what that was. Refinery takes no lock of its own, so replicas that
/// start together would run the same migration twice.
pub(super) async fn migrate(client: &mut Connection) -> Result<Vec<String>> {
    client.lift_limits().await.map_err(from_pg)?;
    client
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await
        .map_err(from_pg)?;
    // Of a version that is gone back from: its migrations leave this one able to work.
    let report = embedded::migrations::runner()
        .set_abort_missing(false)
        .run_async(client.driver())
        .await;
    let _ = client
        .execute("SELECT pg_advisory_unlock($1)", &[&LOCK])
        .await;
    let report = report.map_err(|e| Error::Internal(e.into()))?;
    Ok(report
        .applied_migrations()
        .iter()
        .map(ToString::to_string)
        .collect())
}

/// Whether every migration that is known here has been applied.
pub(super) async fn is_current(client: &Connection) -> Result<bool> {
    let newest = "SELECT coalesce(max(version), 0)::bigint FROM refinery_schema_history";
    let applied: i64 = match client.query_typed_one(newest, &[]).await {
        Ok(row) => row.get(0),
        Err(e) if e.code() == Some(&SqlState::UNDEFINED_TABLE) => 0,
        Err(e) => return Err(from_pg(e)),
    };
    let runner = embedded::migrations::runner();
    let mut known = runner.get_migrations().iter();
    Ok(known.all(|migration| i64::from(migration.version()) <= applied))
}
