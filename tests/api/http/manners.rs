//! Compression, HEAD and calls from browsers.

use harness::{Answer, Bytes, Cairn, Rest, Setup, spec};
use reqwest::Method;

#[tokio::test]
async fn long_json_is_compressed_for_callers_that_accept_it() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    for number in 0..20 {
        let made = cairn.client.create(spec(&format!("{number}")), "x");
        made.await.unwrap();
    }
    let ask = |path: &str, coding: &str| {
        let request = rest.request(Method::GET, path);
        request.header("accept-encoding", coding).send()
    };
    let plain = ask("/v1/artifacts", "identity").await.unwrap();
    assert!(!plain.headers().contains_key("content-encoding"));
    let plain = plain.bytes().await.unwrap();
    for (accepted, coding, magic) in [
        ("gzip", "gzip", &[0x1f, 0x8b][..]),
        ("gzip, deflate, br, zstd", "zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
    ] {
        let packed = ask("/v1/artifacts", accepted).await.unwrap();
        assert_eq!(packed.headers()["content-encoding"], coding);
        let vary = packed.headers()["vary"].to_str().unwrap();
        assert!(vary.contains("accept-encoding"), "{vary}");
        let packed = packed.bytes().await.unwrap();
        assert!(packed.starts_with(magic) && packed.len() * 4 < plain.len());
    }
    let short = ask("/v1/artifacts/art_0", "gzip").await.unwrap();
    assert!(!short.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn content_is_never_compressed() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let text = format!("{{\"a\": \"{}\"}}", "x".repeat(10_000));
    let made = cairn
        .client
        .create(spec("a.json"), text.clone())
        .await
        .unwrap();
    let told = rest
        .get(&format!("/v1/artifacts/{}/download-url", made.artifact_id))
        .await
        .ok();
    let link = cairn.client.link(&made.artifact_id).await.unwrap();
    for url in [told["download_url"].as_str().unwrap(), &link.url] {
        let read = reqwest::Client::new()
            .get(url)
            .header("accept-encoding", "gzip");
        let read = read.send().await.unwrap();
        assert!(!read.headers().contains_key("content-encoding"));
        assert_eq!(read.headers()["content-length"], text.len().to_string());
        assert_eq!(read.text().await.unwrap(), text);
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let made = cairn.client.create(spec("a"), "a").await.unwrap();
    let path = format!("/v1/artifacts/{}", made.artifact_id);
    let get = rest.request(Method::GET, &path).send().await.unwrap();
    let head = rest.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.status(), 200);
    for name in ["etag", "content-type", "content-length"] {
        assert_eq!(head.headers()[name], get.headers()[name], "{name}");
    }
    assert!(head.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn pages_of_other_origins_call_where_they_are_allowed() {
    let allowed = "https://app.example.com";
    let origins = |origins: &[&'static str]| -> Vec<_> {
        origins.iter().map(|it| it.parse().unwrap()).collect()
    };
    for (setting, origin, allows) in [
        (&[][..], allowed, None),
        (&[allowed][..], allowed, Some(allowed)),
        (&[allowed][..], "https://other.example.com", None),
        (&["*"][..], allowed, Some("*")),
    ] {
        let setup = Setup::on(Bytes::Files);
        let cairn = setup
            .settings(|it| it.cors_origins = origins(setting))
            .start()
            .await;
        let rest = Rest::of(&cairn);
        let preflight = rest
            .anonymous(Method::OPTIONS, "/v1/artifacts")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,idempotency-key",
            );
        let call = rest
            .request(Method::GET, "/v1/artifacts")
            .header("origin", origin);
        for answer in [Answer::to(preflight).await, Answer::to(call).await] {
            let given = answer.header("access-control-allow-origin");
            assert_eq!(given, allows.unwrap_or(""), "{setting:?} {origin}");
        }
    }
}
