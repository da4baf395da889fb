//! The way to the server: one connection, every call with the key.

mod checked;
mod connector;
mod sniff;

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use cairn_proto::{
    ERROR_DOMAIN,
    v1::{
        artifact_service_client::ArtifactServiceClient,
        identity_service_client::IdentityServiceClient, job_service_client::JobServiceClient,
        link_service_client::LinkServiceClient, session_service_client::SessionServiceClient,
    },
};
use clap::builder::{OsStringValueParser, TypedValueParser};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, ClientTlsConfig, Endpoint, Uri},
};
use tonic_types::{ErrorDetails, StatusExt};

use self::{checked::Checked, sniff::Found};
use crate::error::{CliError, chain};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For calls of one message each way. Streams may take as long as they need, while the other side answers pings.
const UNARY_TIMEOUT: Duration = Duration::from_secs(30);

const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How to reach the server.
#[derive(clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Server {
    /// Where the server's gRPC listens
    #[arg(
        long,
        env = "CAIRN_ADDR",
        value_name = "URL",
        default_value = "http://127.0.0.1:7070",
        value_parser = parse_addr
    )]
    addr: Uri,
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

/// Clients of every service over one connection. A clone shares the connection.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) artifacts: ArtifactServiceClient<Authenticated>,
    pub(crate) identity: IdentityServiceClient<Authenticated>,
    pub(crate) jobs: JobServiceClient<Authenticated>,
    pub(crate) links: LinkServiceClient<Authenticated>,
    pub(crate) sessions: SessionServiceClient<Authenticated>,
}

type Authenticated = InterceptedService<Checked, Headers>;

impl Server {
    pub(crate) async fn connect(&self) -> Result<Client, CliError> {
        let headers = self.headers()?;
        let found = Found::default();
        let endpoint = self.endpoint()?;
        let channel = endpoint.connect_with_connector(connector::connector(found.clone()));
        let channel = channel.await.map_err(|error| match found.words() {
            Some(words) => CliError::Usage(format!("{} is no Cairn: {words}", self.shown())),
            None => self.unreachable(&error),
        })?;
        Ok(Client::new(self.checked(channel, found), headers))
    }

    /// Connects with the first call, and again with every call while there is no connection.
    pub(crate) fn connect_lazily(&self) -> Result<Client, CliError> {
        let headers = self.headers()?;
        let found = Found::default();
        let endpoint = self.endpoint()?;
        let channel = endpoint.connect_with_connector_lazy(connector::connector(found.clone()));
        Ok(Client::new(self.checked(channel, found), headers))
    }

    fn checked(&self, channel: Channel, found: Found) -> Checked {
        Checked::new(channel, self.addr.clone(), found)
    }

    fn shown(&self) -> String {
        shown(&self.addr)
    }

    fn headers(&self) -> Result<Headers, CliError> {
        let key = self.api_key.as_deref().map(str::trim);
        let key = key.filter(|key| !key.is_empty());
        let file = self.api_key_file.as_deref();
        let key = match (key, file.filter(|file| !file.as_os_str().is_empty())) {
            (Some(_), Some(_)) => {
                let words = "an API key is given, and a file with one: drop --api-key and CAIRN_API_KEY, or \
                             --api-key-file and CAIRN_API_KEY_FILE";
                return Err(CliError::Usage(words.to_owned()));
            }
            (_, Some(file)) => {
                read_key(file)?;
                Key::In(file.to_owned())
            }
            (key, None) => Key::Known(bearer(key.unwrap_or_default())?),
        };
        Ok(Headers {
            key,
            // No trace is worth a failed call.
            traceparent: self
                .traceparent
                .as_deref()
                .and_then(|text| text.parse().ok()),
        })
    }

    fn unreachable(&self, error: &tonic::transport::Error) -> CliError {
        let addr = self.shown();
        // The outermost error says only that there was one.
        let cause = error.source().map_or_else(|| error.to_string(), chain);
        CliError::Network(format!("cannot reach {addr}: {cause}"))
    }

