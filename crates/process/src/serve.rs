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
mod bounds;
mod connection;
mod handshake;
mod io_watch;

use admission::Admission;
use bounds::Spoken;
pub use bounds::{Bounds, Http2, PortName, Protocol};
pub use connection::Peer;
use handshake::{Handshakes, Stream};

use crate::tls::{Tls, acceptor::Acceptor};

/// The pause after a failed accept: there is no free file, and an immediate retry would find none either.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// How much of an unread request of HTTP/1 is buffered, and how long its head may be, in bytes.
const HTTP1_BUFFER: usize = 32 << 10;

/// A port, and how it is served.
pub struct Port {
    /// The listener.
    pub listener: TcpListener,
    /// What it is for, and its name in metrics and the log.
    pub name: PortName,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its limits.
    pub bounds: Bounds,
    /// TLS; `None`: everything is plain.
    pub tls: Option<Tls>,
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
        let name = self.name.as_str();
        let port = [KeyValue::new("port", name)];
        let open = meter.i64_up_down_counter("cairn.connections").build();
        let refused = meter.u64_counter("cairn.connections.refused").build();
        open.add(0, &port);
        refused.add(0, &port);
        let admission = Arc::new(Admission::new(&self.bounds));
        let builders = Arc::new(Builders::new(self.protocol, &self.bounds));
        let mut secure = self.tls.map(|tls| {
            let acceptor = Acceptor::new(tls, self.protocol.names());
            (acceptor, Arc::new(Handshakes::new(&self.bounds, name)))
        });
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
                    tracing::error!(port = name, error = %e, "cannot accept connections; trying again");
                    let _ = timeout(ACCEPT_PAUSE, stop.cancelled()).await;
                    continue;
                }
            };
            let Some(place) = admission.admit(peer.ip()) else {
                refused.add(1, &port);
                tracing::debug!(port = name, %peer, "a connection too many");
                continue;
            };
            without_delay(&stream);
            let counted = Counted::new(&open, &port);
            let (builders, bounds) = (builders.clone(), self.bounds);
            let (service, stop) = (service.clone(), stop.clone());
            let tls = secure.as_mut();
            let tls = tls.map(|(acceptor, handshakes)| (acceptor.current(), handshakes.clone()));
            // A client that is slow to begin TLS must not delay the next one.
            connections.spawn(async move {
                let begun = match tls {
                    None => Some((Stream::Left(stream), None)),
                    Some((tls, handshakes)) => {
                        handshakes.shake(tls, stream, peer.ip(), &stop).await
                    }
                };
                if let Some((stream, agreed)) = begun {
                    let spoken = agreed.unwrap_or(builders.unasked);
                    let builder = builders.of(spoken);
                    connection::run(
                        stream,
                        builder,
                        service,
                        spoken,
                        bounds,
                        Peer(peer.ip()),
                        stop,
                    )
                    .await;
                }
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

/// How connections are served, by what they speak.
struct Builders {
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    /// What is spoken where the client did not ask.
    unasked: Spoken,
}

impl Builders {
    fn new(protocol: Protocol, bounds: &Bounds) -> Self {
        let mut http1 = Builder::new(TokioExecutor::new()).http1_only();
        http1
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head)
            .max_buf_size(HTTP1_BUFFER);
        let mut http2 = Builder::new(TokioExecutor::new()).http2_only();
        if let Protocol::Http2(flow) | Protocol::Either(flow) = protocol {
            http2
                .http2()
                .timer(TokioTimer::new())
                .initial_stream_window_size(flow.stream_window)
                .initial_connection_window_size(flow.connection_window)
                .max_frame_size(flow.max_frame)
                .max_concurrent_streams(flow.max_streams)
                .keep_alive_interval(flow.keepalive)
                .keep_alive_timeout(flow.keepalive);
        }
        let unasked = match protocol {
            Protocol::Http1 | Protocol::Either(_) => Spoken::Http1,
            Protocol::Http2(_) => Spoken::Http2,
        };
        Self {
            http1,
            http2,
            unasked,
        }
    }

    fn of(&self, spoken: Spoken) -> &Builder<TokioExecutor> {
        match spoken {
            Spoken::Http1 => &self.http1,
            Spoken::Http2 => &self.http2,
        }
    }
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
