//! No log and no line of the audit trail has a key, a token, a link or a signature, however much is logged.

use cairn_proto::v1::CreateTokenRequest;
use cairn_store::config::BlobConfig;
use harness::{
    Bytes, Cairn, Client, Setup, eventually,
    program::{self, program},
    spec,
};
use rustix::process::Signal;

/// Every secret that a caller of this server handles in its life.
async fn use_secrets(cairn: &Cairn, grpc: &str, http: &str) -> Vec<String> {
    let client = Client::connect(grpc, Some(&cairn.key)).await;
    eventually("the server answers", async || {
        client.create(spec("warm"), "x").await.is_ok()
    })
    .await;
    let made = client.create(spec("a"), "hello").await.unwrap();
    let id = made.artifact_id;
    let token = client.identity.clone();
    let token = { token }.create_token(CreateTokenRequest::default()).await;
    let token = token.unwrap().into_inner().token;
    let by_token = Client::connect(grpc, Some(&token)).await;
    by_token.download(&id).await.unwrap();
    let wrong = format!("ck_{}", "Ab3".repeat(13) + "x");
    let stranger = Client::connect(grpc, Some(&wrong)).await;
    stranger.get(&id).await.unwrap_err();
    let link = client.link(&id).await.unwrap();
    let http_client = reqwest::Client::new();
    for path in [
        format!("/{}", link.link_id),
        format!("/lnk_{}", "Zy9".repeat(6) + "Zy"),
    ] {
        let url = format!("{http}{path}");
        http_client.get(url).send().await.unwrap();
    }
    for secret in [&cairn.key, &token, &wrong] {
        let url = format!("{http}/v1/artifacts/{id}/download-url");
        let signed = http_client.get(url).bearer_auth(secret);
        signed.send().await.unwrap();
    }
    let url = format!("{http}/v1/artifacts/{id}/download-url");
    let signed = http_client.get(url).bearer_auth(&cairn.key).send().await;
    let signed: serde_json::Value = signed.unwrap().json().await.unwrap();
    let signed = signed["download_url"].as_str().unwrap().to_owned();
    let ticket = signed.split_once("ticket=").unwrap().1.to_owned();
    let url = format!("{http}/v1/artifacts/{id}/content?ticket={ticket}");
    http_client.get(&url).send().await.unwrap();
    http_client.get(format!("{url}x")).send().await.unwrap();
    let link_path = format!("{http}/v1/links/{}", link.link_id);
    for _ in 0..2 {
        let revoke = http_client.delete(&link_path).bearer_auth(&wrong);
        revoke.send().await.unwrap();
    }
    let gone = http_client.get(format!("{http}/v1/links/lnk_{}", "Qq8".repeat(6) + "Qq"));
    gone.bearer_auth(&cairn.key).send().await.unwrap();
    vec![
        cairn.key.clone(),
        token,
        wrong,
        link.link_id,
        "Zy9".repeat(6),
        "Qq8".repeat(6),
        ticket,
    ]
}

#[tokio::test]
async fn no_log_and_no_audit_line_has_a_secret() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let BlobConfig::Fs(blobs) = &cairn.config.blobs else {
        panic!("files");
    };
    let [grpc, http, ops] = program::free_addresses();
    let mut command = program::command(program("cairn-api").await);
    command
        .arg("serve")
        .env("CAIRN_DATABASE_URL", &cairn.config.database_url)
        .env("CAIRN_BLOB_DIR", blobs)
        .env("CAIRN_GRPC_ADDR", &grpc)
        .env("CAIRN_HTTP_ADDR", &http)
        .env("CAIRN_OPS_ADDR", &ops)
        .env("CAIRN_DELEGATION_KEYS", format!("1:{}", "s".repeat(32)))
        .env("CAIRN_LOG", "debug,h2=info,hyper=info");
    let process = command.spawn().unwrap();
    let grpc = format!("http://{grpc}");
    let secrets = use_secrets(&cairn, &grpc, &format!("http://{http}")).await;
    program::signal(&process, Signal::TERM);
    let done = program::end_of(process).await;
    assert!(done.stderr.lines().count() > 20, "{}", done.stderr);
    let database = cairn.database().await;
    let rows = database.query("SELECT a::text FROM audit a", &[]).await;
    let trail: Vec<String> = rows.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(trail.len() > 5, "{trail:?}");
    for secret in &secrets {
        for line in done.stderr.lines().chain(trail.iter().map(String::as_str)) {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}
