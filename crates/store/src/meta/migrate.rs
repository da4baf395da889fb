//! Brings the schema up to date, beside processes that read and write.
//!
//! Refinery finds the files and computes their checksums; its table lists the applied ones. It does not apply them,
//! because a migration that waits for a table's lock makes every later statement wait: such a wait has to be short, and
//! an index is built without any.

use std::time::Duration;

use refinery::Migration;
use tokio::time::sleep;
use tokio_postgres::{error::SqlState, types::Type};

use super::{
    connection::Connection,
    error::{PgError, from_pg},
    row::{at, count},
};
use crate::model::error::{Error, Result};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Used by nothing else in the database; the digits are "cairn" on a telephone.
const LOCK: i64 = 22476;
/// The poll interval for whether another process has ended its migration.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The pauses between attempts to get a lock double from the first to the last of these.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// As refinery makes it.
const HISTORY: &str = "CREATE TABLE IF NOT EXISTS refinery_schema_history (
    version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))";

/// Applies the missing migrations, in the order of the versions, and returns them. Processes that start together apply
/// each migration once.
pub(super) async fn migrate(client: &mut Connection) -> Result<Vec<String>> {
    client.lift_limits().await.map_err(from_pg)?;
    // Not pg_advisory_lock: a concurrent index build would wait for the statement that waits here.
    let lock = "SELECT pg_try_advisory_lock($1)";
    let locked = async || {
        let row = client.query_one(lock, &[&LOCK]).await.map_err(from_pg)?;
        Ok::<bool, Error>(at(&row, 0)?)
    };
    while !locked().await? {
        sleep(LOOK_AGAIN).await;
    }
    // The lock ends with the connection, which does not return to the pool.
    client.batch_execute(HISTORY).await.map_err(from_pg)?;
    let mut applied = Vec::new();
    for migration in missing(client).await? {
        apply(client, &migration).await?;
        applied.push(migration.to_string());
    }
    Ok(applied)
}

/// Whether every known migration has been applied.
pub(super) async fn is_current(client: &Connection) -> Result<bool> {
    let runner = embedded::migrations::runner();
    let known = runner.get_migrations().iter().map(Migration::version);
    let known: Vec<i32> = known.collect();
    let sql = "SELECT count(*) FROM refinery_schema_history WHERE version = ANY ($1)";
    match client
        .query_typed_one(sql, &[(&known, Type::INT4_ARRAY)])
        .await
    {
        Ok(row) => Ok(count(&row, 0)? == known.len() as u64),
        Err(e) if e.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(false),
        Err(e) => Err(from_pg(e)),
    }
}

/// The missing migrations. Unknown ones may have been applied: those of a newer version, which keep this one working.
async fn missing(client: &Connection) -> Result<Vec<Migration>> {
    let sql = "SELECT version, checksum FROM refinery_schema_history";
    let rows = client.query(sql, &[]).await.map_err(from_pg)?;
    let mut missing = embedded::migrations::runner().get_migrations().clone();
    missing.sort();
    for row in &rows {
        let (version, checksum): (i32, &str) = (at(row, 0)?, at(row, 1)?);
        let Some(at) = missing.iter().position(|m| m.version() == version) else {
            continue;
        };
        let known = missing.remove(at);
        if known.checksum().to_string() != checksum {
            return Err(Error::internal(format!(
                "{known} was applied with another content: a released migration must not be edited"
            )));
        }
    }
    Ok(missing)
}

