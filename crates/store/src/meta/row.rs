//! Reads rows that may be damaged: an unreadable row is an error of its own, and does not fail a list.

use std::fmt::Display;

use tokio_postgres::{Row, row::RowIndex, types::FromSql};

use crate::{
    metrics,
    model::{
        error::{Error, Result, describe},
        page::Position,
    },
};

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Damage {
    /// A column has a value that its type cannot hold, such as a time after the year 9999.
    #[error(transparent)]
    Column(#[from] tokio_postgres::Error),
    /// A column has a value that was never written.
    #[error("its {0} is malformed")]
    Malformed(&'static str),
}

/// For a computed value that belongs to no record. Values of a record are read by `read` or `of`.
impl From<Damage> for Error {
    fn from(damage: Damage) -> Self {
        Self::Internal(damage.into())
    }
}

/// A column of a row: its name, or its place.
pub(super) trait Column: RowIndex + Display + Copy {}

impl<T: RowIndex + Display + Copy> Column for T {}

/// The value of a column.
pub(super) fn at<'a, T: FromSql<'a>>(row: &'a Row, column: impl Column) -> Result<T, Damage> {
    Ok(row.try_get(column)?)
}

/// A count or a size, which is never negative.
pub(super) fn count(row: &Row, column: impl Column) -> Result<u64, Damage> {
    Ok(at::<i64>(row, column)?.unsigned_abs())
}

/// A count or a size that may be unknown.
pub(super) fn maybe_count(row: &Row, column: impl Column) -> Result<Option<u64>, Damage> {
    Ok(at::<Option<i64>>(row, column)?.map(i64::unsigned_abs))
}

/// One column of every row.
pub(super) fn each<'a, T: FromSql<'a>>(
    rows: &'a [Row],
    column: impl Column,
) -> Result<Vec<T>, Damage> {
    rows.iter().map(|row| at(row, column)).collect()
}

/// The result of reading the record with this id.
///
/// # Errors
/// `RecordDamaged`.
pub(super) fn of<T>(record: &'static str, id: &str, read: Result<T, Damage>) -> Result<T> {
    read.map_err(|damage| Error::RecordDamaged {
        record,
        id: id.to_owned(),
        source: damage.into(),
    })
}

/// Converts a row whose id is in a column.
///
/// # Errors
/// `RecordDamaged`, with the id as far as it is known.
pub(super) fn read<T>(
    row: &Row,
    record: &'static str,
    id: impl Column,
    make: impl FnOnce(&Row) -> Result<T, Damage>,
) -> Result<T> {
    make(row).or_else(|damage| {
        let id = at(row, id).unwrap_or("unknown");
        of(record, id, Err(damage))
    })
}

/// The rows of a list, each with its position. A damaged one is left out, logged and counted, and keeps its position:
/// the list continues after it.
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

/// The readable rows of a list.
pub(super) fn legible<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
    let read = rows
        .iter()
        .filter_map(|row| readable(read(row)).transpose());
    read.collect()
}

/// The value; `None` for a damaged row, which is logged and counted.
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
    [time, id]: [impl Column; 2],
) -> Result<Position> {
    read(row, record, id, |row| {
        Ok(Position {
            at: at(row, time)?,
            id: at(row, id)?,
        })
    })
}
