//! `cairn session`.

use serde_json::{Value, json};

use super::{Shell, each, start, text};

#[tokio::test]
async fn a_new_session_is_a_bare_id_that_needs_no_server_and_is_never_the_same() {
    let shell = Shell::at("127.0.0.1:1", "").await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let done = shell.run(&["session", "new"]).await.ok();
        let id = done.text().strip_suffix('\n').unwrap();
        let ok = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(id.len() > 10 && id.chars().all(ok), "{id}");
        ids.push(id.to_owned());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_session_counts_what_it_holds() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "12345", &["--session=run"]).await;
    let last = shell.push("b.txt", "678", &["--session=run"]).await;
    let shown = shell.json(&["session", "show", "run"]).await;
    for (name, value) in [
        ("session_id", json!("run")),
        ("artifact_count", json!(2)),
        ("size_bytes", json!(8)),
        ("is_sealed", json!(false)),
        ("sealed_at", Value::Null),
        ("manifest_hash", Value::Null),
        ("legal_hold", json!(false)),
        ("last_artifact_at", last["created_at"].clone()),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    assert!(text(&shown["first_artifact_at"]) <= text(&shown["last_artifact_at"]));
    assert_eq!(
        shell.json(&["session", "ls"]).await["sessions"],
        json!([shown])
    );
}

#[tokio::test]
async fn sealing_tells_when_and_says_the_same_again() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "a", &["--session=run"]).await;
    let sealed = shell.json(&["session", "seal", "run"]).await;
    let sealed_at = text(&sealed["sealed_at"]);
    let manifest_hash = text(&sealed["manifest_hash"]);
    assert!(sealed_at.ends_with('Z'));
    assert_eq!(
        sealed,
        json!({
            "session_id": "run", "status": "sealed", "sealed_at": sealed_at, "artifact_count": 1,
            "manifest_hash": manifest_hash, "legal_hold": false
        })
    );
    assert_eq!(shell.json(&["session", "seal", "run"]).await, sealed);
    let shown = shell.json(&["session", "show", "run"]).await;
    assert_eq!(shown["is_sealed"], true);
    assert_eq!(shown["sealed_at"], sealed_at);
    assert_eq!(shown["manifest_hash"], manifest_hash);
}

#[tokio::test]
async fn sessions_are_listed_by_their_last_activity_and_in_pages() {
    let (_cairn, shell) = start().await;
    for (content, session) in [("a", "one"), ("a", "two"), ("a", "three"), ("b", "one")] {
        shell.push("a.txt", content, &["--session", session]).await;
    }
    let listed = shell.json(&["session", "ls"]).await;
    let expected = ["one", "three", "two"];
    assert_eq!(each(&listed["sessions"], "session_id"), expected);
    assert_eq!(listed["has_more"], false);

    let page = shell.json(&["session", "ls", "--limit=2"]).await;
    assert_eq!(each(&page["sessions"], "session_id"), expected[..2]);
    assert_eq!(page["has_more"], true);
    let token = text(&page["next_cursor"]);
    let rest = shell.json(&["session", "ls", "--page-token", token]).await;
    assert_eq!(each(&rest["sessions"], "session_id"), expected[2..]);

    let recent = shell.json(&["session", "ls", "--since=1h"]).await;
    assert_eq!(recent["sessions"].as_array().unwrap().len(), 3);
    let before = shell.json(&["session", "ls", "--until=1h"]).await;
    assert_eq!(before["sessions"], json!([]));
}

#[tokio::test]
async fn a_session_that_never_was_is_the_callers_mistake() {
    let (_cairn, shell) = start().await;
    for verb in ["show", "seal", "verify"] {
        let done = shell.run(&["session", verb, "none", "--json"]).await;
        let error: Value = serde_json::from_str(&done.with_code(1).stderr).unwrap();
        assert_eq!(error["error"]["code"], "session_not_found");
        assert_eq!(error["error"]["status"], 404);
    }
    shell.run(&["session"]).await.with_code(1);
}

#[tokio::test]
async fn a_sealed_session_is_verified_for_ever_also_when_its_artifacts_are_deleted() {
    let (_cairn, shell) = start().await;
    // More than a page of the server.
    for n in 0..203 {
        shell.write(&format!("out/{n}"), n.to_string());
    }
    shell.json(&["push", "out", "--session=run"]).await;
    let sealed = shell.json(&["session", "seal", "run"]).await;
    let verified = json!({
        "session_id": "run", "manifest_hash": sealed["manifest_hash"],
        "computed_hash": sealed["manifest_hash"], "entries": 203, "verified": true
    });
    let verify = ["session", "verify", "run"];
    assert_eq!(shell.json(&verify).await, verified);
    shell.json(&["rm", "--name=7", "--session=run"]).await;
    assert_eq!(shell.json(&verify).await, verified);
}

#[tokio::test]
async fn a_manifest_that_is_not_the_sealed_one_is_the_servers_fault_and_shows_both_digests() {
    let (cairn, shell) = start().await;
    shell.push("a.txt", "a", &["--session=run"]).await;
    shell.json(&["session", "seal", "run"]).await;
    cairn
        .sql("UPDATE artifacts SET filename = 'b.txt' WHERE filename = 'a.txt'")
        .await;
    let done = shell.run(&["session", "verify", "run"]).await.with_code(2);
    let told = done.saying("not the one that was sealed").json();
    assert_eq!(told["verified"], false);
    assert_ne!(told["computed_hash"], told["manifest_hash"]);
}

#[tokio::test]
async fn an_open_session_has_nothing_to_verify() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "a", &["--session=run"]).await;
    let done = shell.run(&["session", "verify", "run", "--json"]).await;
    let error: Value = serde_json::from_str(&done.with_code(1).stderr).unwrap();
    assert_eq!(error["error"]["code"], "session_not_sealed");
    assert_eq!(error["error"]["status"], 409);
}
