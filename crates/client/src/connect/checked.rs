//! A channel that finds out whether a gRPC server is at its other end.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tonic::{
    Code, Status,
    body::Body,
    codegen::http::{Request, Response, header::CONTENT_TYPE},
    transport::{Channel, Uri},
};
use tonic_types::{ErrorDetails, StatusExt};
use tower::{BoxError, Service};

use super::{address::describe, sniff::Found};
use crate::error::{LOCAL_DOMAIN, WRONG_ADDRESS};

const WEB: &str =
    "it answers as a web server: give the address where Cairn's gRPC listens, port 7070 by default";

const QUESTION: &[u8] = b"GET / HTTP/1.1\r\nHost: cairn\r\nConnection: close\r\n\r\n";
const BEGINNING: &[u8; 7] = b"HTTP/1.";

/// How long a server may take to be known.
const PATIENCE: Duration = Duration::from_secs(2);

/// A channel to an address that may be that of something else.
#[derive(Debug, Clone)]
pub struct Checked {
    channel: Channel,
    addr: Uri,
    found: Found,
}

impl Checked {
    pub(super) fn new(channel: Channel, addr: Uri, found: Found) -> Self {
        Self {
            channel,
            addr,
            found,
        }
    }
}

impl Service<Request<Body>> for Checked {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::poll_ready(&mut self.channel, context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let call = Service::call(&mut self.channel, request);
        let (addr, found) = (self.addr.clone(), self.found.clone());
        Box::pin(async move {
            match call.await {
                Ok(response) if is_of_another(&response) => Err(not_cairn(&addr, WEB).into()),
                Ok(response) => Ok(response),
                Err(error) => match found.words() {
                    Some(words) => Err(not_cairn(&addr, words).into()),
                    None if found.hung_up() && is_web(&addr).await => {
                        Err(not_cairn(&addr, WEB).into())
                    }
                    None => Err(error.into()),
                },
            }
        })
    }
}

/// Whether what answered is no gRPC server. What stands between and has lost the server says so in its status.
fn is_of_another(response: &Response<Body>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let is_grpc = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let status = response.status();
    let passing = status.is_server_error() || status.as_u16() == 429;
    !is_grpc && !passing
}

/// Whether a server that hangs up on gRPC without a word answers to HTTP/1.
async fn is_web(addr: &Uri) -> bool {
    let ask = async {
        let host = addr.host()?.trim_matches(['[', ']']);
        let port = addr.port_u16().unwrap_or(80);
        let mut stream = TcpStream::connect((host, port)).await.ok()?;
        stream.write_all(QUESTION).await.ok()?;
        let mut answer = [0; BEGINNING.len()];
        stream.read_exact(&mut answer).await.ok()?;
        Some(answer == *BEGINNING)
    };
    // With TLS it would have said something.
    addr.scheme_str() == Some("http")
        && timeout(PATIENCE, ask)
            .await
            .is_ok_and(|is| is == Some(true))
}

fn not_cairn(addr: &Uri, words: &str) -> Status {
    let details = ErrorDetails::with_error_info(WRONG_ADDRESS, LOCAL_DOMAIN, []);
    let words = describe(addr, words);
    Status::with_error_details(Code::FailedPrecondition, words, details)
}
