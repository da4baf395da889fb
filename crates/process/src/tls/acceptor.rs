use std::sync::Arc;

use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::Tls;

/// Accepts the TLS connections of one port.
pub(crate) struct Acceptor {
    tls: Tls,
    protocols: Vec<Vec<u8>>,
    ready: TlsAcceptor,
}

impl Acceptor {
    /// Offers these protocols by ALPN, in order of preference.
    pub(crate) fn new(mut tls: Tls, protocols: &[&str]) -> Self {
        let protocols: Vec<_> = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let ready = acceptor(&tls.config(), &protocols);
        Self {
            tls,
            protocols,
            ready,
        }
    }

    /// The acceptor for the next connection.
    pub(crate) fn current(&mut self) -> TlsAcceptor {
        if self.tls.has_changed() {
            self.ready = acceptor(&self.tls.config(), &self.protocols);
        }
        self.ready.clone()
    }
}

fn acceptor(config: &ServerConfig, protocols: &[Vec<u8>]) -> TlsAcceptor {
    let mut config = config.clone();
    config.alpn_protocols = protocols.to_vec();
    Arc::new(config).into()
}
