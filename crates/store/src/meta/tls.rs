//! TLS to Postgres: rustls, with the machine's root certificates and those that the operator adds.
//!
//! `prefer`, the default, accepts a server without TLS. An attacker in between needs no certificate for that, so none
//! is checked. A certificate is checked with `require`, `verify-ca`, `verify-full`, and whenever a CA is given.

use std::{path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use tokio_postgres::{CancelToken, Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use self::parameters::{Mode, Parameters};
use crate::model::error::{Error, Result};

mod parameters;

const URL: &str = "CAIRN_DATABASE_URL";
const CA_FILE: &str = "CAIRN_DATABASE_CA_FILE";

/// How connections are encrypted.
#[derive(Clone)]
pub(super) enum Tls {
    /// Not at all.
    None,
    Rustls(MakeRustlsConnect),
}

impl Tls {
    /// Asks the server to cancel the statement of a connection.
    pub(super) async fn cancel(
        self,
        token: CancelToken,
    ) -> std::result::Result<(), tokio_postgres::Error> {
        match self {
            Self::None => token.cancel_query(NoTls).await,
            Self::Rustls(tls) => token.cancel_query(tls).await,
        }
    }
}

/// Reads a URL or `key=value` pairs of Postgres, with all that libpq has of `sslmode` but `allow`, and `sslrootcert`.
///
/// # Errors
/// `Invalid`, naming the setting, also when an authority cannot be read or the machine trusts none.
pub(super) fn parse(url: &str, ca_file: Option<&Path>) -> Result<(Config, Tls)> {
    let (url, parameters) = parameters::split(url).map_err(|e| Error::invalid(URL, e))?;
    let mut config: Config = url
        .parse()
        .map_err(|e| Error::invalid(URL, format!("is no Postgres URL: {e}")))?;
    let authorities = authorities(&parameters, ca_file)?;
    // A given CA must not be ignored.
    let default = if authorities.is_empty() {
        Mode::Prefer
    } else {
        Mode::VerifyFull
    };
    let mode = parameters.mode.unwrap_or(default);
    config.ssl_mode(match mode {
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
    });
    Ok((config, tls(mode, authorities)?))
}

/// The CA certificates that are given in addition to the machine's roots.
fn authorities(
    parameters: &Parameters,
    ca_file: Option<&Path>,
) -> Result<Vec<CertificateDer<'static>>> {
    let of_url = parameters.root_cert.as_deref().filter(|f| *f != "system");
    let mut found = Vec::new();
    for (setting, file) in [(CA_FILE, ca_file), (URL, of_url.map(Path::new))] {
        let Some(file) = file else { continue };
        let refuse = |e: &dyn std::fmt::Display| {
            let rule = format!("names the certificates in {}: {e}", file.display());
            Error::invalid(setting, rule)
        };
        let before = found.len();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|e| refuse(&e))? {
            found.push(certificate.map_err(|e| refuse(&e))?);
        }
        if found.len() == before {
            return Err(refuse(&"there is none in it, in PEM"));
        }
    }
    Ok(found)
}

fn tls(mode: Mode, authorities: Vec<CertificateDer<'static>>) -> Result<Tls> {
    let provider = Arc::new(ring::default_provider());
    let check = match mode {
        Mode::Disable => return Ok(Tls::None),
        Mode::Prefer if authorities.is_empty() => Check::Nothing,
        Mode::VerifyCa if authorities.is_empty() => {
            return Err(Error::invalid(
                URL,
                format!(
                    "has sslmode=verify-ca, which needs an authority in {CA_FILE}: of the public ones anybody gets a certificate"
                ),
            ));
        }
        Mode::VerifyCa => Check::Authority(Arc::new(roots(authorities, Vec::new())?)),
        Mode::Prefer | Mode::VerifyFull => {
            let machine = rustls_native_certs::load_native_certs().certs;
            let roots = Arc::new(roots(authorities, machine)?);
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
            Check::Server(verifier.map_err(|e| Error::Internal(e.into()))?)
        }
    };
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::Internal(e.into()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { check, provider }))
        .with_no_client_auth();
    Ok(Tls::Rustls(MakeRustlsConnect::new(config)))
}

fn roots(
    authorities: Vec<CertificateDer<'static>>,
    machine: Vec<CertificateDer<'static>>,
) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in authorities {
        roots.add(certificate).map_err(|e| {
            let rule = format!("or sslrootcert has a certificate that is not understood: {e}");
            Error::invalid(CA_FILE, rule)
        })?;
    }
    roots.add_parsable_certificates(machine);
    if roots.is_empty() {
        return Err(Error::invalid(
            URL,
            format!(
                "asks for TLS, but this machine has no trusted root certificates; install ca-certificates or give {CA_FILE}"
            ),
        ));
    }
    Ok(roots)
}

/// What a server's certificate must satisfy.
#[derive(Debug)]
enum Check {
    Nothing,
    /// One of these has signed it, for any name.
    Authority(Arc<RootCertStore>),
    /// One of the roots has signed it for the host of the URL.
    Server(Arc<WebPkiServerVerifier>),
}

#[derive(Debug)]
struct Verifier {
    check: Check,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let checked = match &self.check {
            Check::Nothing => Ok(()),
            Check::Authority(roots) => verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(certificate)?,
                roots,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            ),
            Check::Server(verifier) => verifier
                .verify_server_cert(certificate, intermediates, name, ocsp, now)
                .map(|_| ()),
        };
        checked
            .map(|()| ServerCertVerified::assertion())
            .map_err(explain)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// The most common mistake, with what to do about it.
fn explain(e: rustls::Error) -> rustls::Error {
    match e {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            let words = format!(
                "no trusted authority has signed the server's certificate; give the one that has in {CA_FILE}"
            );
            rustls::Error::Other(OtherError(Arc::from(Box::from(words))))
        }
        other => other,
    }
}
