//! TLS to the server: whom to trust, and what to show.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::error::Error;

/// How an `https` server is verified, and the certificate that it is shown. By default the machine's trusted authorities
/// vouch for the server, and it is shown none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// A PEM file with the authorities that are trusted in place of the machine's.
    pub ca_file: Option<PathBuf>,
    /// The certificate for servers that ask for one.
    pub client: Option<ClientCertificate>,
}

/// The files of a client's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate and its intermediates, in PEM.
    pub cert_file: PathBuf,
    /// Its key, in PEM without a password.
    pub key_file: PathBuf,
}

impl Tls {
    /// # Errors
    /// `File`, `Configuration` for a file with nothing of its kind.
    pub(super) fn config(&self) -> Result<ClientTlsConfig, Error> {
        let config = ClientTlsConfig::new();
        let mut config = match &self.ca_file {
            None => config.with_native_roots(),
            Some(file) => config.ca_certificate(Certificate::from_pem(read(file, "CERTIFICATE")?)),
        };
        if let Some(client) = &self.client {
            let certificate = read(&client.cert_file, "CERTIFICATE")?;
            let key = read(&client.key_file, "PRIVATE KEY")?;
            config = config.identity(Identity::from_pem(certificate, key));
        }
        Ok(config)
    }
}

fn read(file: &Path, kind: &str) -> Result<String, Error> {
    let problem = |source: io::Error| Error::File {
        path: file.to_owned(),
        source,
    };
    let text = fs::read_to_string(file).map_err(problem)?;
    if text.contains("-----BEGIN ") && text.contains(kind) {
        return Ok(text);
    }
    let words = format!("there is no {} in it, in PEM", kind.to_lowercase());
    Err(problem(io::Error::other(words)))
}
