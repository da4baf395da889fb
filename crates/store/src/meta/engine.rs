//! Checks whether the protocol holds on the server.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, types::Type};

use super::{
    connector::Connector,
    error::{from_pg, unavailable},
    row::at,
};
use crate::model::error::{Error, Result};

/// The oldest accepted Postgres, as `server_version_num`.
const OLDEST: i32 = 150_000;

/// How long the check may take: two connections and five statements.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An advisory lock ends with its transaction, so that it is released through a pooler too.
const LOCK: &str = "SELECT pg_try_advisory_xact_lock($1)";

/// Refuses a server that is too old, and one whose advisory locks do not exclude each other: seals and quotas depend on
/// them, and some engines with Postgres' protocol accept the call and do nothing. It opens two connections beside the
/// pool, so that no task holds two of the pool.
///
/// # Errors
/// `Invalid` for such a server; `Unavailable`.
pub(super) async fn check(connector: &Connector) -> Result<()> {
    let checked = timeout(TIMEOUT, check_unbounded(connector)).await;
    checked.unwrap_or_else(|e| Err(unavailable(e)))
}

async fn check_unbounded(connector: &Connector) -> Result<()> {
    let (holder, _driven) = connector.make().await.map_err(from_pg)?;
    let (other, _driven) = connector.make().await.map_err(from_pg)?;
    let row = holder
        .query_typed_one(
            "SELECT current_setting('server_version_num')::int, version()",
            &[],
        )
        .await
        .map_err(from_pg)?;
    let (number, name): (i32, String) = (at(&row, 0)?, at(&row, 1)?);
    if number < OLDEST {
        return Err(refuse(&name, "Postgres 15 or newer is needed"));
    }
    // Random, so that processes that start together do not conflict.
    let key: i64 = rand::random();
    holder.batch_execute("BEGIN").await.map_err(from_pg)?;
    let both = try_lock(&holder, key).await? && try_lock(&other, key).await?;
    holder.batch_execute("ROLLBACK").await.map_err(from_pg)?;
    if both {
        return Err(refuse(
            &name,
            "its advisory locks do not exclude, on which seals and quotas rest",
        ));
    }
    Ok(())
}

async fn try_lock(client: &Client, key: i64) -> Result<bool> {
    let row = client
        .query_typed_one(LOCK, &[(&key, Type::INT8)])
        .await
        .map_err(from_pg)?;
    Ok(at(&row, 0)?)
}

fn refuse(name: &str, reason: &str) -> Error {
    Error::invalid("CAIRN_DATABASE_URL", format!("leads to {name}: {reason}"))
}
