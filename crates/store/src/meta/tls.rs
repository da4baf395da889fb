//! TLS to Postgres: rustls, with the machine's trusted roots.

use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod};
use tokio_postgres::{CancelToken, Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Result};

/// How connections are encrypted, where Postgres asks for it.
#[derive(Clone)]
pub(super) enum Tls {
    /// The machine has no trusted roots. It can still speak to a Postgres that needs no TLS, as over a unix socket.
    None,
    Rustls(MakeRustlsConnect),
}

impl Tls {
    /// # Errors
    /// `Invalid` when TLS is asked for and the machine trusts no authority.
    pub(super) fn new(config: &Config) -> Result<Self> {
        match MakeRustlsConnect::with_native_certs() {
            Ok((tls, _unreadable)) => Ok(Self::Rustls(tls)),
            Err(_) if config.get_ssl_mode() != SslMode::Require => Ok(Self::None),
            Err(_) => Err(Error::invalid(
                "CAIRN_DATABASE_URL",
                "asks for TLS, but this machine has no trusted root certificates; install ca-certificates",
            )),
        }
    }

    pub(super) fn manager(self, config: Config) -> Manager {
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        match self {
            Self::None => Manager::from_config(config, NoTls, recycling),
            Self::Rustls(tls) => Manager::from_config(config, tls, recycling),
        }
    }

    /// Asks the server to end the statement that a connection runs.
    pub(super) async fn cancel(self, token: CancelToken) -> Result<(), tokio_postgres::Error> {
        match self {
            Self::None => token.cancel_query(NoTls).await,
            Self::Rustls(tls) => token.cancel_query(tls).await,
        }
    }
}
