//! An issuer's keys, over HTTP.

use std::{error::Error, fs, io, path::PathBuf, sync::Arc, time::Duration};

use axum::http::{Request, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jsonwebtoken::jwk::JwkSet;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::config::{TokenSettings, is_safe};

/// For two requests at most. A caller waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum bytes of an answer.
const MAX_BYTES: usize = 1 << 20;

/// Discovery is JSON, keys have a media type of their own (RFC 7517), and Kubernetes accepts no other.
const ACCEPT: &str = "application/json, application/jwk-set+json";

type Failure = Box<dyn Error + Send + Sync>;

/// The location of an issuer's keys.
pub(super) struct Source {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    issuer: String,
    keys_url: Option<Uri>,
    keys_file: Option<PathBuf>,
    bearer_file: Option<PathBuf>,
}

/// The relevant part of OpenID Connect Discovery 1.0.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

impl Source {
    /// # Errors
    /// If the root certificates cannot be read.
    pub(super) fn new(settings: &TokenSettings) -> io::Result<Self> {
        let connector = HttpsConnectorBuilder::new();
        let provider = ring::default_provider();
        let connector = match &settings.ca_file {
            None => connector.with_provider_and_native_roots(provider)?,
            Some(file) => {
                let named = |e: &dyn std::fmt::Display| {
                    io::Error::other(format!("CAIRN_TOKEN_CA_FILE, {}: {e}", file.display()))
                };
                let mut roots = RootCertStore::empty();
                for root in CertificateDer::pem_file_iter(file).map_err(|e| named(&e))? {
                    roots
                        .add(root.map_err(|e| named(&e))?)
                        .map_err(|e| named(&e))?;
                }
                let tls = ClientConfig::builder_with_provider(Arc::new(provider))
                    .with_safe_default_protocol_versions()
                    .map_err(io::Error::other)?;
                connector.with_tls_config(tls.with_root_certificates(roots).with_no_client_auth())
            }
        };
        // Settings take plain HTTP only for this machine.
        let connector = connector.https_or_http().enable_http1().build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            issuer: settings.issuer.clone(),
            keys_url: settings.keys_url.clone(),
            keys_file: settings.keys_file.clone(),
            bearer_file: settings.bearer_file.clone(),
        })
    }

    /// The current keys.
    pub(super) async fn keys(&self) -> Result<JwkSet, Failure> {
        if let Some(file) = &self.keys_file {
            let named = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
            let keys = fs::read(file).map_err(|e| named(&e))?;
            return serde_json::from_slice(&keys).map_err(|e| named(&e).into());
        }
        timeout(TIMEOUT, async {
            let url = match &self.keys_url {
                Some(url) => url.clone(),
                None => self.discover().await?,
            };
            self.get(url).await
        })
        .await
        .map_err(|_| format!("{} does not answer", self.issuer))?
    }

    async fn discover(&self) -> Result<Uri, Failure> {
        let issuer = self.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let found: Discovered = self.get(url.parse()?).await?;
        if found.issuer != self.issuer {
            return Err(format!("{url} is about issuer '{}'", found.issuer).into());
        }
        let keys: Uri = found.jwks_uri.parse()?;
        if !is_safe(&keys) {
            return Err(format!("{url} names keys that do not come over https: {keys}").into());
        }
        Ok(keys)
    }

    /// Whether a URL may receive the bearer token: that of the setting, and those of the issuer's own host. Any other
    /// URL comes from an answer of the issuer.
    fn may_know(&self, url: &Uri) -> bool {
        let issuer: Option<Uri> = self.issuer.parse().ok();
        let of_issuer = issuer.is_some_and(|issuer| {
            issuer.authority().is_some() && issuer.authority() == url.authority()
        });
        of_issuer || self.keys_url.as_ref() == Some(url)
    }

    async fn get<T: DeserializeOwned>(&self, url: Uri) -> Result<T, Failure> {
        let mut request = Request::get(&url).header(header::ACCEPT, ACCEPT);
        if let Some(file) = self.bearer_file.as_ref().filter(|_| self.may_know(&url)) {
            // Read each time: the kubelet renews it.
            let bearer = fs::read_to_string(file)
                .map_err(|e| format!("CAIRN_TOKEN_BEARER_FILE, {}: {e}", file.display()))?;
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", bearer.trim()));
        }
        let answer = self.client.request(request.body(Empty::new())?).await?;
        if !answer.status().is_success() {
            return Err(format!("{url} answers {}", answer.status()).into());
        }
        let body = Limited::new(answer.into_body(), MAX_BYTES)
            .collect()
            .await?;
        serde_json::from_slice(&body.to_bytes()).map_err(|e| format!("{url}: {e}").into())
    }
}
