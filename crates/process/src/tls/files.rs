//! The files of certificates and keys.

use std::{path::Path, time::Duration};

use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{
    config::TlsSettings,
    error::{Error, Result},
};

pub(super) const CERT_FILE: &str = "CAIRN_TLS_CERT_FILE";

pub(super) const KEY_FILE: &str = "CAIRN_TLS_KEY_FILE";

pub(super) const CLIENT_CA_FILE: &str = "CAIRN_TLS_CLIENT_CA_FILE";

/// What the files held when they were last read.
#[derive(PartialEq, Eq)]
pub(super) struct Files {
    pub(super) cert: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) client_ca: Option<Vec<u8>>,
}

impl Files {
    pub(super) async fn read(settings: &TlsSettings) -> Result<Self> {
        let client_ca = match &settings.clients {
            Some(clients) => Some(read(CLIENT_CA_FILE, &clients.ca_file).await?),
            None => None,
        };
        Ok(Self {
            cert: read(CERT_FILE, &settings.cert_file).await?,
            key: read(KEY_FILE, &settings.key_file).await?,
            client_ca,
        })
    }
}

async fn read(variable: &str, file: &Path) -> Result<Vec<u8>> {
    let read = tokio::time::timeout(Duration::from_secs(10), tokio::fs::read(file)).await;
    let problem = match read {
        Ok(Ok(bytes)) => return Ok(bytes),
        Ok(Err(e)) => e.to_string(),
        Err(_) => "it takes longer than 10 seconds".to_owned(),
    };
    let rule = format!("names {}, which cannot be read: {problem}", file.display());
    Err(Error::setting(variable, rule))
}

pub(super) fn certificates(
    variable: &str,
    file: &Path,
    bytes: &[u8],
) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let problem = match found {
        Ok(found) if !found.is_empty() => return Ok(found),
        Ok(_) => "there is none in it, in PEM".to_owned(),
        Err(e) => e.to_string(),
    };
    let rule = format!("names the certificates in {}: {problem}", file.display());
    Err(Error::setting(variable, rule))
}
