//! The listeners, from the first connection to the last.

use std::{io, time::Duration};

use axum::serve::ListenerExt;
use cairn_process::{Metrics, ops};
use cairn_proto::FILE_DESCRIPTOR_SET;
use cairn_store::Store;
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Server, server::TcpIncoming};
use tower::util::{MapRequestLayer, MapResponseLayer};

use crate::{
    auth::Authenticator,
    config::{Addresses, Settings},
    grpc::{Services, explain_undecodable, fail_if_cancelled},
    health, http,
    observe::{Face, Observe},
    tokens::Tokens,
};

/// Bound sockets, so that the caller knows their ports before anything is served.
pub struct Listeners {
    /// gRPC.
    pub grpc: TcpListener,
    /// Public links.
    pub http: TcpListener,
    /// Probes and metrics.
    pub ops: TcpListener,
}

impl Listeners {
    /// Binds all three.
    ///
    /// # Errors
    /// The address that cannot be bound, and why.
    pub async fn bind(addresses: &Addresses) -> io::Result<Self> {
        let bind = async |address| {
            TcpListener::bind(address)
                .await
                .map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {address}: {e}")))
        };
        Ok(Self {
            grpc: bind(addresses.grpc).await?,
            http: bind(addresses.http).await?,
            ops: bind(addresses.ops).await?,
        })
    }
}

/// The stream window is bandwidth times delay, and large frames spare the two ends most of their work: the figures are in
/// docs/architecture.md.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
const MAX_FRAME: u32 = 256 << 10;
/// More calls than this on one connection wait there.
const MAX_STREAMS: u32 = 256;
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Serves until it is told to stop; then takes nothing new, and gives the calls under way the drain time to end. Calls that
/// take longer end with the process.
///
/// # Errors
/// When a listener fails, or the roots for the token issuer cannot be read.
pub async fn run(
    listeners: Listeners,
    store: Store,
    settings: Settings,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let (ready_sender, ready) = watch::channel(false);
    let (reporter, health) = tonic_health::server::health_reporter();
    health::tell(&reporter, false).await;

    let public_url = match settings.public_url {
        Some(url) => url,
        None => format!("http://{}", listeners.http.local_addr()?),
    };
    let tokens = settings.tokens.as_ref().map(Tokens::new).transpose()?;
    let authenticator = Authenticator::new(store.clone(), tokens);
    let services = Services::new(store.clone(), authenticator, &public_url, shutdown.clone());
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let grpc = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MAX_FRAME)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .layer(Observe(Face::Grpc))
        .layer(MapResponseLayer::new(explain_undecodable))
        .layer(MapRequestLayer::new(fail_if_cancelled))
        .add_routes(services.routes())
        .add_service(health)
        .add_service(reflection().build_v1().map_err(io::Error::other)?)
        .add_service(reflection().build_v1alpha().map_err(io::Error::other)?)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listeners.grpc).with_nodelay(Some(true)),
            shutdown.clone().cancelled_owned(),
        );
    let http_listener = listeners.http.tap_io(|stream| {
        // Without it the last packet of a small answer may wait for an acknowledgement; not worth failing for.
        let _ = stream.set_nodelay(true);
    });
    let links = http::router(store.clone()).layer(Observe(Face::Http));
    let http = axum::serve(http_listener, links)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let stopped = CancellationToken::new();
    let until = stopped.clone().cancelled_owned();
    let ops = ops::serve(listeners.ops, ready.clone(), metrics, until);

    let watch = ops::watch_ready(store, ready_sender.clone());
    let follow = health::follow(ready, reporter.clone());
    let health_watch = tokio::spawn(async { tokio::join!(watch, follow) });
    let ops = tokio::spawn(ops);
    let served = async {
        tokio::try_join!(
            async { grpc.await.map_err(io::Error::other) },
            http.into_future()
        )
    };
    tokio::pin!(served);
    let result = tokio::select! {
        result = &mut served => result.map(drop),
        () = shutdown.cancelled() => {
            health_watch.abort();
            ready_sender.send_replace(false);
            health::tell(&reporter, false).await;
            tracing::info!(seconds = settings.drain.as_secs(), "stopping: finishing the calls under way");
            match timeout(settings.drain, served).await {
                Ok(result) => result.map(drop),
                Err(_) => {
                    tracing::warn!("calls are still under way; they end with the process");
                    Ok(())
                }
            }
        }
    };
    health_watch.abort();
    stopped.cancel();
    ops.abort();
    result
}
