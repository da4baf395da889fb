use std::{net::IpAddr, sync::Arc, time::Duration};

use opentelemetry::{KeyValue, global, metrics::Counter};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{either::Either, sync::CancellationToken};

use super::{Bounds, Spoken, admission::Admission};

const OK: &str = "ok";
const FAILED: &str = "failed";
const TIMEOUT: &str = "timeout";
const REFUSED: &str = "refused";

/// A connection, plain or inside TLS.
pub(super) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// The TLS handshakes of a port. Half of its connections may be in a handshake at once, and each has the time that the head
/// of a request has.
pub(super) struct Handshakes {
    admission: Arc<Admission>,
    patience: Duration,
    port: &'static str,
    counter: Counter<u64>,
}

impl Handshakes {
    pub(super) fn new(bounds: &Bounds, port: &'static str) -> Self {
        let meter = global::meter("cairn");
        let all = Self {
            admission: Arc::new(Admission::of_handshakes(bounds)),
            patience: bounds.head,
            port,
            counter: meter.u64_counter("cairn.tls.handshakes").build(),
        };
        for outcome in [OK, FAILED, TIMEOUT, REFUSED] {
            all.count(outcome, 0);
        }
        all
    }

    /// Does the handshake. Returns the stream and the protocol that ALPN chose, if the client named any; `None` when the
    /// handshake failed, took too long, or had no place.
    pub(super) async fn shake(
        &self,
        tls: TlsAcceptor,
        stream: TcpStream,
        peer: IpAddr,
        stop: &CancellationToken,
    ) -> Option<(Stream, Option<Spoken>)> {
        let Some(_place) = self.admission.admit(peer) else {
            self.count(REFUSED, 1);
            return None;
        };
        let shaken = timeout(self.patience, tls.accept(stream));
        let stream = match stop.run_until_cancelled(shaken).await? {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => {
                self.count(FAILED, 1);
                tracing::debug!(port = self.port, %peer, error = %e, "a TLS handshake failed");
                return None;
            }
            Err(_) => {
                self.count(TIMEOUT, 1);
                return None;
            }
        };
        self.count(OK, 1);
        let agreed = stream.get_ref().1.alpn_protocol().map(|name| match name {
            b"h2" => Spoken::Http2,
            _ => Spoken::Http1,
        });
        Some((Stream::Right(Box::new(stream)), agreed))
    }

    fn count(&self, outcome: &'static str, handshakes: u64) {
        let labels = [
            KeyValue::new("port", self.port),
            KeyValue::new("outcome", outcome),
        ];
        self.counter.add(handshakes, &labels);
    }
}
