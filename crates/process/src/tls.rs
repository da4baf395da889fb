//! TLS on the ports of a process. Certificates come from files, and are read again when the files change: a certificate
//! that is renewed needs no restart.

use std::sync::Arc;

use opentelemetry::{global, metrics::Gauge};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    config::TlsSettings,
    error::{Error, Result},
    serve::PortName,
};

pub(crate) mod acceptor;
mod expiry;
mod files;
mod own;

use expiry::Life;
use files::{CERT_FILE, CLIENT_CA_FILE, Files, KEY_FILE, certificates};
pub use own::to_own_port;

/// The certificates of a process.
pub struct Certificates {
    settings: TlsSettings,
    files: Files,
    current: watch::Sender<Arc<Configs>>,
    instruments: Instruments,
}

/// TLS on one port, always with the certificate that was loaded last.
#[derive(Clone)]
pub struct Tls {
    current: watch::Receiver<Arc<Configs>>,
    asks_clients: bool,
}

/// What one pair of certificate and key serves: ports that ask clients for a certificate, and ports that do not.
struct Configs {
    any_client: Arc<ServerConfig>,
    known_clients: Option<Arc<ServerConfig>>,
    /// Of the certificate that ends first.
    life: Life,
}

struct Instruments {
    start: Gauge<u64>,
    expiry: Gauge<u64>,
    failing: Gauge<u64>,
}

impl Certificates {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// `Setting`, naming the variable at fault: a file cannot be read, has nothing of its kind in it, or certificate and key
    /// are not of one pair.
    pub async fn load(settings: TlsSettings) -> Result<Self> {
        let files = Files::read(&settings).await?;
        let configs = Configs::new(&settings, &files)?;
        let instruments = Instruments::new();
        instruments.tell(configs.life);
        instruments.failing.record(0, &[]);
        Ok(Self {
            settings,
            files,
            current: watch::Sender::new(Arc::new(configs)),
            instruments,
        })
    }

    /// TLS for this port; `None` where the settings leave it plain.
    #[must_use]
    pub fn on(&self, port: PortName) -> Option<Tls> {
        let clients = self.settings.clients.as_ref();
        self.settings.ports.contains(&port).then(|| Tls {
            current: self.current.subscribe(),
            asks_clients: clients.is_some_and(|clients| clients.ports.contains(&port)),
        })
    }

    /// Looks at the files until `stop` and serves new connections with what they hold. While the files cannot be used, the old
    /// certificate stays in use.
    pub async fn follow(mut self, stop: CancellationToken) {
        let mut failing = None;
        loop {
            let pause = tokio::time::sleep(self.settings.reload);
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
            let problem = self.look().await.err().map(|e| e.to_string());
            self.instruments
                .failing
                .record(problem.is_some().into(), &[]);
            // Repeated every few seconds, the same error would hide others.
            if let Some(problem) = problem
                .as_ref()
                .filter(|now| failing.as_ref() != Some(*now))
            {
                tracing::error!(error = problem, "the old certificate stays in use");
            }
            failing = problem;
        }
    }

    async fn look(&mut self) -> Result<()> {
        let files = Files::read(&self.settings).await?;
        if files == self.files {
            return Ok(());
        }
        let configs = Configs::new(&self.settings, &files)?;
        self.instruments.tell(configs.life);
        tracing::info!(
            expires = configs.life.end,
            "new connections get a new certificate"
        );
        self.files = files;
        self.current.send_replace(Arc::new(configs));
        Ok(())
    }
}

impl Instruments {
    fn new() -> Self {
        let meter = global::meter("cairn");
        let timestamp = |name| meter.u64_gauge(name).with_unit("s").build();
        Self {
            start: timestamp("cairn.tls.certificate.start.timestamp"),
            expiry: timestamp("cairn.tls.certificate.expiry.timestamp"),
            failing: meter.u64_gauge("cairn.tls.reload.failing").build(),
        }
    }

    fn tell(&self, life: Life) {
        self.start.record(life.start, &[]);
        self.expiry.record(life.end, &[]);
    }
}

impl Tls {
    /// The configuration for new connections.
    fn config(&mut self) -> Arc<ServerConfig> {
        let configs = self.current.borrow_and_update();
        match &configs.known_clients {
            Some(known) if self.asks_clients => known.clone(),
            _ => configs.any_client.clone(),
        }
    }

    fn has_changed(&self) -> bool {
        // Without a sender it cannot change.
        self.current.has_changed().unwrap_or(false)
    }
}

impl Configs {
    fn new(settings: &TlsSettings, files: &Files) -> Result<Self> {
        let chain = certificates(CERT_FILE, &settings.cert_file, &files.cert)?;
        let key = PrivateKeyDer::from_pem_slice(&files.key).map_err(|e| {
            let file = settings.key_file.display();
            Error::setting(KEY_FILE, format!("names {file}, which has no key: {e}"))
        })?;
        let life = expiry::of(&chain).map_err(|e| Error::setting(CERT_FILE, e))?;
        let known_clients = match (&settings.clients, &files.client_ca) {
            (Some(clients), Some(bytes)) => {
                let roots = certificates(CLIENT_CA_FILE, &clients.ca_file, bytes)?;
                Some(config(chain.clone(), key.clone_key(), Some(roots))?)
            }
            _ => None,
        };
        Ok(Self {
            any_client: config(chain, key, None)?,
            known_clients,
            life,
        })
    }
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Option<Vec<CertificateDer<'static>>>,
) -> Result<Arc<ServerConfig>> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::setup("TLS", e))?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(certificates) => {
            let refuse = |e: String| Error::setting(CLIENT_CA_FILE, e);
            let mut roots = RootCertStore::empty();
            for certificate in certificates {
                roots.add(certificate).map_err(|e| refuse(e.to_string()))?;
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|e| refuse(e.to_string()))?)
        }
    };
    builder
        .with_single_cert(chain, key)
        .map(Arc::new)
        .map_err(|e| {
            let rule = format!(
                "and {KEY_FILE} name a certificate and a key that cannot be used together: {e}"
            );
            Error::setting(CERT_FILE, rule)
        })
}
