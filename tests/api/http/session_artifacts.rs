//! A session's artifacts as agent harnesses know them.

use harness::{Cairn, Rest};
use reqwest::Method;
use serde_json::{Value, json};

const LIST: &str = "/api/v1/sessions/run/artifacts";

async fn made(rest: &Rest, title: &str, kind: &str) -> Value {
    let new = json!({"title": title, "content": "v1", "type": kind, "agent_id": "writer"});
    let made = rest.post(LIST, new).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

/// The path of an artifact.
fn path(artifact: &Value) -> String {
    format!("{LIST}/{}", artifact["id"].as_str().unwrap())
}

/// A content that changes makes a version, which keeps the record and the old content; every id of a version names the
/// file.
#[tokio::test]
async fn a_new_content_is_a_version_and_keeps_the_record() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let first = made(&rest, "The plan", "plan").await;
    assert_eq!(
        (&first["filename"], &first["type"]),
        (&json!("The plan"), &json!("plan"))
    );
    let change = json!({"content": "v2", "change_summary": "a second step", "stage": "review"});
    let second = rest
        .send(Method::PATCH, &path(&first), change.clone())
        .await;
    let second = second.ok();
    assert_eq!(second["version"], 2);
    for (field, value) in [
        ("title", "The plan"),
        ("type", "plan"),
        ("stage", "review"),
        ("change_summary", "a second step"),
    ] {
        assert_eq!(second[field], value, "{field}");
    }
    for known in [&first, &second] {
        let read = rest.get(&path(known)).await.ok();
        assert_eq!(
            (&read["id"], &read["content"]),
            (&second["id"], &json!("v2"))
        );
        let old = rest.get(&format!("{}?version=1", path(known))).await.ok();
        assert_eq!((&old["id"], &old["content"]), (&first["id"], &json!("v1")));
    }
    let versions = rest.get(&format!("{}/versions", path(&first))).await.ok();
    let ids: Vec<_> = versions["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["id"])
        .collect();
    assert_eq!(ids, [&second["id"], &first["id"]]);
    let late = json!({"content": "v3", "if_version": 1});
    let late = rest.send(Method::PATCH, &path(&first), late).await;
    assert_eq!(late.refused(), (409, "version_conflict"));
}

#[tokio::test]
async fn a_title_and_a_stage_change_without_a_version() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let first = made(&rest, "a/b", "code").await;
    assert_eq!(first["filename"], "a-b");
    let change = json!({"title": "c", "stage": "final"});
    let changed = rest.send(Method::PATCH, &path(&first), change).await.ok();
    assert_eq!(
        (&changed["id"], &changed["title"], &changed["stage"]),
        (&first["id"], &json!("c"), &json!("final"))
    );
    for wrong in [
        json!({}),
        json!({"change_summary": "none"}),
        json!({"if_version": 1}),
        json!({"stage": "done"}),
    ] {
        let refused = rest.send(Method::PATCH, &path(&first), wrong.clone()).await;
        assert_eq!(refused.refused(), (400, "invalid_request"), "{wrong}");
    }
}

#[tokio::test]
async fn a_session_is_listed_by_type_and_stage() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let plan = made(&rest, "plan", "plan").await;
    made(&rest, "code", "code").await;
    let change = json!({"content": "v2", "stage": "review"});
    rest.send(Method::PATCH, &path(&plan), change).await.ok();
    for (query, expected) in [
        ("", vec!["plan", "code"]),
        ("?type=plan", vec!["plan"]),
        ("?stage=review", vec!["plan"]),
        ("?type=code&stage=review", vec![]),
        ("?limit=1", vec!["plan"]),
    ] {
        let list = rest.get(&format!("{LIST}{query}")).await.ok();
        assert_eq!(super::names(&list), expected, "{query}");
        assert_eq!(list["has_more"], query == "?limit=1");
    }
    let other = rest.get("/api/v1/sessions/other/artifacts").await.ok();
    assert_eq!(other["artifacts"], json!([]));
}

/// An id names nothing in another session, and nothing once the file is deleted with all of its versions.
#[tokio::test]
async fn an_id_is_known_in_its_own_session_until_its_deletion() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let first = made(&rest, "a", "code").await;
    let elsewhere = path(&first).replace("/run/", "/other/");
    let change = json!({"content": "v2"});
    for answer in [
        rest.get(&elsewhere).await,
        rest.get(&format!("{elsewhere}/versions")).await,
        rest.send(Method::PATCH, &elsewhere, change.clone()).await,
        rest.delete(&elsewhere).await,
    ] {
        assert_eq!(answer.refused(), (404, "artifact_not_found"));
    }
    rest.send(Method::PATCH, &path(&first), change).await.ok();
    let deleted = rest.delete(&path(&first)).await.ok();
    assert_eq!(
        (&deleted["deleted"], &deleted["deleted_count"]),
        (&json!(true), &json!(2))
    );
    let gone = rest.delete(&path(&first)).await;
    assert_eq!(gone.refused(), (410, "artifact_already_deleted"));
    assert_eq!(rest.get(LIST).await.ok()["artifacts"], json!([]));
}

#[tokio::test]
async fn content_that_is_long_or_not_text_is_left_out() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    for (name, content) in [
        ("long", vec![b'x'; (256 << 10) + 1]),
        ("binary", vec![0xff]),
    ] {
        let spec = harness::session_spec(name, "run");
        let made = cairn.client.create(spec, content).await.unwrap();
        let read = rest.get(&format!("{LIST}/{}", made.artifact_id)).await.ok();
        assert_eq!(
            (&read["filename"], &read["content"]),
            (&json!(name), &Value::Null)
        );
    }
}
