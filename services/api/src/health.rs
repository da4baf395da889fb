//! gRPC health: the same as `/readyz`, for the server as a whole and for each service.

use std::iter;

use tokio::sync::watch;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::access;

/// Forwards whether the process is ready, until the sender is dropped.
pub(crate) async fn follow(mut ready: watch::Receiver<bool>, grpc: HealthReporter) {
    loop {
        let is_ready = *ready.borrow_and_update();
        set_serving(&grpc, is_ready).await;
        if ready.changed().await.is_err() {
            return;
        }
    }
}

/// Sets the answer.
pub(crate) async fn set_serving(grpc: &HealthReporter, ready: bool) {
    let status = if ready {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for service in iter::once("").chain(access::services()) {
        grpc.set_service_status(service, status).await;
    }
}
