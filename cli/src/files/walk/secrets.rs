//! Names that look like those of keys and passwords.

use crate::terminal::output::Output;

/// How many names a warning has.
const MAX_NAMED: usize = 10;

/// Whole file names.
const NAMES: [&str; 24] = [
    ".dockercfg",
    ".env",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    ".vault-token",
    "_netrc",
    "application_default_credentials.json",
    "credentials",
    "credentials.json",
    "dev.env",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "kubeconfig",
    "secrets.json",
    "secrets.toml",
    "secrets.yaml",
    "secrets.yml",
    "token",
];

const BEGINNINGS: [&str; 2] = [".env.", "service-account"];

const ENDINGS: [&str; 12] = [
    ".env",
    ".jks",
    ".kdbx",
    ".key",
    ".keystore",
    ".kubeconfig",
    ".p12",
    ".pem",
    ".pfx",
    ".pkcs12",
    ".ppk",
    "_secret.json",
];

/// Whole files in whole folders.
const PATHS: [&str; 3] = [".docker/config.json", ".kube/config", ".git/config"];

/// Warns of files whose names look like those of secrets.
pub(crate) fn warn_of_secrets<'a>(names: impl Iterator<Item = &'a str>, output: Output) {
    let secrets: Vec<&str> = names.filter(|name| looks_secret(name)).collect();
    if secrets.is_empty() {
        return;
    }
    let more = match secrets.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    output.note(&format!(
        "warning: by their names these are keys or passwords, which --exclude leaves out: {}{more}",
        secrets[..secrets.len().min(MAX_NAMED)].join(", ")
    ));
}

/// Whether a file of this path is likely to hold a key or a password.
pub(crate) fn looks_secret(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    NAMES.contains(&name)
        || BEGINNINGS
            .iter()
            .any(|beginning| name.starts_with(beginning))
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || PATHS
            .iter()
            .any(|secret| path == *secret || path.ends_with(&format!("/{secret}")))
}

#[cfg(test)]
mod tests {
    use super::looks_secret;

    #[test]
    fn keys_and_passwords_are_known_by_their_names() {
        for name in [
            ".env",
            "a/.env.production",
            ".aws/credentials",
            ".ssh/id_ed25519",
            "id_rsa",
            "certs/server.PEM",
            "tls.key",
            "x/.kube/config",
            ".git/config",
            "service-account-7.json",
        ] {
            assert!(looks_secret(name), "{name}");
        }
        for name in [
            "id_rsa.pub",
            "keys.md",
            "report.pdf",
            "config",
            "environment.yml",
        ] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
