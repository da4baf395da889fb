//! Calls about several artifacts, over HTTP.

use harness::{Answer, Cairn, Rest, session_spec};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn several_are_staged_deleted_and_restored_at_once() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        let made = cairn.client.create(session_spec(name, "run"), name);
        ids.push(made.await.unwrap().artifact_id);
    }
    let staged = json!({"stage": "review", "filter": "session_id = \"run\""});
    let staged = rest.post("/v1/artifacts/stage", staged).await.ok();
    assert_eq!(staged["changed_count"], 2);
    let held = json!({"legal_hold": true, "artifact_ids": [ids[0]]});
    let held = rest.post("/v1/artifacts/legal-hold", held).await.ok();
    assert_eq!(held["changed_count"], 1);
    let some = json!({ "artifact_ids": ids });
    let deleted = rest.post("/v1/artifacts/delete", some.clone()).await.ok();
    assert_eq!(deleted["deleted_count"], 1);
    assert_eq!(deleted["not_deleted_artifact_ids"], json!([ids[0]]));
    let restored = json!({ "artifact_ids": [ids[1]] });
    let restored = rest.post("/v1/artifacts/restore", restored).await.ok();
    assert_eq!(restored["restored_count"], 1);
    let none = rest.post("/v1/artifacts/delete", json!({})).await;
    assert_eq!(none.refused(), (400, "invalid_request"));
}

#[tokio::test]
async fn each_of_a_batch_has_its_own_outcome() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let made = cairn
        .client
        .create(session_spec("a", "run"), "a")
        .await
        .unwrap();
    let asked = json!({
        "artifact_ids": [made.artifact_id, "art_0000000000000000"],
        "names": [{"filename": "a", "session_id": "run"}],
    });
    let got = rest.post("/v1/artifacts/batch-get", asked).await.ok();
    let outcomes = got["outcomes"].as_array().unwrap();
    assert_eq!(outcomes[0]["artifact"]["artifact_id"], made.artifact_id);
    assert_eq!(outcomes[1]["error"]["code"], "artifact_not_found");
    assert_eq!(outcomes[1]["error"]["status"], 404);
    assert_eq!(outcomes[2], outcomes[0]);
    let content = json!({"content_hash": made.content_hash, "size_bytes": 1});
    let other = json!({"content_hash": made.content_hash, "size_bytes": 2});
    let asked = json!({ "contents": [content, other] });
    let missing = rest.post("/v1/artifacts/missing-content", asked).await.ok();
    assert_eq!(missing["missing"], json!([other]));
}

#[tokio::test]
async fn a_copy_keeps_its_source_and_lineage_tells_of_it() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let made = cairn
        .client
        .create(session_spec("a", "run"), "a")
        .await
        .unwrap();
    let path = format!("/v1/artifacts/{}", made.artifact_id);
    let copy = json!({"session_id": "other", "inputs": [made.artifact_id]});
    let copied = rest.post(&format!("{path}/copy"), copy).await;
    assert_eq!(copied.status, 201);
    let copied = copied.body;
    assert_eq!(
        (&copied["filename"], &copied["session_id"]),
        (&json!("a"), &json!("other"))
    );
    assert_eq!(copied["content_hash"], made.content_hash);
    let graph = rest
        .get(&format!("{path}/lineage?direction=outputs"))
        .await
        .ok();
    assert_eq!(
        graph["derivations"][0]["artifact_id"],
        copied["artifact_id"]
    );
    let bad = rest.get(&format!("{path}/lineage?direction=up")).await;
    assert_eq!(bad.refused(), (400, "invalid_request"));
    let versions = rest
        .get("/v1/versions?filename=a&session_id=other")
        .await
        .ok();
    assert_eq!(super::names(&versions), ["a"]);
}

/// A batch takes text and bytes, refuses each item by itself, and has one effect under one idempotency key.
#[tokio::test]
async fn a_batch_creates_each_of_its_artifacts_once() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let batch = json!({"artifacts": [
        {"spec": {"filename": "a", "session_id": "run"}, "content": "text"},
        {"spec": {"filename": "b", "session_id": "run"}, "content_base64": "/w=="},
        {"spec": {"filename": "../c"}, "content": "text"},
        {"spec": {"filename": "d"}, "content": "text", "content_base64": "/w=="},
        {"spec": {"filename": "e"}, "content_base64": "?"},
    ]});
    let send = async || {
        let request = rest.request(Method::POST, "/v1/artifacts/batch-create");
        let request = request.header("idempotency-key", "k").json(&batch);
        Answer::to(request).await.ok()
    };
    let made = send().await;
    let outcomes = made["outcomes"].as_array().unwrap();
    let id = |place: usize| outcomes[place]["artifact"]["artifact_id"].as_str().unwrap();
    assert_eq!(cairn.client.download(id(0)).await.unwrap(), b"text");
    assert_eq!(cairn.client.download(id(1)).await.unwrap(), [0xff]);
    for refused in &outcomes[2..] {
        assert_eq!(refused["error"]["code"], "invalid_request", "{refused}");
    }
    let again = send().await;
    for place in [0, 1] {
        let id = &again["outcomes"][place]["artifact"]["artifact_id"];
        assert_eq!(*id, outcomes[place]["artifact"]["artifact_id"]);
    }
    let none = rest.post("/v1/artifacts/batch-create", json!({})).await;
    assert_eq!(none.refused(), (400, "invalid_request"));
}

#[tokio::test]
async fn fields_select_what_a_bulk_call_changes() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    for (name, session) in [("a.md", "run"), ("b.txt", "run"), ("c.md", "other")] {
        let made = cairn.client.create(session_spec(name, session), name);
        made.await.unwrap();
    }
    let matching = json!({"session_id": "run", "filename_glob": "*.md"});
    for (call, more, count) in [
        ("stage", json!({"stage": "final"}), "changed_count"),
        ("legal-hold", json!({"legal_hold": true}), "changed_count"),
        ("legal-hold", json!({"legal_hold": false}), "changed_count"),
        ("delete", json!({}), "deleted_count"),
        ("restore", json!({}), "restored_count"),
    ] {
        let mut asked = more;
        asked["matching"] = matching.clone();
        let path = format!("/v1/artifacts/{call}");
        let done = rest.post(&path, asked.clone()).await.ok();
        assert_eq!(done[count], 1, "{call}");
        asked["filter"] = json!("session_id = \"run\"");
        let both = rest.post(&path, asked).await;
        assert_eq!(both.refused(), (400, "invalid_request"), "{call}");
    }
}
