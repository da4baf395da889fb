//! Sessions over HTTP.

use cairn_proto::v1::ArtifactSpec;
use harness::{Answer, Cairn, Rest, session_spec};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn sessions_are_listed_with_the_most_recent_first() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    for session in ["two", "one", "one"] {
        let made = cairn.client.create(session_spec("a", session), "a");
        made.await.unwrap();
    }
    let page = rest.get("/v1/sessions?limit=1").await.ok();
    let first = &page["sessions"][0];
    assert_eq!(first["session_id"], "one");
    assert_eq!(
        (&first["artifact_count"], &first["is_sealed"]),
        (&json!(2), &json!(false))
    );
    for time in ["first_artifact_at", "last_artifact_at"] {
        assert!(first[time].is_string(), "{first}");
    }
    assert_eq!(page["has_more"], true);
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = rest
        .get(&format!("/v1/sessions?limit=1&after={cursor}"))
        .await
        .ok();
    assert_eq!(page["sessions"][0]["session_id"], "two");
    assert_eq!(page["next_cursor"], json!(null));
    let none = rest
        .get("/v1/sessions?created_before=2000-01-01T00:00:00Z")
        .await
        .ok();
    assert_eq!(none["sessions"], json!([]));
}

#[tokio::test]
async fn sessions_are_found_by_prefix_namespace_and_user() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    for (session, namespace, user) in [("a/1", "app", "ada"), ("a/2", "app", ""), ("b", "", "")] {
        let spec = ArtifactSpec {
            namespace: namespace.to_owned(),
            user_id: user.to_owned(),
            ..session_spec("f", session)
        };
        cairn.client.create(spec, "f").await.unwrap();
    }
    for (query, expected) in [
        ("session_id_prefix=a%2F", vec!["a/1", "a/2"]),
        ("namespace=app", vec!["a/1", "a/2"]),
        ("namespace=app&user_id=ada", vec!["a/1"]),
        ("user_id=bob", vec![]),
    ] {
        let list = rest.get(&format!("/v1/sessions?{query}")).await.ok();
        let sessions = list["sessions"].as_array().unwrap().iter();
        let ids: Vec<_> = sessions
            .map(|it| it["session_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, expected, "{query}");
    }
}

#[tokio::test]
async fn a_seal_is_for_good_and_answers_the_same_again() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    // The id has what a path must encode.
    let session = "runs/1 ä?";
    let path = "/v1/sessions/runs%2F1%20%C3%A4%3F";
    let missing = Answer::to(rest.request(Method::POST, &format!("{path}/seal"))).await;
    assert_eq!(missing.refused(), (404, "session_not_found"));
    cairn
        .client
        .create(session_spec("a", session), "a")
        .await
        .unwrap();
    let sealed = Answer::to(rest.request(Method::POST, &format!("{path}/seal")))
        .await
        .ok();
    assert_eq!(sealed["session_id"], session);
    assert_eq!(
        (&sealed["status"], &sealed["artifact_count"]),
        (&json!("sealed"), &json!(1))
    );
    let again = Answer::to(rest.request(Method::POST, &format!("{path}/seal")))
        .await
        .ok();
    assert_eq!(again, sealed);
    let shown = rest.get(path).await.ok();
    assert_eq!(
        (&shown["is_sealed"], &shown["sealed_at"]),
        (&json!(true), &sealed["sealed_at"])
    );
    let manifest = rest.get(&format!("{path}/manifest")).await.ok();
    assert_eq!(manifest["entries"][0]["filename"], "a");
}

#[tokio::test]
async fn a_session_is_described_held_and_deleted() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    cairn
        .client
        .create(session_spec("a", "run"), "a")
        .await
        .unwrap();
    let named = json!({"display_name": "A run", "labels": ["nightly"]});
    let named = rest
        .send(Method::PATCH, "/v1/sessions/run", named)
        .await
        .ok();
    assert_eq!(named["display_name"], "A run");
    let found = rest.get("/v1/sessions?label=nightly").await.ok();
    assert_eq!(found["sessions"][0]["session_id"], "run");

    let hold = rest.post("/v1/sessions/run/legal-hold", json!({})).await;
    assert_eq!(hold.refused(), (400, "invalid_request"));
    let hold = |held: bool| json!({ "legal_hold": held });
    let held = rest
        .post("/v1/sessions/run/legal-hold", hold(true))
        .await
        .ok();
    assert_eq!(held["legal_hold"], true);
    rest.post("/v1/sessions/run/legal-hold", hold(false))
        .await
        .ok();

    let deleting = rest.delete("/v1/sessions/run").await;
    assert_eq!(deleting.status, 202);
    let job = deleting.body["job"]["job_id"].as_str().unwrap();
    let job = rest.get(&format!("/v1/jobs/{job}")).await.ok();
    assert_eq!(
        (&job["type"], &job["session_id"]),
        (&json!("delete_session"), &json!("run"))
    );
    let jobs = rest.get("/v1/jobs").await.ok();
    assert_eq!(jobs["jobs"][0]["job_id"], job["job_id"]);
}

#[tokio::test]
async fn a_commit_publishes_what_waits() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let waiting = cairn_proto::v1::ArtifactSpec {
        unpublished: true,
        ..session_spec("a", "run")
    };
    let waiting = cairn.client.create(waiting, "a").await.unwrap();
    let committed = rest
        .post("/v1/sessions/run/commit", json!({"seal": true}))
        .await
        .ok();
    assert_eq!(
        committed["artifacts"][0]["artifact_id"],
        waiting.artifact_id
    );
    assert_eq!(committed["session"]["is_sealed"], true);
}
