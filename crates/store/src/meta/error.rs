//! What a failure of Postgres means for the operation that met it.

use std::error::Error as StdError;

use tokio_postgres::error::SqlState;

use crate::error::Error;

/// The store's error for a failed statement. SQLSTATEs and texts of Postgres stay in the source, for the log.
pub(crate) fn from_pg(e: tokio_postgres::Error) -> Error {
    match e.code() {
        None => unavailable(e), // the connection failed, or was cut
        Some(code) if is_transient(code) || is_conflict(code) => unavailable(e),
        Some(_) => Error::Internal(e.into()),
    }
}

pub(crate) fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::Unavailable {
        dependency: "database",
        source: source.into(),
    }
}

/// Whether running the whole transaction again may well succeed: it met another one, or its connection was lost, in
/// which case it may even have been committed. A statement that ran into its time limit is not run again.
pub(super) fn is_worth_repeating(e: &tokio_postgres::Error) -> bool {
    match e.code() {
        None => true,
        Some(&SqlState::QUERY_CANCELED) => false,
        Some(code) => is_conflict(code) || is_transient(code),
    }
}

/// The transaction met another one: a concurrent commit of the same content, or a condemnation of the object that it was
/// about to share.
fn is_conflict(code: &SqlState) -> bool {
    [
        SqlState::UNIQUE_VIOLATION,
        SqlState::FOREIGN_KEY_VIOLATION,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
    ]
    .contains(code)
}

/// The server is restarting, full, read-only after a failover, or cut the statement short.
fn is_transient(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::QUERY_CANCELED,
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::DISK_FULL,
        ]
        .contains(code)
}
