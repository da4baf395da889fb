//! The records, in Postgres. The only SQL of the project is below this module and in `migrations/`.
//!
//! Functions here take an open client or transaction and never check one out, so that nobody holds two connections.
//! Everything runs at READ COMMITTED, where each statement sees what committed before it: the protocol locks in one
//! statement and checks in the next. The database's clock is the only clock.

use std::time::{Duration, Instant};

use deadpool_postgres::{
    Hook, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use tokio_postgres::{Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    error::{Error, Result},
    metrics,
};

pub(crate) mod artifacts;
pub(crate) mod commit;
pub(crate) mod control;
pub(crate) mod error;
pub(crate) mod events;
mod filter;
pub(crate) mod gc;
pub(crate) mod ghosts;
pub(crate) mod holds;
pub(crate) mod idempotency;
pub(crate) mod jobs;
pub(crate) mod ledger;
pub(crate) mod lineage;
pub(crate) mod links;
pub(crate) mod list;
pub(crate) mod manifests;
mod migrate;
pub(crate) mod objects;
pub(crate) mod orphans;
pub(crate) mod passes;
pub(crate) mod pending;
pub(crate) mod quotas;
pub(crate) mod restore;
pub(crate) mod retention;
pub(crate) mod selection;
pub(crate) mod sessions;
pub(crate) mod stages;
pub(crate) mod tenants;
pub(crate) mod tx;
pub(crate) mod update;
pub(crate) mod usage;
pub(crate) mod workloads;

/// Bounds every statement, so that a stuck one cannot hold a connection for ever.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a caller waits for a connection before it is told that the database is busy.
const POOL_WAIT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long Postgres may leave sent data unacknowledged before the connection counts as dead.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(15);

/// The pool of connections to the records.
#[derive(Clone)]
pub(crate) struct Meta {
    pool: Pool,
}

impl Meta {
    /// Opens a pool; no connection is made yet.
    pub(crate) fn new(url: &str, max_connections: usize) -> Result<Self> {
        let manager = manager(connection_config(url)?)?;
        let pool = Pool::builder(manager)
            .max_size(max_connections)
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
        Ok(Self { pool })
    }

    /// Takes a connection from the pool.
    #[tracing::instrument(target = "postgres", name = "connection", skip_all)]
    pub(crate) async fn client(&self) -> Result<Object> {
        let began = Instant::now();
        let taken = self.pool.get().await;
        metrics::waited_for_connection(began.elapsed());
        taken.map_err(|e| match e {
            PoolError::Backend(e) => error::from_pg(e),
            PoolError::PostCreateHook(_) | PoolError::Timeout(_) | PoolError::Closed => {
                error::unavailable(e)
            }
            PoolError::NoRuntimeSpecified => Error::Internal(e.into()),
        })
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
        if standby.get(0) {
            return Err(error::unavailable("the server is a read-only standby"));
        }
        if !migrate::is_current(&client).await? {
            let words = "the database's schema is too old; run cairn-api migrate";
            return Err(error::unavailable(words));
        }
        Ok(())
    }

    /// Applies every migration that has not been applied yet.
    pub(crate) async fn migrate(&self) -> Result<Vec<String>> {
        let mut client = self.client().await?;
        migrate::migrate(&mut client).await
    }
}

fn connection_config(url: &str) -> Result<Config> {
    let mut config: Config = url.parse().map_err(|e: tokio_postgres::Error| {
        Error::invalid("CAIRN_DATABASE_URL", format!("is no Postgres URL: {e}"))
    })?;
    config.connect_timeout(CONNECT_TIMEOUT);
    config.tcp_user_timeout(TCP_USER_TIMEOUT);
    if config.get_application_name().is_none() {
        config.application_name("cairn");
    }
    Ok(config)
}

/// Generic plans made a metadata query a hundred times slower (docs/architecture.md), hence custom ones always.
fn session_settings() -> String {
    format!(
        "SET default_transaction_isolation = 'read committed';
         SET plan_cache_mode = force_custom_plan;
         SET statement_timeout = {timeout};
         SET idle_in_transaction_session_timeout = {timeout};
         SET timezone = 'UTC'",
        timeout = STATEMENT_TIMEOUT.as_millis()
    )
}

/// TLS is by rustls with the machine's trusted roots. A machine that has none can still speak to a Postgres that needs no
/// TLS, as over a unix socket.
fn manager(config: Config) -> Result<Manager> {
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    match MakeRustlsConnect::with_native_certs() {
        Ok((tls, _unreadable)) => Ok(Manager::from_config(config, tls, recycling)),
        Err(_) if config.get_ssl_mode() != SslMode::Require => {
            Ok(Manager::from_config(config, NoTls, recycling))
        }
        Err(_) => Err(Error::invalid(
            "CAIRN_DATABASE_URL",
            "asks for TLS, but this machine has no trusted root certificates; install ca-certificates",
        )),
    }
}

/// A duration as the parameter of `$n * interval '1 ms'`, which takes a double.
fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
