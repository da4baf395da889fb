//! Signed URLs for reading and sending content.

use harness::{Answer, Bytes, Cairn, Rest, Setup, content, session_spec, spec};
use reqwest::{Client, Method};
use serde_json::{Value, json};

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

#[tokio::test]
async fn a_download_url_needs_no_header_and_serves_ranges() {
    for bytes in [Bytes::S3, Bytes::Files] {
        let cairn = Setup::on(bytes).start().await;
        let rest = Rest::of(&cairn);
        let whole = content(200_000);
        let made = cairn.client.upload(spec("dir/a.bin"), whole.clone()).await;
        let id = made.unwrap().artifact_id;
        let path = format!("/v1/artifacts/{id}/download-url");
        let told = rest.get(&path).await.ok();
        assert_eq!(told["filename"], "dir/a.bin");
        assert_eq!(
            (&told["size_bytes"], &told["expires_in"]),
            (&json!(200_000), &json!(900))
        );
        assert!(text(&told, "expires_at").ends_with('Z'));
        let url = text(&told, "download_url");
        let read = reqwest::get(url).await.unwrap();
        assert_eq!(read.status(), 200);
        assert!(read.bytes().await.unwrap() == whole);
        let part = Client::new().get(url).header("range", "bytes=10-19");
        let part = part.send().await.unwrap();
        assert_eq!(part.status(), 206);
        assert!(part.bytes().await.unwrap() == whole[10..20]);
        let head = Client::new().head(url).send().await.unwrap();
        assert_eq!(head.headers()["content-length"], "200000");

        cairn.client.delete(&id).await.unwrap();
        let gone = Answer::to(Client::new().get(url)).await;
        assert_eq!(gone.refused(), (410, "artifact_already_deleted"));
    }
}

#[tokio::test]
async fn a_url_is_good_for_what_it_was_signed_for_alone() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        ids.push(
            cairn
                .client
                .create(spec(name), name)
                .await
                .unwrap()
                .artifact_id,
        );
    }
    let told = rest
        .get(&format!("/v1/artifacts/{}/download-url", ids[0]))
        .await
        .ok();
    let url = text(&told, "download_url");
    let forbidden = (403, "forbidden");
    let (place, ticket) = url.split_once("?ticket=").unwrap();
    let flipped = if ticket.ends_with('0') { "1" } else { "0" };
    for wrong in [
        url.replace(&ids[0], &ids[1]),
        place.to_owned(),
        format!("{place}?ticket={}{flipped}", &ticket[..ticket.len() - 1]),
        format!("{place}?ticket=00"),
    ] {
        let answer = Answer::to(Client::new().get(&wrong)).await;
        assert_eq!(answer.refused(), forbidden, "{wrong}");
    }
    let written = Answer::to(Client::new().put(url).body("x")).await;
    assert_eq!(written.refused(), forbidden);
}

/// What a client asks before it sends bytes.
fn wanted(size: usize) -> Value {
    json!({
        "filename": "a.bin", "content_type": "application/x-own", "size_bytes": size,
        "session_id": "run", "metadata": {"k": "v"}, "ttl": "24h",
    })
}

