//! Reads whose cost depends on the caller: they have their own time limit, and plans that keep to the order of an
//! index.

use futures_util::join;
use tokio_postgres::{Row, error::SqlState};

use super::{connection::Connection, error::from_pg, filter::Query};
use crate::model::error::{Error, Result};

/// How long such a read may take. A retry would take as long again, so it is refused and not retried.
const PATIENCE: &str = "5s";

/// Every statement here states in which order it reads what, and is as fast as an index. A plan that reads a whole
/// table, or a whole index to sort it, is a guess of the planner that one tenant's data makes wrong.
const SETTINGS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
     SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off;
     SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";

/// Where a read is made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// On a connection, in its own transaction.
    Alone,
    /// In a transaction that continues with its own settings after the read.
    Within,
}

/// Runs the read, in one flight.
///
/// # Errors
/// `FilterTooCostly` when it takes too long; `Unavailable`.
pub(super) async fn ask(client: &Connection, place: Place, query: &Query) -> Result<Vec<Row>> {
    ask_with(client, place, query, SETTINGS).await
}

/// As `ask`, for a read that no single index serves: Postgres chooses the plan, which may sort.
///
/// # Errors
/// `FilterTooCostly` when it takes too long; `Unavailable`.
pub(super) async fn ask_by_any_plan(client: &Connection, query: &Query) -> Result<Vec<Row>> {
    ask_with(client, Place::Alone, query, "").await
}

async fn ask_with(
    client: &Connection,
    place: Place,
    query: &Query,
    settings: &str,
) -> Result<Vec<Row>> {
    let (begin, end) = match place {
        Place::Alone => ("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY", "COMMIT"),
        Place::Within => (
            "SAVEPOINT ask",
            "ROLLBACK TO SAVEPOINT ask; RELEASE SAVEPOINT ask",
        ),
    };
    let begin = format!("{begin}; SET LOCAL statement_timeout = '{PATIENCE}'; {settings}");
    let parameters = query.parameters();
    let (begun, rows, ended) = join!(
        client.batch_execute(&begin),
        client.query_typed(&query.sql, &parameters),
        client.batch_execute(end),
    );
    begun.map_err(from_pg)?;
    let rows = rows.map_err(|e| match e.code() {
        Some(&SqlState::QUERY_CANCELED) => Error::FilterTooCostly,
        _ => from_pg(e),
    })?;
    ended.map_err(from_pg)?;
    Ok(rows)
}
