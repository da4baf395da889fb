//! Content that goes straight to S3, over the JSON API.

use cairn_store::{Grant, Narrowing, NewApiKey, Scope};
use harness::{Answer, Bytes, Cairn, Rest, Setup, content, eventually, put_to};
use reqwest::Method;
use serde_json::{Value, json};

const SIZE: usize = (9 << 20) + 3;

async fn signing() -> (Cairn, Rest) {
    let cairn = Setup::on(Bytes::S3).signing().start().await;
    let rest = Rest::of(&cairn);
    (cairn, rest)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

#[tokio::test]
async fn parts_are_signed_put_and_finished_by_json() {
    let (cairn, rest) = signing().await;
    let whole = content(SIZE);
    let spec = json!({"filename": "a.bin", "session_id": "run", "size_bytes": SIZE});
    let upload = rest.post("/v1/uploads", spec).await.body;
    let upload = format!("/v1/uploads/{}", text(&upload, "upload_id"));
    let parts = format!("{upload}/parts");
    let finish = format!("{upload}/finish");
    let told = rest
        .post(&parts, json!({"part_count": 5, "expires_in": 60}))
        .await
        .ok();
    assert_eq!(told["total_parts"], 2);
    assert_eq!(told["upload"]["presigned_part_bytes"], 8 << 20);
    let early = rest.post(&finish, json!({})).await;
    assert_eq!(early.refused(), (409, "upload_parts_missing"));
    for part in told["parts"].as_array().unwrap() {
        let at = part["offset"].as_u64().unwrap() as usize;
        let size = part["size_bytes"].as_u64().unwrap() as usize;
        let bytes = whole[at..at + size].to_vec();
        assert_eq!(put_to(text(part, "url"), bytes).await, 200);
    }
    let added =
        json!({"metadata": {"k": "v"}, "labels": ["l"], "stage": "final", "size_bytes": SIZE});
    let made = rest.post(&finish, added.clone()).await.ok();
    assert_eq!(
        (&made["metadata"], &made["stage"]),
        (&json!({"k": "v"}), &json!("final"))
    );
    assert_eq!(rest.post(&finish, added).await.ok(), made);
    let id = text(&made, "artifact_id");
    assert!(cairn.client.download(id).await.unwrap() == whole);
    let wrong = rest.post(&parts, json!({"parts": 5})).await;
    assert_eq!(wrong.refused().0, 400);
}

#[tokio::test]
async fn an_upload_url_of_s3_makes_the_artifact_when_completed() {
    let (cairn, rest) = signing().await;
    let whole = content(SIZE);
    let wanted =
        json!({"filename": "a.bin", "size_bytes": SIZE, "session_id": "run", "ttl": "24h"});
    let told = rest.post("/v1/artifacts/upload-url", wanted).await;
    assert_eq!(told.status, 201);
    let told = told.body;
    let url = text(&told, "upload_url");
    assert!(
        url.contains("uploadId=") && url.contains("X-Amz-Signature="),
        "{url}"
    );
    assert_eq!(told["expires_in"], 3600);
    let id = text(&told, "artifact_id");
    let complete = format!("/v1/artifacts/{id}/complete");
    let early = rest.post(&complete, json!({})).await;
    assert_eq!(early.refused(), (404, "upload_not_found"));
    assert_eq!(put_to(url, whole.clone()).await, 200);
    let done = Answer::to(rest.request(Method::POST, &complete)).await.ok();
    assert_eq!(
        (text(&done, "artifact_id"), &done["session_id"]),
        (id, &json!("run"))
    );
    assert_ne!(put_to(url, vec![7; SIZE]).await, 200);
    assert_eq!(rest.post(&complete, json!({})).await.ok(), done);
    assert!(cairn.client.download(id).await.unwrap() == whole);
    let other = cairn.store.create_api_key("globex").await.unwrap();
    let other = Rest::with_key(&cairn, other.reveal());
    let none = other.post(&complete, json!({})).await;
    assert_eq!(none.refused(), (404, "artifact_not_found"));
}

/// An upload that is never completed holds its room for two hours, however often that was asked about.
#[tokio::test]
async fn an_abandoned_upload_url_holds_its_room_for_two_hours() {
    let (cairn, rest) = signing().await;
    let wanted = json!({"filename": "a.bin", "size_bytes": SIZE});
    let told = rest.post("/v1/artifacts/upload-url", wanted).await.body;
    let complete = format!("/v1/artifacts/{}/complete", text(&told, "artifact_id"));
    let early = rest.post(&complete, json!({})).await;
    assert_eq!(early.refused(), (404, "upload_not_found"));
    let ending = "SELECT count(*) FROM uploads u JOIN objects o ON o.id = u.object_id
        WHERE o.lease_until = u.expires_at
            AND u.expires_at BETWEEN now() + interval '1 hour' AND now() + interval '2 hours'";
    assert_eq!(cairn.count(ending).await, 1);
}

/// The caller of complete goes away while S3 combines the parts: the artifact is made all the same.
#[tokio::test]
async fn completing_goes_on_without_its_caller() {
    let cairn = Setup::on(Bytes::S3).proxied().signing().start().await;
    let rest = Rest::of(&cairn);
    let wanted = json!({"filename": "a.bin", "size_bytes": SIZE});
    let told = rest.post("/v1/artifacts/upload-url", wanted).await.body;
    assert_eq!(put_to(text(&told, "upload_url"), content(SIZE)).await, 200);
    cairn.s3_proxy().hold("<CompleteMultipartUpload");
    let id = text(&told, "artifact_id");
    let completing = rest.request(Method::POST, &format!("/v1/artifacts/{id}/complete"));
    let completing = tokio::spawn(completing.send());
    eventually("S3 is asked to combine", async || cairn.s3_proxy().holds()).await;
    completing.abort();
    assert!(completing.await.unwrap_err().is_cancelled());
    // The server has seen the end of the connection once it answers on the next one.
    rest.get(&format!("/v1/artifacts/{id}")).await;
    cairn.s3_proxy().release();
    let made = format!("SELECT count(*) FROM artifacts WHERE id = '{id}'");
    eventually("the artifact is made", async || {
        cairn.count(&made).await == 1
    })
    .await;
}

/// Small content and a retry under a key are answered by the server itself.
#[tokio::test]
async fn an_upload_url_is_the_servers_own_where_s3_cannot_answer() {
    let (_cairn, rest) = signing().await;
    for (wanted, key) in [
        (json!({"filename": "a", "size_bytes": 100}), None),
        (json!({"filename": "a", "size_bytes": SIZE}), Some("k")),
    ] {
        let request = rest
            .request(Method::POST, "/v1/artifacts/upload-url")
            .json(&wanted);
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        let told = Answer::to(request).await;
        assert!(text(&told.body, "upload_url").contains("?ticket="));
    }
}

/// Completing a presigned upload makes an artifact, so it needs the scope to write.
#[tokio::test]
async fn a_reader_cannot_complete_an_upload_of_another() {
    let (cairn, rest) = signing().await;
    let wanted = json!({"filename": "a.bin", "size_bytes": SIZE});
    let told = rest.post("/v1/artifacts/upload-url", wanted).await.body;
    assert_eq!(put_to(text(&told, "upload_url"), content(SIZE)).await, 200);
    let complete = format!("/v1/artifacts/{}/complete", text(&told, "artifact_id"));
    let grant = Grant::new([Scope::Read].into_iter().collect(), Narrowing::none(), None);
    let new = NewApiKey::new("reader".to_owned(), grant, None).unwrap();
    let (_, secret) = cairn.store.issue_api_key("acme", &new).await.unwrap();
    let reader = Rest::with_key(&cairn, secret.reveal());
    let refused = reader.post(&complete, json!({})).await;
    assert_eq!(refused.refused(), (403, "forbidden"));
    rest.post(&complete, json!({})).await.ok();
}
