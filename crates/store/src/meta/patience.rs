//! Reads whose cost a caller shapes: they have a limit of their own, and plans that keep to the order of an index.

use futures_util::join;
use tokio_postgres::{Row, error::SqlState};

use super::{connection::Connection, error::from_pg, filter::Query};
use crate::model::error::{Error, Result};

/// How long such a read may take. Asked again it takes as long again, so it is refused and not repeated.
const PATIENCE: &str = "5s";

/// Every statement here says in which order it reads what, and is as fast as an index is. A plan that reads a table as a
/// whole, or all of an index in order to sort it, is a guess of the planner's that one tenant's data makes wrong.
const SETTINGS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
     SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off;
     SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";

/// Where a read is made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// On a connection, in a transaction of its own.
    Alone,
    /// In a transaction that goes on with its own settings, whatever comes of the read.
    Within,
}

/// Asks, in one flight.
///
/// # Errors
/// `FilterTooCostly` when it takes too long; `Unavailable`.
pub(super) async fn ask(client: &Connection, place: Place, query: &Query) -> Result<Vec<Row>> {
    let (begin, end) = match place {
        Place::Alone => ("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY", "COMMIT"),
        Place::Within => (
            "SAVEPOINT ask",
            "ROLLBACK TO SAVEPOINT ask; RELEASE SAVEPOINT ask",
        ),
    };
    let begin = format!("{begin}; SET LOCAL statement_timeout = '{PATIENCE}'; {SETTINGS}");
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
