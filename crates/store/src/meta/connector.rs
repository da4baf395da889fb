//! Opens connections to Postgres, with a password that may change.

use std::{future::Future, path::Path, pin::Pin, sync::Arc, time::Duration};

use deadpool_postgres::{Connect, Manager, ManagerConfig, RecyclingMethod};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

use super::{time::CONNECT_TIMEOUT, tls, tls::Tls};
use crate::{
    config::StoreConfig,
    model::error::{Result, describe},
};

/// How long Postgres may leave sent data unacknowledged before the connection counts as dead.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(15);
/// A silent connection is probed after this time, then at each interval. So a host that vanished after it acknowledged
/// a statement is noticed within 30 s. The URL may change this.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
/// The default of `tokio_postgres::Config`.
const DRIVERS_KEEPALIVE_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

type Made = std::result::Result<(Client, JoinHandle<()>), tokio_postgres::Error>;

/// How connections are opened.
#[derive(Clone)]
pub(super) struct Connector {
    config: Config,
    tls: Tls,
    /// Read for each connection: the password may rotate, or be valid for minutes only.
    password_file: Option<Arc<Path>>,
}

impl Connector {
    /// # Errors
    /// `Invalid` for a setting that cannot be used.
    pub(super) fn new(store: &StoreConfig) -> Result<Self> {
        let (mut config, tls) = tls::parse(&store.database_url, store.database_ca_file.as_deref())?;
        config.connect_timeout(CONNECT_TIMEOUT);
        config.tcp_user_timeout(TCP_USER_TIMEOUT);
        if config.get_keepalives_idle() == DRIVERS_KEEPALIVE_IDLE {
            config.keepalives_idle(KEEPALIVE_IDLE);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(KEEPALIVE_INTERVAL);
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(KEEPALIVE_RETRIES);
        }
        if config.get_application_name().is_none() {
            config.application_name("cairn");
        }
        Ok(Self {
            config,
            tls,
            password_file: store.database_password_file.as_deref().map(Arc::from),
        })
    }

    pub(super) fn manager(&self) -> Manager {
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        Manager::from_connect(self.config.clone(), self.clone(), recycling)
    }

    pub(super) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Opens a connection, and spawns a task that runs it until the client is dropped.
    pub(super) async fn make(&self) -> Made {
        let mut config = self.config.clone();
        if let Some(file) = &self.password_file {
            match tokio::fs::read_to_string(file).await {
                Ok(password) => {
                    config.password(password.trim_end_matches(['\r', '\n']));
                }
                Err(e) => tracing::warn!(
                    file = %file.display(),
                    error = describe(&e),
                    "the database's password cannot be read"
                ),
            }
        }
        match self.tls.clone() {
            Tls::None => {
                let (client, connection) = config.connect(NoTls).await?;
                Ok((client, tokio::spawn(drive(connection))))
            }
            Tls::Rustls(tls) => {
                let (client, connection) = config.connect(tls).await?;
                Ok((client, tokio::spawn(drive(connection))))
            }
        }
    }
}

impl Connect for Connector {
    fn connect(&self, _: &Config) -> Pin<Box<dyn Future<Output = Made> + Send + '_>> {
        Box::pin(self.make())
    }
}

/// Runs a connection to its end. The next statement on the client reports a failure.
async fn drive(connection: impl Future<Output = std::result::Result<(), tokio_postgres::Error>>) {
    if let Err(e) = connection.await {
        tracing::warn!(
            error = describe(&e),
            "a connection to the database was lost"
        );
    }
}
