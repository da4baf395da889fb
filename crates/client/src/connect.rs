//! The connection to a server: its address, the credentials, and clients of every service.

mod address;
mod checked;
mod connector;
mod credentials;
mod sniff;
mod tls;

use std::{error::Error as StdError, fmt, net::IpAddr, path::PathBuf, time::Duration};

use cairn_proto::v1::{
    admin_service_client::AdminServiceClient, artifact_service_client::ArtifactServiceClient,
    identity_service_client::IdentityServiceClient, job_service_client::JobServiceClient,
    link_service_client::LinkServiceClient, operator_service_client::OperatorServiceClient,
    read_service_client::ReadServiceClient, session_service_client::SessionServiceClient,
    todo_service_client::TodoServiceClient, upload_service_client::UploadServiceClient,
};
use tonic::{
    Request,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

pub use self::{
    address::Address,
    tls::{ClientCertificate, Tls},
};
use self::{
    address::describe,
    checked::Checked,
    credentials::{Headers, Key},
    sniff::Found,
};
use crate::error::{Error, chain};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For calls of one message each way. Streams may take as long as they need, while the other side answers pings.
const UNARY_TIMEOUT: Duration = Duration::from_secs(30);

const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Which server to connect to, and with which credentials.
#[derive(Debug, Clone)]
pub struct Connection {
    address: Address,
    credentials: Credentials,
    tls: Tls,
    traceparent: Option<String>,
}

/// What a caller is known by.
#[derive(Clone)]
pub enum Credentials {
    /// An API key.
    ApiKey(String),
    /// A file with an API key or a token, which is read before every call: it may be replaced at any time.
    File(PathBuf),
}

impl fmt::Debug for Credentials {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey(_) => f.write_str("ApiKey(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// Clients of every service over one connection. A clone shares the connection.
///
/// The services are the generated ones of [`cairn_proto::v1`]; the methods of this type add retries, idempotency keys and
/// verification to the calls that need them.
#[derive(Debug, Clone)]
pub struct Client {
    /// Stores, lists, reads, changes and deletes artifacts.
    pub artifacts: ArtifactServiceClient<Authenticated>,
    /// Says who the caller is.
    pub identity: IdentityServiceClient<Authenticated>,
    /// Of `AdminService`.
    pub admin: AdminServiceClient<Authenticated>,
    /// Of `OperatorService`.
    pub operator: OperatorServiceClient<Authenticated>,
    /// Lists and changes todos.
    pub todos: TodoServiceClient<Authenticated>,
    /// Lists, reads and cancels jobs.
    pub jobs: JobServiceClient<Authenticated>,
    /// Makes, lists and revokes links.
    pub links: LinkServiceClient<Authenticated>,
    /// Reads lines and bytes of artifacts, and searches them.
    pub reads: ReadServiceClient<Authenticated>,
    /// Lists, describes, watches, publishes and seals sessions.
    pub sessions: SessionServiceClient<Authenticated>,
    /// Opens, writes, finishes and aborts resumable uploads.
    pub uploads: UploadServiceClient<Authenticated>,
}

/// A channel that puts the credentials on every call.
pub type Authenticated = InterceptedService<Checked, Headers>;

impl Connection {
    /// A connection that is not made yet.
    #[must_use]
    pub fn new(address: Address, credentials: Credentials) -> Self {
        Self {
            address,
            credentials,
            tls: Tls::default(),
            traceparent: None,
        }
    }

    /// With other authorities or a certificate for the server; of use only with an `https` address.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Whether the credentials would cross a network without encryption: by `http`, to another machine.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        let host = self.address.uri().host().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse();
        let here = host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address: IpAddr| address.is_loopback());
        self.address.uri().scheme_str() != Some("https") && !here
    }

    /// With the trace that the calls belong to, in the form of W3C Trace Context. One that is malformed is left out.
    #[must_use]
    pub fn with_traceparent(mut self, traceparent: Option<String>) -> Self {
        self.traceparent = traceparent;
        self
    }

    /// Connects to the server.
    ///
    /// # Errors
    ///
    /// [`Error::Connection`] when it cannot be reached within five seconds, [`Error::WrongAddress`] when it is not a Cairn,
    /// and [`Error::Configuration`] or [`Error::File`] for a key that is of no use.
    pub async fn connect(&self) -> Result<Client, Error> {
        let headers = self.headers()?;
        let found = Found::default();
        let endpoint = self.endpoint()?;
        let channel = endpoint.connect_with_connector(connector::connector(found.clone()));
        let channel = channel.await.map_err(|error| match found.words() {
            Some(words) => Error::WrongAddress(describe(self.address.uri(), words)),
            None => self.unreachable(&error),
        })?;
        Ok(Client::new(self.checked(channel, found), headers))
    }

    /// Connects with the first call, and again with every call while there is no connection.
    ///
    /// # Errors
    ///
    /// As [`Connection::connect`] for a key that is of no use.
    pub fn connect_lazily(&self) -> Result<Client, Error> {
        let headers = self.headers()?;
        let found = Found::default();
        let endpoint = self.endpoint()?;
        let channel = endpoint.connect_with_connector_lazy(connector::connector(found.clone()));
        Ok(Client::new(self.checked(channel, found), headers))
    }

    fn headers(&self) -> Result<Headers, Error> {
        let key = match &self.credentials {
            Credentials::ApiKey(key) => Key::of_text(key)?,
            Credentials::File(path) => Key::of_file(path.clone())?,
        };
        Ok(Headers::new(key, self.traceparent.as_deref()))
    }

    fn checked(&self, channel: Channel, found: Found) -> Checked {
        Checked::new(channel, self.address.uri().clone(), found)
    }

    fn unreachable(&self, error: &tonic::transport::Error) -> Error {
        // The outermost error says only that there was one.
        let cause = error.source().map_or_else(|| error.to_string(), chain);
        Error::Connection(format!("cannot reach {}: {cause}", self.address))
    }

    fn endpoint(&self) -> Result<Endpoint, Error> {
        let unreachable = |error| self.unreachable(&error);
        let mut endpoint = Endpoint::from(self.address.uri().clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .max_frame_size(256 << 10)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .user_agent(concat!("cairn/", env!("CARGO_PKG_VERSION")))
            .map_err(unreachable)?;
        if self.address.uri().scheme_str() == Some("https") {
            endpoint = endpoint
                .tls_config(self.tls.config()?)
                .map_err(unreachable)?;
        } else if self.tls != Tls::default() {
            let words = format!(
                "{} is plain text, but authorities or a certificate for TLS are given: use an https:// address, or drop them",
                self.address
            );
            return Err(Error::Configuration(words));
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
            admin: AdminServiceClient::new(service.clone()),
            operator: OperatorServiceClient::new(service.clone()),
            jobs: JobServiceClient::new(service.clone()),
            todos: TodoServiceClient::new(service.clone()),
            links: LinkServiceClient::new(service.clone()),
            reads: ReadServiceClient::new(service.clone()),
            sessions: SessionServiceClient::new(service.clone()),
            uploads: UploadServiceClient::new(service),
        }
    }
}

/// A request of one message with a deadline of 30 seconds.
pub fn unary<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(UNARY_TIMEOUT);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_exposed_by_plain_http_to_another_machine() {
        for (text, exposed) in [
            ("127.0.0.1:7070", false),
            ("http://[::1]:7070", false),
            ("http://LOCALHOST:7070", false),
            ("https://cairn.example.com", false),
            ("http://cairn:7070", true),
            ("http://127.0.0.1.example.com", true),
            ("10.0.0.1:7070", true),
        ] {
            let address: Address = text.parse().expect("an address");
            let credentials = Credentials::ApiKey("k".to_owned());
            let connection = Connection::new(address, credentials);
            assert_eq!(connection.is_exposed(), exposed, "{text}");
        }
    }

    #[test]
    fn credentials_are_shown_without_the_key() {
        let shown = format!("{:?}", Credentials::ApiKey("secret".to_owned()));
        assert!(!shown.contains("secret"));
    }
}
