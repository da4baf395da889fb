use rustls::pki_types::CertificateDer;
use x509_cert::{Certificate, der::Decode};

/// When a certificate is good, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// The life of the certificate of a chain that ends first.
pub(super) fn of(chain: &[CertificateDer<'_>]) -> Result<Life, String> {
    let mut first = Life {
        start: 0,
        end: u64::MAX,
    };
    for certificate in chain {
        let certificate = Certificate::from_der(certificate)
            .map_err(|e| format!("has a certificate that cannot be read: {e}"))?;
        let validity = certificate.tbs_certificate.validity;
        let end = validity.not_after.to_unix_duration().as_secs();
        if end < first.end {
            let start = validity.not_before.to_unix_duration().as_secs();
            first = Life { start, end };
        }
    }
    Ok(first)
}
