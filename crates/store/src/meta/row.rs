//! Reading rows that may be damaged: one that cannot be read is an error of its own, and takes no list with it.

use std::error::Error as StdError;

use tokio_postgres::{Row, types::FromSql};

use crate::{
    error::{Error, Result, describe},
    metrics,
    page::Position,
};

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    /// A column has a value that its type does not take, such as a time after the year 9999.
    #[error(transparent)]
    Column(#[from] tokio_postgres::Error),
    /// A column has a value that was never written.
    #[error("its {0} is malformed")]
    Malformed(&'static str),
}

/// The value of a column, by its place.
pub(super) fn at<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Damage> {
    Ok(row.try_get(column)?)
}

/// A count or a size, which is never negative.
pub(super) fn count(row: &Row, column: usize) -> Result<u64, Damage> {
    Ok(at::<i64>(row, column)?.unsigned_abs())
}

/// Makes something of a row whose id is in a column.
///
/// # Errors
/// `RecordDamaged`, with the id as far as it is known.
pub(super) fn read<T>(
    row: &Row,
    record: &'static str,
    id: usize,
    make: impl FnOnce(&Row) -> Result<T, Damage>,
) -> Result<T> {
    make(row).map_err(|damage| Error::RecordDamaged {
        record,
        id: at(row, id).unwrap_or_else(|_| "unknown".to_owned()),
        source: Box::<dyn StdError + Send + Sync>::from(damage),
    })
}

/// The rows of a list, each with its position. One that is damaged is left out, logged and counted, and keeps its place:
/// the list goes on behind it.
///
/// # Errors
/// `RecordDamaged` for one whose position is unknown.
pub(super) fn listed<T, P>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T>,
    position: impl Fn(&Row) -> Result<P>,
) -> Result<Vec<(Option<T>, P)>> {
    let listed = |row| Ok((readable(read(row))?, position(row)?));
    rows.iter().map(listed).collect()
}

/// What could be read; nothing of a damaged row, which is logged and counted.
pub(super) fn readable<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(e @ Error::RecordDamaged { record, .. }) => {
            metrics::damaged_record(record);
            tracing::error!(error = describe(&e), "a list leaves out a damaged record");
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// The position of a row in a list by time and id, of these two columns.
pub(super) fn position(
    row: &Row,
    record: &'static str,
    [time, id]: [usize; 2],
) -> Result<Position> {
    read(row, record, id, |row| {
        Ok(Position {
            at: at(row, time)?,
            id: at(row, id)?,
        })
    })
}
