//! Connections to the server, one at a time and not in a storm.

use std::{io, time::Duration};

use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tokio::time::Instant;
use tonic::transport::Uri;
use tower::{BoxError, Service, service_fn};

use super::sniff::{Found, Sniffed};

/// Shorter than any pause after which a call is made again.
const PAUSE: Duration = Duration::from_millis(250);

/// Connects, but not twice in a moment: a channel whose connection is lost before a call is on it connects anew without a
/// pause, and without an end where the server hangs up each time.
///
/// What it finds to be no gRPC at the other end, it tells.
pub(super) fn connector(
    found: Found,
) -> impl Service<Uri, Response = TokioIo<Sniffed>, Error = BoxError, Future: Send> + Send {
    let mut tcp = HttpConnector::new();
    // TLS comes on top.
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut last = None;
    service_fn(move |uri: Uri| {
        let (tls, found) = (uri.scheme_str() == Some("https"), found.clone());
        let soon = last.is_some_and(|last: Instant| last.elapsed() < PAUSE);
        let connecting = (!soon).then(|| {
            last = Some(Instant::now());
            tcp.call(uri)
        });
        async move {
            match connecting {
                Some(connecting) => {
                    let stream = connecting.await?.into_inner();
                    Ok(TokioIo::new(Sniffed::new(stream, tls, found)))
                }
                None => Err(io::Error::new(io::ErrorKind::ConnectionReset, "it hung up").into()),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use tokio::{net::TcpListener, time};
    use tower::Service;

    use super::{Found, PAUSE, connector};

    #[tokio::test(start_paused = true)]
    async fn a_server_that_hangs_up_is_left_alone_for_a_moment() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut connector = connector(Found::default());
        let mut connects = async || connector.call(url.parse().unwrap()).await.is_ok();
        assert!(connects().await);
        assert!(!connects().await && !connects().await);
        time::advance(PAUSE).await;
        assert!(connects().await);
    }
}
