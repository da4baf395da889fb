//! Probes: whether the process runs, and whether it should be sent calls.

use std::time::Duration;

use axum::{Router, http::StatusCode, routing::get};
use cairn_store::{Store, describe};
use tokio::{sync::watch, time::timeout};
use tonic_health::{ServingStatus, server::HealthReporter};

/// How often Postgres and the blob store are asked.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long they may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// What gRPC health knows: the server as a whole, and each service.
const SERVICES: [&str; 6] = [
    "",
    "cairn.v1.ArtifactService",
    "cairn.v1.IdentityService",
    "cairn.v1.JobService",
    "cairn.v1.LinkService",
    "cairn.v1.SessionService",
];

/// `/livez`: the process runs. `/readyz`: Postgres and the blob store answered the last time they were asked.
pub(crate) fn router(ready: watch::Receiver<bool>) -> Router {
    let readyz = async move || {
        if *ready.borrow() {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    };
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
}

/// Asks for ever, and tells both kinds of probes.
pub(crate) async fn watch_health(store: Store, ready: watch::Sender<bool>, grpc: HealthReporter) {
    let mut was_ready = None;
    loop {
        let answer = timeout(PATIENCE, store.ping()).await;
        let is_ready = matches!(answer, Ok(Ok(())));
        ready.send_replace(is_ready);
        if was_ready.replace(is_ready) != Some(is_ready) {
            match answer {
                Ok(Ok(())) => tracing::info!("ready"),
                Ok(Err(e)) => tracing::warn!(error = describe(&e), "not ready"),
                Err(_) => tracing::warn!("not ready: no answer in time"),
            }
        }
        tell(&grpc, is_ready).await;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Sets what gRPC health answers.
pub(crate) async fn tell(grpc: &HealthReporter, ready: bool) {
    let status = if ready {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for service in SERVICES {
        grpc.set_service_status(service, status).await;
    }
}
