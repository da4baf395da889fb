//! `cairn session`.

use serde_json::{Value, json};

use super::{Shell, each, start, text};

/// A new session is a bare id that needs no server and is never the same.
#[tokio::test]
async fn session_new_prints_a_unique_id_offline() {
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
        ("display_name", Value::Null),
        ("labels", json!([])),
        ("unpublished_count", json!(0)),
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
async fn sealing_prints_the_time_and_repeats_it() {
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
    let (cairn, shell) = start().await;
    for session in ["one", "two", "three"] {
        shell.push("a.txt", "a", &["--session", session]).await;
    }
    // Activity is recorded once in ten seconds.
    cairn
        .sql("UPDATE sessions SET active_at = active_at - interval '1 minute'")
        .await;
    shell.push("a.txt", "b", &["--session", "one"]).await;
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
    for verb in ["show", "seal", "verify", "commit", "update"] {
        let mut session = vec!["session", verb, "none", "--json"];
        session.extend((verb == "update").then_some("--label=l"));
        let done = shell.run(&session).await;
        let error: Value = serde_json::from_str(&done.with_code(1).stderr).unwrap();
        assert_eq!(error["error"]["code"], "session_not_found");
        assert_eq!(error["error"]["status"], 404);
    }
    shell.run(&["session"]).await.with_code(1);
}

/// A sealed session can always be verified, even when its artifacts are deleted.
#[tokio::test]
async fn verify_works_after_artifacts_are_deleted() {
    let (_cairn, shell) = start().await;
    // More than one page of the server.
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

/// A manifest that is not the sealed one is the server's fault, and the error shows both digests.
#[tokio::test]
async fn wrong_manifest_shows_both_digests() {
    let (cairn, shell) = start().await;
    shell.push("a.txt", "a", &["--session=run"]).await;
    shell.json(&["session", "seal", "run"]).await;
    cairn
        .sql("UPDATE manifest_entries SET filename = 'b.txt' WHERE filename = 'a.txt'")
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

/// A session has a name and labels that can be changed even when it is sealed.
#[tokio::test]
async fn sealed_session_can_be_renamed_and_labelled() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "a", &["--session=run"]).await;
    let update = async |flags: &[&str]| {
        let args = [&["session", "update", "run"], flags].concat();
        let updated = shell.json(&args).await;
        assert_eq!(shell.json(&["session", "show", "run"]).await, updated);
        [&updated["display_name"], &updated["labels"]].map(Value::clone)
    };
    let flags = ["--display-name=The run", "--label=q3", "--label=eval"];
    let both = [json!("The run"), json!(["eval", "q3"])];
    assert_eq!(update(&flags).await, both);
    shell.json(&["session", "seal", "run"]).await;
    let other = update(&["--label=q4"]).await;
    assert_eq!(other, [json!("The run"), json!(["q4"])]);
    assert_eq!(update(&["--no-label"]).await, [json!("The run"), json!([])]);
    assert_eq!(update(&["--display-name="]).await, [Value::Null, json!([])]);
    let nothing = shell.run(&["session", "update", "run"]).await.with_code(1);
    nothing.saying("--display-name");
}

/// A session can be described before its first artifact, and is found by its labels.
#[tokio::test]
async fn empty_session_can_be_labelled_and_found() {
    let (_cairn, shell) = start().await;
    let create = async |id: &str, labels: &[&str]| {
        let flags = ["--create", "--idempotency-key", id];
        let args = [&["session", "update", id], &flags[..], labels].concat();
        let made = shell.json(&args).await;
        assert_eq!(made["artifact_count"], 0);
        assert_eq!(shell.json(&args).await, made);
    };
    create("one", &["--label=q3"]).await;
    create("two", &["--label=q3", "--label=eval"]).await;
    let found = async |labels: &[&str]| {
        let listed = shell.json(&[&["session", "ls"], labels].concat()).await;
        let mut ids: Vec<_> = each(&listed["sessions"], "session_id")
            .into_iter()
            .map(|id| text(id).to_owned())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(found(&["--label=q3"]).await, ["one", "two"]);
    assert_eq!(found(&["--label=q3", "--label=eval"]).await, ["two"]);
    assert!(found(&["--label=q4"]).await.is_empty());
    let empty = shell.run(&["session", "ls", "--label="]).await;
    empty.with_code(1).saying("--label");
}

#[tokio::test]
async fn sessions_are_listed_by_their_prefix_namespace_and_user() {
    let (_cairn, shell) = start().await;
    for (session, flags) in [
        ("run-2", &["--user", "ada"][..]),
        ("run-1", &["--namespace", "app", "--user", "ada"]),
        ("other", &["--namespace", "app"]),
    ] {
        let push = [&["--session", session], flags].concat();
        shell.push("a.txt", "a", &push).await;
    }
    for (flags, wanted) in [
        (&["--prefix", "run-"][..], vec!["run-1", "run-2"]),
        (&["--namespace", "app"], vec!["other", "run-1"]),
        (&["--user", "ada"], vec!["run-1", "run-2"]),
        (&["--user", "ada", "--namespace", "app"], vec!["run-1"]),
    ] {
        let list = [&["session", "ls"], flags].concat();
        let listed = shell.json(&list).await;
        assert_eq!(each(&listed["sessions"], "session_id"), wanted);
    }
}
