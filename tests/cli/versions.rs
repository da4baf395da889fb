//! Versions of a file, their records, and pushes that depend on the latest.

use serde_json::{Value, json};

use super::{Shell, artifacts, each, record, start, text};

#[tokio::test]
async fn versions_are_listed_newest_first_in_their_scope_and_in_pages() {
    let (_cairn, shell) = start().await;
    let empty = json!({"artifacts": [], "has_more": false, "next_cursor": null});
    assert_eq!(shell.json(&["versions", "a.txt"]).await, empty);
    let mut pushed = Vec::new();
    for n in 1..=5 {
        let artifact = shell.push("a.txt", n.to_string(), &["--session=run"]).await;
        pushed.insert(0, record(artifact));
        shell
            .push("a.txt", n.to_string(), &["--session=other"])
            .await;
        shell.push("b.txt", n.to_string(), &["--session=run"]).await;
    }
    let versions = ["versions", "a.txt", "--session=run"];
    let all = json!({"artifacts": pushed, "has_more": false, "next_cursor": null});
    assert_eq!(shell.json(&versions).await, all);
    assert_eq!(shell.json(&["versions", "a.txt"]).await, empty);

    let page = shell.json(&[&versions[..], &["--limit=2"]].concat()).await;
    assert_eq!(each(&page["artifacts"], "version"), [5, 4]);
    assert_eq!(page["has_more"], true);
    let token = text(&page["next_cursor"]);
    let rest = [&versions[..], &["--all", "--page-token", token]].concat();
    let rest = shell.json(&rest).await;
    assert_eq!(each(&rest["artifacts"], "version"), [3, 2, 1]);

    shell
        .json(&["rm", "--name=a.txt", "--session=run", "--version=4"])
        .await;
    let left = shell.json(&versions).await;
    assert_eq!(each(&left["artifacts"], "version"), [5, 3, 2, 1]);
}

/// Versions of nothing, or with another list's token, are the caller's mistake.
#[tokio::test]
async fn versions_of_nothing_are_the_callers_mistake() {
    let (_cairn, shell) = start().await;
    let mistakes: [(&[&str], &str); 4] = [
        (&[], "<FILENAME>"),
        (&[""], "FILENAME"),
        (&["../a"], "filename"),
        (&["a.txt", "--page-token=nonsense"], "page_token"),
    ];
    for (args, words) in mistakes {
        let done = shell.run(&[&["versions"], args].concat()).await;
        assert_eq!(done.with_code(1).saying(words).text(), "", "{args:?}");
    }
}

/// A record shows what the artifact is for and what it was made from.
#[tokio::test]
async fn record_shows_kind_and_inputs() {
    let (_cairn, shell) = start().await;
    let notes = shell.push("notes.md", "notes", &[]).await;
    let data = shell.push("data.csv", "1,2", &[]).await;
    let inputs = [&notes, &data].map(|input| text(&input["artifact_id"]));
    let flags = inputs.map(|id| format!("--input={id}"));
    let flags = [
        &flags[0],
        &flags[1],
        "--title=The plan",
        "--kind=plan",
        "--language=en",
        "--change-summary=the first",
        "--stage=review",
        "--label=q3",
        "--label=apollo",
    ];
    let pushed = shell.push("plan.md", "plan", &flags).await;
    for (name, value) in [
        ("title", json!("The plan")),
        ("kind", json!("plan")),
        ("language", json!("en")),
        ("change_summary", json!("the first")),
        ("stage", json!("review")),
        ("labels", json!(["apollo", "q3"])),
        ("inputs", json!(inputs)),
        ("updated_at", pushed["created_at"].clone()),
        ("state", json!("visible")),
    ] {
        assert_eq!(pushed[name], value, "{name}");
    }
    assert!(!text(&pushed["etag"]).is_empty());
    let listed = shell.json(&["ls", "--name=plan.md"]).await;
    assert_eq!(listed["artifacts"][0], record(pushed));
}

#[tokio::test]
async fn an_input_that_is_not_there_is_the_callers_mistake() {
    let (cairn, shell) = start().await;
    shell.write("a.txt", "a");
    let input = "--input=art_0123456789abcdef";
    let done = shell.run(&["push", "a.txt", input]).await.with_code(1);
    done.saying("inputs").saying("art_0123456789abcdef");
    assert_eq!(artifacts(&cairn).await, 0);
}

/// The error of a push that came too late.
async fn conflict(shell: &Shell, if_version: &str) -> Value {
    let push = ["push", "a.txt", "--session=run", if_version];
    let done = shell.run(&[&push[..], &["--json"]].concat()).await;
    let mut error: Value = serde_json::from_str(&done.with_code(1).stderr).unwrap();
    assert_eq!(error["error"]["code"], "version_conflict");
    assert_eq!(error["error"]["status"], 409);
    error["error"].take()
}

/// A push that expects another version stores nothing, and the error names the current version's author.
#[tokio::test]
async fn if_version_conflict_names_the_author() {
    let (cairn, shell) = start().await;
    shell.write("a.txt", "mine");
    let error = conflict(&shell, "--if-version=1").await;
    let nobody = json!({"current_version": "0", "filename": "a.txt"});
    assert_eq!(error["details"], nobody);

    let push = async |content: &str, flag: &str| {
        let flags = ["--session=run", "--agent=writer", flag];
        shell.push("a.txt", content, &flags).await
    };
    let first = push("one", "--if-version=0").await;
    // A retry of it gets the first answer, though the file has a version now.
    assert_eq!(push("one", "--if-version=0").await, first);
    let second = push("two", "--if-version=1").await;
    assert_eq!(second["version"], 2);

    for stale in ["--if-version=0", "--if-version=1", "--if-version=3"] {
        let error = conflict(&shell, stale).await;
        let (id, made) = (text(&second["artifact_id"]), text(&second["created_at"]));
        let words = format!("'a.txt' is at version 2, made by writer at {made}, {id}");
        assert!(text(&error["message"]).contains(&words), "{error}");
        let details = &error["details"];
        assert_eq!(details["current_version"], "2");
        assert_eq!(details["agent_id"], "writer");
        assert_eq!(details["artifact_id"], id);
        assert_eq!(details["etag"], second["etag"]);
    }
    assert_eq!(artifacts(&cairn).await, 2);
}

#[tokio::test]
async fn a_push_only_if_changed_prints_the_version_that_is_there() {
    let (cairn, shell) = start().await;
    let flags = ["--if-changed", "--agent=ann"];
    let first = shell.push("a.txt", "a", &flags).await;
    assert_eq!(first["existing"], false);
    // By another agent, so that it is no retry.
    let same = shell
        .push("a.txt", "a", &["--if-changed", "--agent=bob"])
        .await;
    assert_eq!(same["existing"], true);
    assert_eq!(record(same), record(first));
    let retried = shell
        .push("a.txt", "a", &["--if-changed", "--agent=bob"])
        .await;
    assert_eq!(retried["existing"], true);
    let changed = shell.push("a.txt", "b", &flags).await;
    assert_eq!(
        (&changed["version"], &changed["existing"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(artifacts(&cairn).await, 2);
}
