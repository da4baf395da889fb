//! What a failure of Postgres means for its operation.

use std::{error::Error as StdError, time::Duration};

use tokio_postgres::error::SqlState;

use super::row::Damage;
use crate::model::{
    error::Error,
    limit::{CountReached, LimitKind},
};

/// Why a statement has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PgError {
    /// Postgres refused it, or the connection failed.
    #[error(transparent)]
    Driver(#[from] tokio_postgres::Error),
    /// No answer in time; the statement may still run until its connection is dropped.
    #[error("Postgres did not answer within {0:?}")]
    Silent(Duration),
    /// The result cannot be read.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

impl PgError {
    /// Postgres' error, if it sent one.
    pub(super) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Driver(e) => e.code(),
            Self::Silent(_) | Self::Damaged(_) => None,
        }
    }
}

/// The store's error for a failed statement. SQLSTATEs and texts of Postgres stay in the source, for the log.
pub(crate) fn from_pg(e: impl Into<PgError>) -> Error {
    let e = e.into();
    if let PgError::Damaged(damage) = e {
        return damage.into();
    }
    if let Some(reached) = session_limit(&e) {
        return reached.into();
    }
    if e.code().is_some_and(|code| code.code() == "CA002") {
        let rule = "is being erased: use another one, or wait until `cairn admin tenants erasure` says that it is finished";
        return Error::invalid("tenant", rule);
    }
    match e.code() {
        None => unavailable(e), // the connection failed, or was cut
        Some(code) if is_transient(code) || is_conflict(code) => unavailable(e),
        Some(_) => Error::Internal(e.into()),
    }
}

/// The limit on sessions, if the trigger that holds it refused the statement.
fn session_limit(e: &PgError) -> Option<CountReached> {
    let PgError::Driver(e) = e else { return None };
    let refusal = e.as_db_error().filter(|e| e.code().code() == "CA001")?;
    let max = refusal.detail()?.parse().ok()?;
    let kind = LimitKind::Sessions;
    Some(CountReached { kind, max })
}

impl From<PgError> for Error {
    fn from(e: PgError) -> Self {
        from_pg(e)
    }
}

pub(crate) fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::Unavailable {
        dependency: "database",
        source: source.into(),
    }
}

/// Whether a retry of the whole transaction may succeed: it conflicted with another one, or its connection was lost, in
/// which case it may even have been committed. A statement that reached its time limit is not retried.
pub(super) fn is_worth_repeating(e: &PgError) -> bool {
    match e.code() {
        None => matches!(e, PgError::Driver(_)),
        Some(&SqlState::QUERY_CANCELED) => false,
        Some(code) => is_conflict(code) || is_transient(code),
    }
}

/// The transaction conflicted with another one: a concurrent commit of the same content, or a condemnation of the
/// object that it was about to share. Or an earlier statement of its flight failed for such a reason.
fn is_conflict(code: &SqlState) -> bool {
    [
        SqlState::UNIQUE_VIOLATION,
        SqlState::FOREIGN_KEY_VIOLATION,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::IN_FAILED_SQL_TRANSACTION,
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
            SqlState::OUT_OF_MEMORY,
            SqlState::CONFIGURATION_LIMIT_EXCEEDED,
            SqlState::LOCK_NOT_AVAILABLE,
        ]
        .contains(code)
}