#[tokio::test]
async fn an_upload_url_takes_the_bytes_and_complete_tells_of_them() {
    for bytes in [Bytes::S3, Bytes::Files] {
        let cairn = Setup::on(bytes).start().await;
        let rest = Rest::of(&cairn);
        for size in [0, 10, 200_000, 9 << 20] {
            let bytes = content(size);
            let told = rest.post("/v1/artifacts/upload-url", wanted(size)).await;
            assert_eq!(told.status, 201);
            let told = told.body;
            assert_eq!(told["filename"], "a.bin");
            assert_eq!(told["content_type"], "application/x-own");
            assert_eq!(
                (&told["size_bytes"], &told["expires_in"]),
                (&json!(size), &json!(3600))
            );
            assert!(told["upload_headers"].is_object());
            let id = text(&told, "artifact_id");
            let complete = format!("/v1/artifacts/{id}/complete");
            let early = rest.post(&complete, json!({})).await;
            assert_eq!(early.refused(), (404, "upload_not_found"));
            let record = rest.get(&format!("/v1/artifacts/{id}")).await;
            assert_eq!(record.refused(), (404, "artifact_not_found"));

            let method: Method = text(&told, "upload_method").parse().unwrap();
            let put = |bytes: &[u8]| {
                let request = Client::new().request(method.clone(), text(&told, "upload_url"));
                Answer::to(request.body(bytes.to_vec()))
            };
            assert_eq!(put(&bytes).await.status, 200);
            let done = Answer::to(rest.request(Method::POST, &complete)).await.ok();
            assert_eq!(done["artifact_id"], id);
            assert_eq!(
                (&done["session_id"], &done["metadata"]),
                (&json!("run"), &json!({"k": "v"}))
            );
            assert!(cairn.client.download(id).await.unwrap() == bytes);
            // Again: the same bytes are fine, others change nothing, and the answer stays.
            assert_eq!(put(&bytes).await.status, 200);
            if size > 0 {
                let other = vec![7; size];
                let refused = put(&other).await;
                assert_eq!(refused.refused(), (422, "idempotency_key_reused"), "{size}");
            }
            assert_eq!(rest.post(&complete, json!({})).await.ok(), done);
            assert!(cairn.client.download(id).await.unwrap() == bytes);
        }
        let list = rest.get("/v1/artifacts?session_id=run").await.ok();
        assert_eq!(list["artifacts"].as_array().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn what_is_sent_must_be_what_was_announced() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let told = rest.post("/v1/artifacts/upload-url", wanted(10)).await.ok();
    for size in [9, 11] {
        let put = Client::new()
            .put(text(&told, "upload_url"))
            .body(content(size));
        let refused = Answer::to(put).await;
        assert_eq!(refused.refused(), (400, "content_mismatch"), "{size}");
    }
    let complete = format!("/v1/artifacts/{}/complete", text(&told, "artifact_id"));
    let none = rest.post(&complete, json!({})).await;
    assert_eq!(none.refused(), (404, "upload_not_found"));
    let unknown = rest
        .post("/v1/artifacts/art_0000000000000000/complete", json!({}))
        .await;
    assert_eq!(unknown.refused(), (404, "artifact_not_found"));
    // The refusals left the reservation as it was.
    let put = Client::new()
        .put(text(&told, "upload_url"))
        .body(content(10));
    assert_eq!(Answer::to(put).await.status, 200);
}

#[tokio::test]
async fn an_upload_url_is_refused_as_an_upload_would_be() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let refused = async |change: (&str, Value)| {
        let mut asked = wanted(10);
        asked[change.0] = change.1;
        let answer = rest.post("/v1/artifacts/upload-url", asked).await;
        let (status, code) = answer.refused();
        (status, code.to_owned())
    };
    let invalid = (400, "invalid_request".to_owned());
    for change in [
        ("filename", json!("")),
        ("filename", json!("../a")),
        ("size_bytes", json!(null)),
        ("size_bytes", json!(-1)),
        ("ttl", json!("soon")),
        ("metadata", json!({"k": 1})),
        ("sesion_id", json!("run")),
    ] {
        assert_eq!(refused(change.clone()).await, invalid, "{change:?}");
    }
    let large = ("size_bytes", json!((5_i64 << 30) + 1));
    assert_eq!(refused(large).await, (413, "file_too_large".to_owned()));
    super::forbid_never(&cairn).await;
    let never = ("ttl", json!("never"));
    assert_eq!(
        refused(never).await,
        (400, "ttl_exceeds_plan_limit".to_owned())
    );

    // A session that is sealed meanwhile refuses the bytes.
    cairn
        .client
        .create(session_spec("a", "run"), "a")
        .await
        .unwrap();
    let told = rest.post("/v1/artifacts/upload-url", wanted(10)).await.ok();
    cairn.client.seal("run").await.unwrap();
    let put = Client::new()
        .put(text(&told, "upload_url"))
        .body(content(10));
    assert_eq!(Answer::to(put).await.refused(), (409, "session_sealed"));
    let sealed = ("title", json!("late"));
    assert_eq!(refused(sealed).await, (409, "session_sealed".to_owned()));
}

#[tokio::test]
async fn a_key_makes_a_repeated_reservation_one() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let ask = |size: usize| {
        let request = rest.request(Method::POST, "/v1/artifacts/upload-url");
        request.header("idempotency-key", "k").json(&wanted(size))
    };
    let first = Answer::to(ask(10)).await.ok();
    let again = Answer::to(ask(10)).await.ok();
    assert_eq!(again["artifact_id"], first["artifact_id"]);
    let mut other = wanted(10);
    other["title"] = json!("other");
    let other = rest
        .request(Method::POST, "/v1/artifacts/upload-url")
        .json(&other);
    let other = Answer::to(other.header("idempotency-key", "k")).await;
    assert_eq!(other.refused(), (422, "idempotency_key_reused"));
}