/// Applies a migration, with retries until it gets its locks.
async fn apply(client: &Connection, migration: &Migration) -> Result<()> {
    let [mut pause, longest] = PAUSES;
    loop {
        let result = match concurrent(migration) {
            Some(statements) => build(client, migration, &statements).await,
            None => transact(client, migration).await,
        };
        match result {
            Ok(()) => return Ok(()),
            Err(e) if lost_to_another(&e) => {
                tracing::warn!(
                    %migration,
                    error = &e as &dyn std::error::Error,
                    again_in = ?pause,
                    "a migration waits for a transaction of another process; pg_stat_activity has the oldest xact_start"
                );
            }
            Err(e) => return Err(Error::Internal(format!("{migration}: {e}").into())),
        }
        sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

fn lost_to_another(e: &PgError) -> bool {
    [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ]
    .iter()
    .any(|code| e.code() == Some(code))
}

/// Applies a migration and records it, both or neither.
async fn transact(client: &Connection, migration: &Migration) -> Result<(), PgError> {
    let tx = client.transaction().await?;
    // Statements that arrive after a waiting ALTER TABLE wait with it.
    tx.batch_execute("SET LOCAL lock_timeout = '3s'").await?;
    tx.batch_execute(migration.sql().unwrap_or_default())
        .await?;
    write_down(&tx, migration).await?;
    tx.commit().await
}

/// Runs the statements of a concurrent migration, each of which can be repeated. Their waits for older transactions are
/// not bounded, because no reader and no writer waits behind them.
async fn build(
    client: &Connection,
    migration: &Migration,
    statements: &[String],
) -> Result<(), PgError> {
    for statement in statements {
        if let Some(index) = created(statement) {
            drop_unfinished(client, index).await?;
        }
        client.batch_execute(statement).await?;
    }
    write_down(client, migration).await
}

async fn write_down(client: &Connection, migration: &Migration) -> Result<(), PgError> {
    let sql = r#"INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
        VALUES ($1, $2, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), $3)"#;
    let checksum = migration.checksum().to_string();
    client
        .execute(sql, &[&migration.version(), &migration.name(), &checksum])
        .await?;
    Ok(())
}

/// An interrupted build leaves an index that every write maintains and no read uses.
async fn drop_unfinished(client: &Connection, index: &str) -> Result<(), PgError> {
    let sql =
        "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass($1::text) AND NOT indisvalid";
    let row = client.query_one(sql, &[&index]).await?;
    if count(&row, 0)? > 0 {
        client
            .batch_execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS {index}"))
            .await?;
    }
    Ok(())
}

/// The statements of a migration that must not run in a transaction, because they have CONCURRENTLY. Empty for all
/// others.
fn concurrent(migration: &Migration) -> Option<Vec<String>> {
    let without_comments: Vec<&str> = migration
        .sql()?
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .collect();
    let sql = without_comments.join(" ");
    sql.contains(" CONCURRENTLY ").then(|| {
        let statements = sql.split(';').map(str::trim);
        statements
            .filter(|statement| !statement.is_empty())
            .map(str::to_owned)
            .collect()
    })
}

/// The index that a statement creates.
fn created(statement: &str) -> Option<&str> {
    let name = statement.split_once("INDEX CONCURRENTLY IF NOT EXISTS ")?.1;
    name.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(sql: &str) -> Migration {
        Migration::unapplied("V1__example", sql).unwrap()
    }

    #[test]
    fn statements_without_concurrently_stay_in_one_transaction() {
        let sql = "-- Not CONCURRENTLY yet.\nCREATE TABLE a (b int);\nCREATE INDEX c ON a (b);";
        assert_eq!(concurrent(&migration(sql)), None);
    }

    #[test]
    fn statements_with_concurrently_run_one_by_one() {
        let sql =
            "-- Why.\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS c ON a (b) -- as\n    WHERE d;
            DROP INDEX CONCURRENTLY IF EXISTS e;\n";
        let statements = concurrent(&migration(sql)).unwrap();
        assert_eq!(
            statements,
            [
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS c ON a (b) WHERE d",
                "DROP INDEX CONCURRENTLY IF EXISTS e"
            ]
        );
        assert_eq!(
            statements.iter().map(|s| created(s)).collect::<Vec<_>>(),
            [Some("c"), None]
        );
    }
}
