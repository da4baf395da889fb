//! Certificates of private authorities, for a test.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use cairn_process::TlsSettings;
use tempfile::TempDir;

/// A folder of certificates and their keys, `NAME.crt` and `NAME.key`. The authority `ca` signs; `other` is one that signs
/// what `ca` does not know.
pub struct Certificates(TempDir);

impl Certificates {
    /// The two authorities.
    pub fn make() -> Self {
        let certificates = Self(tempfile::tempdir().unwrap());
        for authority in ["ca", "other"] {
            let usage = ["-addext", "keyUsage=critical,keyCertSign"];
            openssl(certificates.folder(), authority, &usage);
        }
        certificates
    }

    /// The same, with a pair `server` for 127.0.0.1 and a pair `client`, both of `ca`.
    pub fn of_a_server() -> Self {
        let certificates = Self::make();
        certificates.sign("ca", "server", "IP:127.0.0.1");
        certificates.sign("ca", "client", "DNS:agent");
        certificates
    }

    /// Makes a pair that `authority` has signed, in place of one of this name.
    pub fn sign(&self, authority: &str, name: &str, subject: &str) {
        let subject = format!("subjectAltName={subject}");
        let (crt, key) = (format!("{authority}.crt"), format!("{authority}.key"));
        let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
        let signed = ["-CA", &crt, "-CAkey", &key, "-addext", &subject];
        openssl(self.folder(), name, &[&signed[..], &leaf].concat());
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// The path of a file, such as `ca.crt`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// What a file holds.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// TLS with the pair `server`, for every client, on the ports of callers.
    pub fn settings(&self) -> TlsSettings {
        TlsSettings {
            reload: std::time::Duration::from_millis(20),
            ..TlsSettings::new(self.file("server.crt"), self.file("server.key"))
        }
    }
}

/// Makes a key and a certificate.
fn openssl(folder: &Path, name: &str, more: &[&str]) {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(' '),
        )
        .args(["-subj", &format!("/CN=cairn test {name}")])
        .args([
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.crt"),
        ])
        .args(more)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{words}");
}
