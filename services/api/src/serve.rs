//! The listeners, from the first connection to the last.

use std::{io, sync::Arc, time::Duration};

use axum::middleware::{from_fn, from_fn_with_state};
use cairn_process::{
    Metrics, ops,
    serve::{Http2, Port, PortName, Protocol, on_connections},
    tls::Certificates,
};
use cairn_proto::FILE_DESCRIPTOR_SET;
use cairn_store::Store;
use futures_util::future::OptionFuture;
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    admission::Admission,
    auth::Authenticator,
    config::{Addresses, Settings},
    delegation::Keyring,
    grpc::{Gate, STREAM_WINDOW, Services, enter, finish},
    health, http,
    limits::{Limiter, keep_up},
    observe::{Api, Observe},
    oidc::Issuers,
};

/// Bound sockets, so that the caller knows their ports before anything is served.
pub struct Listeners {
    /// gRPC.
    pub grpc: TcpListener,
    /// Public links.
    pub http: TcpListener,
    /// Probes and metrics.
    pub ops: TcpListener,
    /// OperatorService; `None`: it is served with gRPC.
    pub admin: Option<TcpListener>,
}

impl Listeners {
    /// Binds all of them.
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
            admin: match addresses.admin {
                Some(address) => Some(bind(address).await?),
                None => None,
            },
        })
    }
}

/// The flow control of HTTP/2 on the gRPC port. The windows of all streams that one tenant may fill fit into the
/// connection's, so that waiting streams do not delay the others; docs/architecture.md has the figures. There is room
/// for more calls than watchers.
const HTTP2: Http2 = Http2 {
    stream_window: STREAM_WINDOW,
    connection_window: 256 << 20,
    max_frame: 256 << 10,
    max_streams: 2048,
    keepalive: Duration::from_secs(30),
};

/// How long the last counts may take to reach Postgres.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The same for links. A browser reads several at once and sends nothing, so windows are small.
const LINKS_HTTP2: Http2 = Http2 {
    stream_window: 64 << 10,
    connection_window: 1 << 20,
    max_frame: 64 << 10,
    max_streams: 128,
    keepalive: Duration::from_secs(30),
};

/// Serves until `stop`, then accepts nothing new, and gives the running calls the drain time to end. Calls that take
/// longer end with the process.
///
/// # Errors
/// If a listener has no address, or the port's certificates or the root certificates for the token issuer cannot be read.
pub async fn run(
    listeners: Listeners,
    store: Store,
    settings: Settings,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let (ready_sender, ready) = watch::channel(false);
    let (reporter, health) = tonic_health::server::health_reporter();
    health::set_serving(&reporter, false).await;

    let certificates = match settings.tls.clone() {
        Some(tls) => Some(Certificates::load(tls).await.map_err(io::Error::other)?),
        None => None,
    };
    let tls = |name| certificates.as_ref().and_then(|all| all.on(name));
    let public_url = match &settings.public_url {
        Some(url) => url.clone(),
        None => {
            let scheme = tls(PortName::Http).map_or("http", |_| "https");
            format!("{scheme}://{}", listeners.http.local_addr()?)
        }
    };
    let tokens = Issuers::new(&settings.tokens)?;
    let keyring = Keyring::new(settings.delegation.clone());
    let authenticator = Authenticator::new(store.clone(), tokens, keyring);
    let limiter = Arc::new(Limiter::default());
    let admission = Admission::new(
        authenticator.clone(),
        limiter.clone(),
        store.clone(),
        &settings,
    );
    let admission = Arc::new(admission);
    let gate = Arc::new(Gate::new(admission.clone()));
    let trust = settings.trust;
    let services = Services::new(
        store.clone(),
        authenticator,
        &public_url,
        limiter.clone(),
        trust,
        shutdown.clone(),
    );
    let of_admin = services.operator_routes().add_service(health.clone());
    let mut routes = services.routes().add_service(health);
    if settings.reflection {
        routes = routes
            .add_service(reflection().build_v1().map_err(io::Error::other)?)
            .add_service(reflection().build_v1alpha().map_err(io::Error::other)?);
    }
    let calls = |routes: Routes| {
        let routes = routes.into_axum_router();
        let routes = routes.layer(from_fn_with_state(gate.clone(), enter));
        routes.layer(from_fn(finish)).layer(Observe(Api::Grpc))
    };
    if listeners.admin.is_none() {
        routes = services.with_operators(routes);
    }
    let routes = calls(routes);
    let pages = http::router(services, admission, routes.clone(), &settings);
    let pages = pages.layer(Observe(Api::Http));
    let port = |listener, name, protocol| Port {
        listener,
        name,
        protocol,
        bounds: settings.bounds,
        tls: tls(name),
    };
    let grpc = port(listeners.grpc, PortName::Grpc, Protocol::Http2(HTTP2))
        .serve(on_connections(routes), shutdown.clone());
    // It has the settings of the gRPC port.
    let admin = listeners.admin.map(|listener| {
        port(listener, PortName::Grpc, Protocol::Http2(HTTP2))
            .serve(on_connections(calls(of_admin)), shutdown.clone())
    });
    let http = port(
        listeners.http,
        PortName::Http,
        Protocol::Either(LINKS_HTTP2),
    )
    .serve(on_connections(pages), shutdown.clone());
    let stopped = CancellationToken::new();
    let ops_tls = tls(PortName::Ops);
    let ops = ops::serve(
        listeners.ops,
        ops_tls,
        ready.clone(),
        metrics,
        stopped.clone(),
    );

    let (auditing, last) = (store.clone(), CancellationToken::new());
    // Until the last call has ended, so that all of them are counted.
    let kept_up = keep_up(limiter, store.clone(), last.clone());
    // Tasks of their own: a task has one connection to Postgres at a time.
    let written = last.clone();
    let audited = tokio::spawn(async move { auditing.write_audit(written.cancelled()).await });
    let watch = ops::watch_ready(move || store.clone().check_ready(), ready_sender.clone());
    let follow = health::follow(ready, reporter.clone());
    let health_watch = tokio::spawn(async { tokio::join!(watch, follow) });
    let ops = tokio::spawn(ops);
    if let Some(certificates) = certificates {
        tokio::spawn(certificates.follow(shutdown.clone()));
    }
    let served = tokio::spawn(async { tokio::join!(grpc, http, OptionFuture::from(admin)) });
    let kept_up = tokio::spawn(kept_up);
    shutdown.cancelled().await;
    health_watch.abort();
    ready_sender.send_replace(false);
    health::set_serving(&reporter, false).await;
    tracing::info!(
        seconds = settings.drain.as_secs(),
        "stopping: finishing the calls under way"
    );
    if timeout(settings.drain, served).await.is_err() {
        tracing::warn!("calls are still under way; they end with the process");
    }
    last.cancel();
    if timeout(LAST_WORDS, async { tokio::join!(kept_up, audited) })
        .await
        .is_err()
    {
        tracing::warn!("the last calls were not counted, or not audited");
    }
    stopped.cancel();
    ops.abort();
    Ok(())
}

/// What reflection describes: the services, and the messages of error details, so that tools can display them.
fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}
