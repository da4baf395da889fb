//! The records, in Postgres. The only SQL of the project is below this module and in `migrations/`.
//!
//! Functions here take an open connection or transaction and never check one out; a task that asks for a second one is
//! refused.
//! Everything runs at READ COMMITTED, where each statement sees what committed before it: the protocol locks in one
//! statement and checks in the next. The database's clock is the only clock.

use std::time::{Duration, Instant};

use deadpool_postgres::{Hook, Pool, PoolError, Runtime, Timeouts};

use connection::{Connection, Holders, Turn};
use connector::Connector;
use time::{CONNECT_TIMEOUT, STATEMENT_TIMEOUT};

use crate::{
    config::StoreConfig,
    metrics,
    model::error::{Error, Result},
};

pub(crate) mod api_keys;
pub(crate) mod archive;
mod artifact_row;
pub(crate) mod artifacts;
pub(crate) mod audit;
pub(crate) mod backlog;
pub(crate) mod batch;
pub(crate) mod collector;
pub(crate) mod commit;
pub(crate) mod connection;
mod connector;
pub(crate) mod control;
pub(crate) mod credentials;
pub(crate) mod due;
mod engine;
pub(crate) mod erasures;
pub(crate) mod error;
pub(crate) mod events;
mod filter;
pub(crate) mod ghosts;
mod grants;
pub(crate) mod holds;
pub(crate) mod idempotency;
pub(crate) mod jobs;
pub(crate) mod ledger;
pub(crate) mod lineage;
pub(crate) mod link_policy;
pub(crate) mod links;
pub(crate) mod list;
pub(crate) mod manifests;
mod migrate;
pub(crate) mod objects;
pub(crate) mod orphans;
pub(crate) mod passes;
mod patience;
pub(crate) mod pending;
pub(crate) mod plans;
pub(crate) mod quotas;
pub(crate) mod reach;
pub(crate) mod requests;
pub(crate) mod restore;
pub(crate) mod retention;
mod row;
pub(crate) mod secrets;
pub(crate) mod selection;
pub(crate) mod sessions;
pub(crate) mod stages;
pub(crate) mod tenants;
mod time;
mod tls;
pub(crate) mod todos;
pub(crate) mod update;
pub(crate) mod uploads;
pub(crate) mod usage;
pub(crate) mod usage_days;
pub(crate) mod workloads;

/// How long a caller waits for a connection before it gets the error that the database is busy.
const POOL_WAIT: Duration = Duration::from_secs(5);

/// The pool of connections to the records.
#[derive(Clone)]
pub(crate) struct Meta {
    pool: Pool,
    connector: Connector,
    holders: Holders,
}

impl Meta {
    /// Opens a pool; no connection is made yet.
    ///
    /// # Errors
    /// `Invalid` for a setting that cannot be used.
    pub(crate) fn new(config: &StoreConfig) -> Result<Self> {
        let connector = Connector::new(config)?;
        let pool = Pool::builder(connector.manager())
            .max_size(config.database_connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(POOL_WAIT),
                create: Some(CONNECT_TIMEOUT),
                recycle: Some(CONNECT_TIMEOUT),
            })
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move {
                    client
                        .batch_execute(&session_settings())
                        .await
                        .map_err(deadpool_postgres::HookError::Backend)
                })
            }))
            .build()
            .map_err(|e| Error::Internal(e.into()))?;
        Ok(Self {
            pool,
            connector,
            holders: Holders::default(),
        })
    }

    /// Takes a connection from the pool.
    ///
    /// # Errors
    /// `Unavailable`; `Internal` for a task that holds one already.
    #[tracing::instrument(target = "postgres", name = "connection", skip_all)]
    pub(crate) async fn client(&self) -> Result<Connection> {
        let turn = Turn::take(&self.holders)?;
        let began = Instant::now();
        let taken = self.pool.get().await;
        metrics::waited_for_connection(began.elapsed());
        let object = taken.map_err(|e| match e {
            PoolError::Backend(e) => error::from_pg(e),
            PoolError::PostCreateHook(_) | PoolError::Timeout(_) | PoolError::Closed => {
                error::unavailable(e)
            }
            PoolError::NoRuntimeSpecified => Error::Internal(e.into()),
        })?;
        Ok(turn.with(object, self.connector.tls()))
    }

    /// Tells how the connections are used.
    pub(crate) fn observe(&self) {
        let status = self.pool.status();
        let used = status.size.saturating_sub(status.available);
        metrics::pool(used, status.available, status.max_size);
    }

    /// Whether Postgres answers, is a primary, for a standby would accept reads and refuse every write, and has the schema
    /// that is spoken here, or a later one.
    pub(crate) async fn ping(&self) -> Result<()> {
        let client = self.client().await?;
        let standby = client
            .query_typed_one("SELECT pg_is_in_recovery()", &[])
            .await
            .map_err(error::from_pg)?;
        if row::at(&standby, 0)? {
            return Err(error::unavailable("the server is a read-only standby"));
        }
        if !migrate::is_current(&client).await? {
            let words = "the database's schema is too old; run cairn-api migrate";
            return Err(error::unavailable(words));
        }
        Ok(())
    }

    /// Refuses a server on which the protocol does not hold.
    ///
    /// # Errors
    /// `Invalid` for such a server; `Unavailable`.
    pub(crate) async fn check_engine(&self) -> Result<()> {
        engine::check(&self.connector).await
    }

    /// Applies every migration that has not been applied yet.
    pub(crate) async fn migrate(&self) -> Result<Vec<String>> {
        let mut client = self.client().await?;
        migrate::migrate(&mut client).await
    }
}

/// `client_connection_check_interval` ends the statement of a process that died, also while it waits for a lock.
fn session_settings() -> String {
    format!(
        "SET default_transaction_isolation = 'read committed';
         SET statement_timeout = {timeout};
         SET idle_in_transaction_session_timeout = {timeout};
         SET client_connection_check_interval = '2s';
         SET timezone = 'UTC'",
        timeout = STATEMENT_TIMEOUT.as_millis()
    )
}
