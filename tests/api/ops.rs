//! What operators rely on: probes, reflection, a clean shutdown.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use harness::{Bytes, Cairn, OpenUpload, Setup, content, eventually, spec};

const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

async fn channel(cairn: &Cairn) -> Channel {
    let endpoint = Endpoint::from_shared(cairn.grpc_url.clone()).unwrap();
    endpoint.connect().await.unwrap()
}

async fn services(cairn: &Cairn) -> Vec<String> {
    let mut client = ServerReflectionClient::new(channel(cairn).await);
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = client
        .server_reflection_info(tokio_stream::once(list))
        .await;
    let answer = answers
        .unwrap()
        .into_inner()
        .message()
        .await
        .unwrap()
        .unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    list.service
        .into_iter()
        .map(|service| service.name)
        .collect()
}

async fn health(cairn: &Cairn, service: &str) -> i32 {
    let mut client = HealthClient::new(channel(cairn).await);
    let check = HealthCheckRequest {
        service: service.into(),
    };
    client.check(check).await.unwrap().into_inner().status
}

/// Reflection describes every service, and health has a status for each.
#[tokio::test]
async fn reflection_and_health_know_every_service() {
    let cairn = Cairn::start().await;
    let services = services(&cairn).await;
    let ours: Vec<_> = services
        .iter()
        .filter(|name| name.starts_with("cairn."))
        .collect();
    assert!(ours.len() >= 4, "{services:?}");
    assert!(services.iter().any(|name| name == "grpc.health.v1.Health"));
    for service in ours {
        assert_eq!(health(&cairn, service).await, SERVING, "{service}");
    }
    assert_eq!(health(&cairn, "").await, SERVING);
}

#[tokio::test]
async fn health_follows_postgres_and_s3() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    for proxy in [cairn.postgres_proxy(), cairn.s3_proxy()] {
        proxy.cut();
        eventually("health says no", async || {
            health(&cairn, "").await == NOT_SERVING
        })
        .await;
        proxy.restore();
        eventually("health says yes", async || {
            health(&cairn, "").await == SERVING
        })
        .await;
    }
}

#[tokio::test]
async fn probes_are_served_and_nothing_else_is() {
    let cairn = Cairn::start().await;
    assert_eq!(cairn.get(&format!("{}/livez", cairn.ops_url)).await, 200);
    assert_eq!(cairn.get(&format!("{}/readyz", cairn.ops_url)).await, 200);
    assert_eq!(cairn.get(&format!("{}/other", cairn.ops_url)).await, 404);
}

#[tokio::test]
async fn a_stop_lets_uploads_end_and_takes_no_new_connection() {
    let cairn = Cairn::start().await;
    let upload = OpenUpload::begin(&cairn.client, spec("a")).await;
    upload.send(content(100_000)).await;
    eventually("the upload is under way", async || {
        cairn
            .count("SELECT count(*) FROM objects WHERE state = 'staging'")
            .await
            == 1
    })
    .await;
    cairn.shutdown.cancel();
    eventually("no new connection is taken", async || {
        let endpoint = Endpoint::from_shared(cairn.grpc_url.clone()).unwrap();
        endpoint.connect().await.is_err()
    })
    .await;
    upload.send(content(100_000)).await;
    let made = upload.finish().await.unwrap();
    assert_eq!(made.size_bytes, 200_000);
    cairn.stop().await;
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_it_may() {
    let cairn = Setup::on(Bytes::S3)
        .drain(Duration::from_millis(50))
        .start()
        .await;
    let upload = OpenUpload::begin(&cairn.client, spec("a")).await;
    upload.send(content(100_000)).await;
    eventually("the upload is under way", async || {
        cairn
            .count("SELECT count(*) FROM objects WHERE state = 'staging'")
            .await
            == 1
    })
    .await;
    cairn.stop().await;
    assert!(!upload.call.is_finished(), "it was not waited for");
}
