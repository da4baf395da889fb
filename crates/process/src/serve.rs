//! Connections, from the first byte to the last: how many there are, how long each may be idle, and how they end. The
//! service behind handles the requests.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{body::Body, http::Request, response::Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use opentelemetry::{KeyValue, global, metrics::UpDownCounter};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt};

mod activity;
mod admission;
mod connection;
mod io_watch;

use admission::Admission;

/// The pause after a failed accept: there is no free file, and an immediate retry would find none either.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// How much of an unread request of HTTP/1 is buffered, and how long its head may be, in bytes.
const HTTP1_BUFFER: usize = 32 << 10;

/// The protocol of a port.
#[derive(Debug, Clone, Copy)]
pub enum Protocol {
    /// HTTP/1.1, with keep-alive.
    Http1,
    /// HTTP/2 with prior knowledge, like gRPC.
    Http2(Http2),
}

/// The flow control of HTTP/2.
#[derive(Debug, Clone, Copy)]
pub struct Http2 {
    /// How many unread bytes a peer may send on one stream.
    pub stream_window: u32,
    /// The same for all streams of a connection.
    pub connection_window: u32,
    /// The largest frame, in bytes.
    pub max_frame: u32,
    /// How many calls one connection carries at once; further ones wait at the client.
    pub max_streams: u32,
    /// After how long without traffic a connection is pinged, and how long the answer may take.
    pub keepalive: Duration,
}

/// The limits of a port.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The maximum number of connections.
    pub connections: usize,
    /// The maximum from one address; for IPv6 from one /64.
    pub per_address: usize,
    /// The time limit of a request's head, and of the start of HTTP/2.
    pub head: Duration,
    /// How long a connection may be without a call, and how long a client may not read what is sent.
    pub idle: Duration,
    /// The age, give or take a tenth, at which a client is asked to reconnect, so that it reaches new replicas; running
    /// calls finish.
    pub age: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 1024,
            per_address: 512,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            age: Duration::from_secs(30 * 60),
        }
    }
}

/// A port, and how it is served.
pub struct Port {
    /// The listener.
    pub listener: TcpListener,
    /// Its name in metrics and the log.
    pub name: &'static str,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its limits.
    pub bounds: Bounds,
}

impl Port {
    /// Serves until `stop`, then refuses new connections and returns once the running calls have ended.
    pub async fn serve<S>(self, service: S, stop: CancellationToken)
    where
        S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
    {
        let meter = global::meter("cairn");
        let port = [KeyValue::new("port", self.name)];
        let open = meter.i64_up_down_counter("cairn.connections").build();
        let refused = meter.u64_counter("cairn.connections.refused").build();
        open.add(0, &port);
        refused.add(0, &port);
        let admission = Arc::new(Admission::new(&self.bounds));
        let builder = Arc::new(builder(self.protocol, &self.bounds));
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(e) if is_of_one_connection(&e) => continue,
                Err(e) => {
                    tracing::error!(port = self.name, error = %e, "cannot accept connections; trying again");
                    let _ = timeout(ACCEPT_PAUSE, stop.cancelled()).await;
                    continue;
                }
            };
            let Some(place) = admission.admit(peer.ip()) else {
                refused.add(1, &port);
                tracing::debug!(port = self.name, %peer, "a connection too many");
                continue;
            };
            without_delay(&stream);
            let connection = connection::run(
                stream,
                builder.clone(),
                service.clone(),
                self.protocol,
                self.bounds,
                stop.clone(),
            );
            let counted = Counted::new(&open, &port);
            connections.spawn(async move {
                connection.await;
                drop((counted, place));
            });
        }
        drop(self.listener);
        connections.close();
        connections.wait().await;
    }
}

/// An open connection in the gauge, however it ends.
struct Counted {
    open: UpDownCounter<i64>,
    port: [KeyValue; 1],
}

impl Counted {
    fn new(open: &UpDownCounter<i64>, port: &[KeyValue; 1]) -> Self {
        open.add(1, port);
        let (open, port) = (open.clone(), port.clone());
        Self { open, port }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.add(-1, &self.port);
    }
}

/// Without it the last packet of a small answer may wait for an acknowledgement. Its failure is not worth an error.
fn without_delay(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
}

/// Whether one client disconnected before it was accepted, which says nothing about the next.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

fn builder(protocol: Protocol, bounds: &Bounds) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    match protocol {
        Protocol::Http1 => {
            builder = builder.http1_only();
            builder
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(bounds.head)
                .max_buf_size(HTTP1_BUFFER);
        }
        Protocol::Http2(http2) => {
            builder = builder.http2_only();
            builder
                .http2()
                .timer(TokioTimer::new())
                .initial_stream_window_size(http2.stream_window)
                .initial_connection_window_size(http2.connection_window)
                .max_frame_size(http2.max_frame)
                .max_concurrent_streams(http2.max_streams)
                .keep_alive_interval(http2.keepalive)
                .keep_alive_timeout(http2.keepalive);
        }
    }
    builder
}

/// Adapts a service of axum or tower to a connection's.
pub fn on_connections<S>(
    service: S,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    service.map_request(|request: Request<Incoming>| request.map(Body::new))
}
