//! Which server, and with which credentials.

use std::path::PathBuf;

use cairn_client::{Address, Client, Connection, Credentials};
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::error::CliError;

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
    /// The tenant's API key; better given by the environment, where no other user sees it
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
        // A variable that is set to nothing says nothing.
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    api_key_file: Option<PathBuf>,
    /// The trace that the calls belong to, as W3C Trace Context writes it
    #[arg(long, env = "TRACEPARENT", value_name = "CONTEXT", hide = true)]
    traceparent: Option<String>,
}

impl Server {
    pub(crate) async fn connect(&self) -> Result<Client, CliError> {
        Ok(self.connection()?.connect().await?)
    }

    /// Connects with the first call, and again with every call while there is no connection.
    pub(crate) fn connect_lazily(&self) -> Result<Client, CliError> {
        Ok(self.connection()?.connect_lazily()?)
    }

    fn connection(&self) -> Result<Connection, CliError> {
        let key = self.api_key.as_deref().map(str::trim);
        let key = key.filter(|key| !key.is_empty());
        let file = self.api_key_file.as_ref();
        let credentials = match (key, file.filter(|file| !file.as_os_str().is_empty())) {
            (Some(_), Some(_)) => {
                let words = "an API key is given, and a file with one: drop --api-key and CAIRN_API_KEY, or \
                             --api-key-file and CAIRN_API_KEY_FILE";
                return Err(CliError::Usage(words.to_owned()));
            }
            (_, Some(file)) => Credentials::File(file.clone()),
            (key, None) => Credentials::ApiKey(key.unwrap_or_default().to_owned()),
        };
        let connection = Connection::new(self.addr.clone(), credentials);
        Ok(connection.with_traceparent(self.traceparent.clone()))
    }
}
