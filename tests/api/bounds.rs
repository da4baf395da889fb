//! No caller, with a credential or without, can take the room of the others.

use std::time::Duration;

use cairn_proto::v1::{ListArtifactsRequest, WatchSessionRequest, WhoAmIRequest};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{Code, codec::CompressionEncoding};
use tonic_types::StatusExt;

use harness::{Bytes, Cairn, Setup, eventually, refused, session_spec, spec, within_patience};

mod hostile;
mod transport;

fn host(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// Sends this and waits until the other end closes the connection.
async fn hung_up_after(address: &str, sent: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    let hung_up = format!("{address} hangs up after {sent:?}");
    // Reset or closed: both end it.
    let _ = within_patience(&hung_up, stream.read_to_end(&mut heard)).await;
    String::from_utf8_lossy(&heard).into_owned()
}

async fn impatient() -> Cairn {
    let setup = Setup::on(Bytes::Files).settings(|settings| {
        settings.bounds.head = Duration::from_millis(200);
        settings.bounds.idle = Duration::from_millis(400);
    });
    setup.start().await
}

#[tokio::test]
async fn connections_that_say_nothing_are_closed() {
    let cairn = impatient().await;
    for (url, sent) in [
        (&cairn.grpc_url, ""),
        (&cairn.grpc_url, "PRI * HTTP/2.0\r\n"),
        (&cairn.http_url, ""),
        (
            &cairn.http_url,
            "GET /lnk_x HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        ),
    ] {
        hung_up_after(&host(url), sent).await;
    }
    let request = "GET /lnk_x HTTP/1.1\r\nHost: x\r\n\r\n";
    let heard = hung_up_after(&host(&cairn.http_url), request).await;
    assert!(heard.starts_with("HTTP/1.1 404"), "{heard}");
}

#[tokio::test]
async fn a_head_of_half_a_megabyte_is_refused() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let head = format!("GET /lnk_x HTTP/1.1\r\nX: {}", "x".repeat(500_000));
    let mut stream = TcpStream::connect(host(&cairn.http_url)).await.unwrap();
    let _ = stream.write_all(head.as_bytes()).await;
    let mut heard = [0; 12];
    let read = within_patience("it answers", stream.read_exact(&mut heard)).await;
    assert!(read.is_err() || &heard == b"HTTP/1.1 431");
}

#[tokio::test]
async fn a_connection_too_many_is_refused_and_probes_go_on() {
    let setup = Setup::on(Bytes::Files).settings(|settings| settings.bounds.connections = 4);
    let cairn = setup.start().await;
    let address = host(&cairn.http_url);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(TcpStream::connect(&address).await.unwrap());
    }
    hung_up_after(&address, "").await;
    assert_eq!(cairn.get(&format!("{}/livez", cairn.ops_url)).await, 200);
    drop(held);
    let link = format!("{}/lnk_x", cairn.http_url);
    eventually("there is room again", async || {
        cairn.get(&link).await == 404
    })
    .await;
}

#[tokio::test]
async fn an_old_connection_is_left_and_its_calls_go_on() {
    let setup = Setup::on(Bytes::Files).settings(|settings| {
        settings.bounds.age = Duration::from_millis(300);
        settings.bounds.head = Duration::from_millis(200);
    });
    let cairn = setup.start().await;
    cairn
        .client
        .create(session_spec("a", "run"), "1")
        .await
        .unwrap();
    let mut sessions = cairn.client.sessions.clone();
    let request = WatchSessionRequest {
        session_id: "run".into(),
        ..WatchSessionRequest::default()
    };
    let mut watch = sessions.watch_session(request).await.unwrap().into_inner();
    hung_up_after(&host(&cairn.http_url), "").await;
    // The server announces this on the connection that takes no new calls. A call may meet a connection that is being closed.
    for name in ["b", "c", "d"] {
        eventually("it is made", async || {
            let made = cairn.client.create(session_spec(name, "run"), "2");
            made.await.is_ok()
        })
        .await;
    }
    let mut events = 0;
    while events < 4 {
        let told = within_patience("events", watch.message()).await;
        events += told.unwrap().expect("more events").events.len();
    }
}

#[tokio::test]
async fn one_tenant_leaves_room_for_the_calls_of_another() {
    let setup = Setup::on(Bytes::Files).settings(|settings| settings.max_calls = 8);
    let cairn = setup.start().await;
    let other = cairn.client_of("globex").await;
    cairn
        .client
        .create(session_spec("a", "run"), "1")
        .await
        .unwrap();
    let request = WatchSessionRequest {
        session_id: "run".into(),
        ..WatchSessionRequest::default()
    };
    let mut watches = Vec::new();
    for _ in 0..4 {
        let mut sessions = cairn.client.sessions.clone();
        let watch = sessions.watch_session(request.clone()).await.unwrap();
        watches.push(watch.into_inner());
    }
    let me = cairn
        .client
        .identity
        .clone()
        .who_am_i(WhoAmIRequest {})
        .await;
    let status = me.unwrap_err();
    let pushback = status.metadata().get("grpc-retry-pushback-ms");
    assert_eq!(pushback.unwrap(), "1000");
    assert_eq!(
        status.metadata().get("cairn-reason").unwrap(),
        "RATE_LIMITED"
    );
    assert_eq!(status.metadata().get("cairn-retry").unwrap(), "yes");
    assert!(status.get_details_retry_info().is_some());
    let refusal = refused::<()>(Err(status));
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::ResourceExhausted, "RATE_LIMITED")
    );
    other
        .identity
        .clone()
        .who_am_i(WhoAmIRequest {})
        .await
        .unwrap();
    drop(watches);
    eventually("the calls have ended", async || {
        let mut identity = cairn.client.identity.clone();
        identity.who_am_i(WhoAmIRequest {}).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn requests_may_be_compressed_with_gzip() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let mut artifacts = cairn.client.artifacts.clone();
    artifacts = artifacts.send_compressed(CompressionEncoding::Gzip);
    let request = cairn_proto::v1::CreateArtifactRequest {
        spec: Some(spec("a")),
        content: vec![7; 100_000].into(),
        preview_bytes: 0,
    };
    let made = artifacts.create_artifact(request).await.unwrap();
    assert_eq!(made.into_inner().artifact.unwrap().size_bytes, 100_000);
    let bomb = cairn_proto::v1::CreateArtifactRequest {
        spec: Some(spec("a")),
        content: vec![7; 8 << 20].into(),
        preview_bytes: 0,
    };
    let refusal = refused(artifacts.create_artifact(bomb).await);
    assert_eq!(refusal.reason, "FILE_TOO_LARGE");
    let list = ListArtifactsRequest::default();
    artifacts.list_artifacts(list).await.unwrap();
}
