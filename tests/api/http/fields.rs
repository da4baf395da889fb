//! What a request says is respected or refused, and not dropped.

use cairn_proto::v1::FinishUploadRequest;
use harness::{Answer, Bytes, Cairn, Rest, Setup, content, refused, spec};
use reqwest::Method;
use serde_json::{Value, json};

async fn started() -> (Cairn, Rest) {
    let cairn = Setup::on(Bytes::Files).start().await;
    let rest = Rest::of(&cairn);
    (cairn, rest)
}

#[tokio::test]
async fn an_upload_takes_its_spec_from_one_place() {
    let (_cairn, rest) = started().await;
    for (path, body) in [
        ("/v1/uploads?filename=a", json!({"agent_id": "x"})),
        ("/v1/uploads?session_id=run", json!({"filename": "a"})),
        ("/v1/uploads?filename=a&colour=red", json!({})),
        ("/v1/uploads", json!({"filename": "a", "colour": "red"})),
        ("/v1/uploads?session_id=run", json!({})),
    ] {
        let answer = rest.post(path, body).await;
        assert_eq!(answer.refused(), (400, "invalid_request"), "{path}");
    }
    for (path, body) in [
        ("/v1/uploads?filename=a&session_id=run", json!({})),
        ("/v1/uploads", json!({"filename": "a", "session_id": "run"})),
    ] {
        let made = rest.post(path, body).await;
        assert_eq!(
            (made.status, &made.body["session_id"]),
            (201, &json!("run"))
        );
    }
}

#[tokio::test]
async fn options_says_what_an_upload_may_be() {
    let (_cairn, rest) = started().await;
    let answer = Answer::to(rest.anonymous(Method::OPTIONS, "/v1/uploads")).await;
    assert_eq!(answer.status, 204);
    let limit = format!("max-size={}, min-size=0", 64_u64 << 30);
    assert_eq!(answer.header("upload-limit"), limit);
}

/// A key is described for the calls that take one, and for no other.
#[tokio::test]
async fn idempotency_keys_are_described_where_they_count() {
    let (_cairn, rest) = started().await;
    let document = rest.get("/v1/openapi.json").await.ok();
    let takes_key = |path: &str, method: &str| {
        let operation = &document["paths"][path][method];
        let parameters = operation["parameters"].as_array().unwrap();
        parameters.iter().any(|it| it["name"] == "Idempotency-Key")
    };
    for (path, method, takes) in [
        ("/v1/artifacts", "post", true),
        ("/v1/artifacts/{artifact_id}", "delete", true),
        ("/v1/artifacts/batch-get", "post", false),
        ("/v1/tokens", "post", false),
        ("/v1/uploads", "post", true),
        ("/v1/uploads/{upload_id}", "head", false),
        ("/v1/uploads/{upload_id}", "patch", false),
    ] {
        assert_eq!(takes_key(path, method), takes, "{method} {path}");
    }
}

#[tokio::test]
async fn a_condition_holds_for_a_new_content_or_is_refused() {
    let (_cairn, rest) = started().await;
    let list = "/api/v1/sessions/run/artifacts";
    let new = json!({"title": "a", "content": "1", "ttl": "2h"});
    let first = rest.post(list, new).await.body;
    let path = format!("{list}/{}", first["id"].as_str().unwrap());
    let patch = |tag: &str, change: Value| {
        let request = rest.request(Method::PATCH, &path).header("if-match", tag);
        Answer::to(request.json(&change))
    };
    let etag = first["etag"].as_str().unwrap();
    let second = patch(etag, json!({"content": "2"})).await.ok();
    assert_eq!(second["version"], 2);
    let late = patch(etag, json!({"content": "3"})).await;
    assert_eq!(late.refused(), (409, "version_conflict"));
    for deleted in [
        path.clone(),
        format!("/v1/artifacts/{}", first["id"].as_str().unwrap()),
    ] {
        let delete = rest.request(Method::DELETE, &deleted);
        let answer = Answer::to(delete.header("if-match", etag)).await;
        assert_eq!(answer.refused(), (400, "invalid_request"), "{deleted}");
    }
    // The time to live goes with the content.
    let kept = |it: &Value| {
        let at = |field: &str| {
            it[field]
                .as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .unwrap()
        };
        at("expires_at").duration_since(at("created_at")).as_secs()
    };
    assert_eq!((kept(&first), kept(&second)), (7200, 7200));
    let longer = patch("", json!({"content": "4", "ttl": "3h"})).await.ok();
    assert_eq!(kept(&longer), 10_800);
}

/// An upload that StartUpload finished has no room for what FinishUpload would add.
#[tokio::test]
async fn an_upload_of_known_content_refuses_additions_at_its_end() {
    let (cairn, _) = started().await;
    let there = cairn.client.upload(spec("a"), content(1000)).await.unwrap();
    let mut known = spec("b");
    known.content_hash = there.content_hash;
    known.size_bytes = Some(1000);
    let id = cairn.client.start_upload(known).await.unwrap().upload_id;
    let finish = FinishUploadRequest {
        upload_id: id.clone(),
        labels: vec!["l".to_owned()],
        metadata: [("k".to_owned(), "v".to_owned())].into(),
        ..FinishUploadRequest::default()
    };
    let refusal = refused(cairn.client.finish_upload_with(finish).await);
    assert_eq!(refusal.reason, "INVALID_ARGUMENT");
    assert_eq!(refusal.fields, ["labels", "metadata"]);
    cairn.client.finish_upload(&id).await.unwrap();
}