    fn endpoint(&self) -> Result<Endpoint, CliError> {
        let unreachable = |error| self.unreachable(&error);
        let mut endpoint = Endpoint::from(self.addr.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .max_frame_size(256 << 10)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .user_agent(concat!("cairn/", env!("CARGO_PKG_VERSION")))
            .map_err(unreachable)?;
        if self.addr.scheme_str() == Some("https") {
            endpoint = endpoint
                .tls_config(ClientTlsConfig::new().with_native_roots())
                .map_err(unreachable)?;
        }
        Ok(endpoint)
    }
}

impl Client {
    fn new(channel: Checked, headers: Headers) -> Self {
        let service = InterceptedService::new(channel, headers);
        Self {
            artifacts: ArtifactServiceClient::new(service.clone()),
            identity: IdentityServiceClient::new(service.clone()),
            jobs: JobServiceClient::new(service.clone()),
            links: LinkServiceClient::new(service.clone()),
            sessions: SessionServiceClient::new(service),
        }
    }
}

/// An address as people write it.
fn shown(addr: &Uri) -> String {
    addr.to_string().trim_end_matches('/').to_owned()
}

/// A call that is answered in time or given up.
pub(crate) fn unary<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(UNARY_TIMEOUT);
    request
}

/// What an answer must hold by its contract.
pub(crate) fn required<T>(field: Option<T>, name: &str) -> Result<T, CliError> {
    field.ok_or_else(|| CliError::BadAnswer(format!("no {name} in it")))
}

/// Puts the key and the trace on every call.
#[derive(Clone)]
pub(crate) struct Headers {
    key: Key,
    traceparent: Option<MetadataValue<Ascii>>,
}

#[derive(Clone)]
enum Key {
    Known(MetadataValue<Ascii>),
    /// In this file, where another may stand at any time: a kubelet exchanges the tokens that it mounts.
    In(PathBuf),
}

impl Key {
    fn value(&self) -> Result<MetadataValue<Ascii>, CliError> {
        match self {
            Self::Known(value) => Ok(value.clone()),
            Self::In(file) => read_key(file),
        }
    }
}

fn read_key(file: &Path) -> Result<MetadataValue<Ascii>, CliError> {
    let key = fs::read_to_string(file).map_err(CliError::of_file(file))?;
    let key = key.trim();
    if key.is_empty() {
        return Err(CliError::of_file(file)(io::Error::other(
            "there is no API key in it",
        )));
    }
    bearer(key).map_err(|error| error.about(file.display().to_string()))
}

fn bearer(key: &str) -> Result<MetadataValue<Ascii>, CliError> {
    if key.is_empty() {
        return Err(CliError::Usage(
            "no API key: start `cairn dev` and run `. ./cairn-data/dev.env`, or set CAIRN_API_KEY or \
             CAIRN_API_KEY_FILE"
                .to_owned(),
        ));
    }
    let value = format!("Bearer {key}").parse();
    let mut value: MetadataValue<Ascii> = value
        .map_err(|_| CliError::Usage("the API key holds characters that no key has".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        // Only words pass from here to whoever made the call: those of a server that has heard no key.
        let key = self.key.value().map_err(|error| {
            let details = ErrorDetails::with_error_info("UNAUTHENTICATED", ERROR_DOMAIN, []);
            Status::with_error_details(Code::Unauthenticated, error.to_string(), details)
        })?;
        let metadata = request.metadata_mut();
        metadata.insert("authorization", key);
        if let Some(traceparent) = &self.traceparent {
            metadata.insert("traceparent", traceparent.clone());
        }
        Ok(request)
    }
}

fn parse_addr(text: &str) -> Result<Uri, String> {
    const RULE: &str = "must be host:port, http://host:port or https://host:port";
    let url = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let uri: Uri = url.parse().map_err(|_| RULE.to_owned())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    if known && uri.host().is_some_and(|host| !host.is_empty()) && uri.path() == "/" {
        Ok(uri)
    } else {
        Err(RULE.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{bearer, parse_addr};

    #[test]
    fn an_address_without_a_scheme_is_plain_http() {
        for (text, uri) in [
            ("127.0.0.1:7070", "http://127.0.0.1:7070/"),
            ("localhost:7070", "http://localhost:7070/"),
            ("[::1]:7070", "http://[::1]:7070/"),
            ("https://cairn.example.com", "https://cairn.example.com/"),
            ("http://cairn:7070/", "http://cairn:7070/"),
        ] {
            assert_eq!(
                parse_addr(text).map(|uri| uri.to_string()),
                Ok(uri.to_owned())
            );
        }
    }

    #[test]
    fn an_address_of_another_kind_is_refused() {
        for text in [
            "",
            "ftp://host",
            "unix:///run/cairn",
            "http://",
            "host:7070/path",
            "a b",
        ] {
            assert!(parse_addr(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_missing_key_says_where_to_get_one() {
        let words = bearer("").err().map(|error| error.to_string());
        assert!(words.is_some_and(|w| w.contains("dev.env") && w.contains("CAIRN_API_KEY")));
        assert!(bearer("two\nlines").is_err());
    }
}
