//! Which server, and with which credentials.

use std::{path::PathBuf, sync::Once};

use cairn_client::{Address, Client, ClientCertificate, Connection, Credentials, Tls};
use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser};

use crate::{error::CliError, terminal::output::warn};

/// How to reach the server.
#[derive(clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Server {
    /// Where the server's gRPC listens
    #[arg(
        long,
        env = "CAIRN_ADDR",
        value_name = "URL",
        default_value = "http://127.0.0.1:7070"
    )]
    addr: Address,
    #[command(flatten)]
    secret: Secret,
    /// A PEM file with the authorities to trust for https, in place of the machine's
    #[arg(long, env = "CAIRN_CA_FILE", value_name = "FILE", value_parser = file())]
    ca_file: Option<PathBuf>,
    /// A PEM file with a certificate, for a server that asks for one
    #[arg(long, env = "CAIRN_CLIENT_CERT_FILE", value_name = "FILE", value_parser = file())]
    client_cert: Option<PathBuf>,
    /// A PEM file with the key of that certificate
    #[arg(long, env = "CAIRN_CLIENT_KEY_FILE", value_name = "FILE", value_parser = file())]
    client_key: Option<PathBuf>,
    /// Send the key over http to another machine without a warning
    #[arg(long, env = "CAIRN_ALLOW_PLAINTEXT", value_parser = FalseyValueParser::new())]
    allow_plaintext: bool,
    /// The trace that the calls belong to, as W3C Trace Context writes it
    #[arg(long, env = "TRACEPARENT", value_name = "CONTEXT", hide = true)]
    traceparent: Option<String>,
}

/// An API key or a token.
#[derive(clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Secret {
    /// The tenant's API key, or a token; better given by the environment, where no other user sees it
    #[arg(
        long,
        env = "CAIRN_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    api_key: Option<String>,
    /// A file with the key, which is read before every call, so that it may be exchanged at any time
    #[arg(
        long,
        env = "CAIRN_API_KEY_FILE",
        value_name = "FILE",
        value_parser = file()
    )]
    api_key_file: Option<PathBuf>,
}

impl Secret {
    pub(crate) fn credentials(&self) -> Result<Credentials, CliError> {
        let key = self.api_key.as_deref().map(str::trim);
        let key = key.filter(|key| !key.is_empty());
        match (key, given(self.api_key_file.as_ref())) {
            (Some(_), Some(_)) => {
                let words = "an API key is given, and a file with one: drop --api-key and CAIRN_API_KEY, or \
                             --api-key-file and CAIRN_API_KEY_FILE";
                Err(CliError::Usage(words.to_owned()))
            }
            (_, Some(file)) => Ok(Credentials::File(file)),
            (key, None) => Ok(Credentials::ApiKey(key.unwrap_or_default().to_owned())),
        }
    }
}

/// A path; a variable that is set to nothing names none, and is filtered out later.
fn file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A path that is given, and not empty.
fn given(file: Option<&PathBuf>) -> Option<PathBuf> {
    file.filter(|file| !file.as_os_str().is_empty()).cloned()
}

/// Warns of a key that others on the network can read, once in a process: a sidecar connects again and again.
fn warn_once(addr: &Address) {
    static WARNING: Once = Once::new();
    WARNING.call_once(|| {
        warn(&format!(
            "warning: the API key crosses the network to {addr} unencrypted: use an https:// address, or allow it with \
             --allow-plaintext or CAIRN_ALLOW_PLAINTEXT=true"
        ));
    });
}

impl Server {
    fn tls(&self) -> Result<Tls, CliError> {
        let pair = (
            given(self.client_cert.as_ref()),
            given(self.client_key.as_ref()),
        );
        let client = match pair {
            (None, None) => None,
            (Some(cert_file), Some(key_file)) => Some(ClientCertificate {
                cert_file,
                key_file,
            }),
            _ => {
                let words = "a client certificate needs its key: give both --client-cert and --client-key, or \
                             CAIRN_CLIENT_CERT_FILE and CAIRN_CLIENT_KEY_FILE";
                return Err(CliError::Usage(words.to_owned()));
            }
        };
        Ok(Tls {
            ca_file: given(self.ca_file.as_ref()),
            client,
        })
    }

    pub(crate) async fn connect(&self) -> Result<Client, CliError> {
        Ok(self.connection()?.connect().await?)
    }

    /// Connects with the first call, and again with every call while there is no connection.
    pub(crate) fn connect_lazily(&self) -> Result<Client, CliError> {
        Ok(self.connection()?.connect_lazily()?)
    }

    fn connection(&self) -> Result<Connection, CliError> {
        let credentials = self.secret.credentials()?;
        let connection = Connection::new(self.addr.clone(), credentials).with_tls(self.tls()?);
        if connection.is_exposed() && !self.allow_plaintext {
            warn_once(&self.addr);
        }
        Ok(connection.with_traceparent(self.traceparent.clone()))
    }
}
