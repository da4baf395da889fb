//! Probes and metrics.

use std::time::Duration;

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use opentelemetry::global;
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{instrument::WithSubscriber, subscriber::NoSubscriber};

use crate::{
    panics::caught,
    serve::{Bounds, Port, PortName, Protocol, on_connections},
    telemetry::Metrics,
    tls::Tls,
};

/// How often readiness is checked.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves `/livez`: the process runs; `/readyz`: the last check of what it depends on succeeded; and `/metrics`,
/// in Prometheus' text format. This listener has its own limits, so that a flood of callers elsewhere does not make the
/// process look hung.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    ready: watch::Receiver<bool>,
    metrics: Metrics,
    stopped: CancellationToken,
) {
    let readyz = async move || {
        if *ready.borrow() {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    };
    let metrics = async move || {
        let form = [(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)];
        (form, metrics.text())
    };
    let router = Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .layer(from_fn(survive));
    let port = Port {
        listener,
        name: PortName::Ops,
        protocol: Protocol::Http1,
        bounds: Bounds {
            connections: 64,
            per_address: 64,
            idle: Duration::from_secs(60),
            ..Bounds::default()
        },
        tls,
    };
    port.serve(on_connections(router), stopped).await;
}

async fn survive(request: Request, next: Next) -> Response {
    let answer = caught(next.run(request)).await;
    answer.unwrap_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Checks in a loop whether the process is ready, and publishes the result. `check` asks what the process depends on, and
/// returns why it is not ready.
pub async fn watch_ready<F>(check: impl Fn() -> F, ready: watch::Sender<bool>)
where
    F: Future<Output = Result<(), String>>,
{
    let gauge = global::meter("cairn").u64_gauge("cairn.ready").build();
    let mut was_ready = None;
    loop {
        // A trace of every check would be noise.
        let check = check().with_subscriber(NoSubscriber::new());
        let answer = timeout(PATIENCE, check).await;
        let is_ready = matches!(answer, Ok(Ok(())));
        ready.send_replace(is_ready);
        gauge.record(is_ready.into(), &[]);
        if was_ready.replace(is_ready) != Some(is_ready) {
            match answer {
                Ok(Ok(())) => tracing::info!("ready"),
                Ok(Err(error)) => tracing::warn!(error, "not ready"),
                Err(_) => tracing::warn!("not ready: no answer in time"),
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
