//! Calls about several artifacts, over HTTP.

use harness::{Cairn, Rest, session_spec};
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
