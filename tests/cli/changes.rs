//! `cairn update`, `stage`, `history`, `restore` and `hold`.

use serde_json::{Value, json};

use super::{Shell, each, start, text};

const UNKNOWN: &str = "art_0123456789abcdef";

/// The error that a command prints as JSON with --json.
async fn error(shell: &Shell, args: &[&str]) -> Value {
    let done = shell.run(&[args, &["--json"]].concat()).await.with_code(1);
    let mut error: Value = serde_json::from_str(&done.stderr).unwrap();
    error["error"].take()
}

#[tokio::test]
async fn an_update_changes_what_is_given_and_nothing_else() {
    let (_cairn, shell) = start().await;
    let flags = ["--meta=a=1", "--meta=b=2", "--label=x", "--title=Old"];
    let pushed = shell.push("a.txt", "a", &flags).await;
    let id = text(&pushed["artifact_id"]);

    let updated = shell.json(&["update", id, "--meta=c=3"]).await;
    assert_eq!(updated["metadata"], json!({"c": "3"}));
    for same in ["title", "labels", "stage", "expires_at", "content_hash"] {
        assert_eq!(updated[same], pushed[same], "{same}");
    }
    assert_ne!(updated["etag"], pushed["etag"]);

    let by_name = ["update", "--name=a.txt", "--title=New", "--stage=final"];
    let more = ["--label=y", "--label=z", "--ttl=never"];
    let updated = shell.json(&[&by_name[..], &more].concat()).await;
    assert_eq!(
        [&updated["title"], &updated["stage"], &updated["expires_at"]],
        [&json!("New"), &json!("final"), &Value::Null]
    );
    assert_eq!(updated["labels"], json!(["y", "z"]));
    assert_eq!(shell.json(&["inspect", id]).await, updated);
    let updated = shell.json(&["update", id, "--ttl=default"]).await;
    let expires_at = text(&updated["expires_at"]);
    assert!(expires_at >= text(&pushed["expires_at"]), "{expires_at}");

    let emptied = ["update", id, "--title=", "--no-meta", "--no-label"];
    let emptied = shell.json(&emptied).await;
    assert_eq!(
        [&emptied["title"], &emptied["metadata"], &emptied["labels"]],
        [&Value::Null, &json!({}), &json!([])]
    );
}

#[tokio::test]
async fn one_pair_of_metadata_is_set_or_removed_by_its_key() {
    let (_cairn, shell) = start().await;
    let pushed = shell
        .push("a.txt", "a", &["--meta=a=1", "--meta=b=2", "--meta=c=3"])
        .await;
    let id = text(&pushed["artifact_id"]);
    let change = [
        "update",
        id,
        "--set-meta=b=two",
        "--set-meta=d=4",
        "--unset-meta=a",
    ];
    let updated = shell.json(&change).await;
    assert_eq!(updated["metadata"], json!({"b": "two", "c": "3", "d": "4"}));
    let updated = shell
        .json(&["update", id, "--unset-meta=gone", "--title=T"])
        .await;
    assert_eq!(updated["metadata"], json!({"b": "two", "c": "3", "d": "4"}));
    assert_eq!(updated["title"], "T");

    let both = ["update", id, "--set-meta=a=1", "--unset-meta=a"];
    shell.run(&both).await.with_code(1).saying("--unset-meta");
    let replace = ["update", id, "--meta=a=1", "--set-meta=b=2"];
    assert_ne!(shell.run(&replace).await.code, Some(0));
}

#[tokio::test]
async fn an_update_of_another_state_of_the_record_changes_nothing() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "a", &[]).await;
    let id = text(&pushed["artifact_id"]);
    let etag = format!("--etag={}", text(&pushed["etag"]));
    let update = ["update", id, "--title=Mine", &etag];
    let updated = shell.json(&update).await;
    let error = error(&shell, &update).await;
    assert_eq!(error["code"], "version_conflict");
    assert_eq!(shell.json(&["inspect", id]).await, updated);
}

#[tokio::test]
async fn an_update_with_a_key_takes_effect_once() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "a", &[]).await;
    let update = ["update", "--name=a.txt", "--title=A", "--idempotency-key=k"];
    let updated = shell.json(&update).await;
    assert_eq!(shell.json(&update).await["etag"], updated["etag"]);
}

#[tokio::test]
async fn what_cannot_be_updated_is_the_callers_mistake() {
    let (_cairn, shell) = start().await;
    let mistakes: [(&[&str], &str); 7] = [
        (&[UNKNOWN], "nothing to change"),
        (&["--title=A"], "--name FILENAME"),
        (&[UNKNOWN, "--stage=done"], "--stage"),
        (&[UNKNOWN, "--ttl=0s"], "--ttl"),
        (&[UNKNOWN, "--etag=", "--title=A"], "--etag"),
        (&[UNKNOWN, "--no-meta", "--meta=a=1"], "--no-meta"),
        (&[UNKNOWN, "--meta=a=1", "--meta=a=2"], "given twice"),
    ];
    for (args, words) in mistakes {
        let done = shell.run(&[&["update"], args].concat()).await;
        assert_eq!(done.with_code(1).saying(words).text(), "");
    }
    let error = error(&shell, &["update", UNKNOWN, "--title=A"]).await;
    assert_eq!(error["code"], "artifact_not_found");
}

/// Stages are set by id and by filter, and the history shows who did it.
#[tokio::test]
async fn stages_are_set_and_history_shows_by_whom() {
    let (_cairn, shell) = start().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        let pushed = shell.push(name, name, &["--session=run"]).await;
        ids.push(text(&pushed["artifact_id"]).to_owned());
    }
    let stage = ["stage", "review", &ids[0], "--agent=ann"];
    let moved = |count| json!({"changed_count": count, "missing_artifact_ids": [], "todo_count": 0, "todo_hint": null});
    assert_eq!(shell.json(&stage).await, moved(1));
    assert_eq!(shell.json(&stage).await, moved(0));
    let filter = "--filter=session_id = run AND stage = draft";
    let moved = shell.json(&["stage", "final", filter]).await;
    assert_eq!(moved["changed_count"], 2);
    shell.json(&["stage", "final", &ids[0]]).await;

    let mut history = shell.json(&["history", &ids[0]]).await;
    let by_name = ["history", "--name=a", "--session=run"];
    assert_eq!(shell.json(&by_name).await, history);
    for change in history["changes"].as_array_mut().unwrap() {
        let change = change.as_object_mut().unwrap();
        assert!(text(&change.remove("changed_at").unwrap()).ends_with('Z'));
        let key = change.remove("api_key_last_4").unwrap();
        assert_eq!(text(&key).len(), 4);
    }
    let expected = json!({"changes": [
        {"from": "review", "to": "final", "agent_id": null, "workload": null},
        {"from": "draft", "to": "review", "agent_id": "ann", "workload": null},
    ]});
    assert_eq!(history, expected);
}

/// Artifacts that do not exist are listed, and the others are changed.
#[tokio::test]
async fn missing_artifacts_are_listed_and_others_changed() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "a", &[]).await;
    let id = text(&pushed["artifact_id"]);
    let changed = json!({"changed_count": 1, "missing_artifact_ids": [UNKNOWN]});
    let mut moved = changed.clone();
    moved["todo_count"] = json!(0);
    moved["todo_hint"] = json!(null);
    let verbs: [(&[&str], _); 3] = [
        (&["stage", "final"], &moved),
        (&["hold"], &changed),
        (&["hold", "--release"], &changed),
    ];
    for (verb, changed) in verbs {
        let done = shell.run(&[verb, &[UNKNOWN, id]].concat()).await;
        assert_eq!(
            done.with_code(1).saying(UNKNOWN).json(),
            *changed,
            "{verb:?}"
        );
    }
    shell.json(&["rm", id]).await;
    let done = shell.run(&["restore", UNKNOWN, id]).await;
    let restored = json!({"restored_count": 1, "not_restored_artifact_ids": [UNKNOWN]});
    assert_eq!(done.with_code(1).saying(UNKNOWN).json(), restored);
    let error = error(&shell, &["history", UNKNOWN]).await;
    assert_eq!(error["code"], "artifact_not_found");
}

#[tokio::test]
async fn bulk_verb_needs_ids_or_a_filter() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "a", &["--session=run"]).await;
    let mistakes: [(&[&str], &str); 8] = [
        (&["stage"], "STAGE"),
        (&["stage", "final"], "ID"),
        // Not everything, which a script with an empty variable would otherwise get.
        (&["stage", "final", "--filter="], "--filter"),
        (&["stage", "final", UNKNOWN, "--filter=a = b"], "--filter"),
        (&["stage", "final", "--filter=colour = red"], "colour"),
        (&["restore"], "ID"),
        (&["hold"], "ID"),
        (&["hold", UNKNOWN, "--session=run"], "--session"),
    ];
    for (args, words) in mistakes {
        let done = shell.run(args).await;
        assert_eq!(done.with_code(1).saying(words).text(), "", "{args:?}");
    }
    assert_eq!(
        each(&shell.json(&["ls"]).await["artifacts"], "stage"),
        ["draft"]
    );
}

#[tokio::test]
async fn a_deletion_can_be_taken_back() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "text", &[]).await;
    let id = text(&pushed["artifact_id"]);
    shell.json(&["rm", id]).await;
    let restored = json!({"restored_count": 1, "not_restored_artifact_ids": []});
    assert_eq!(shell.json(&["restore", id]).await, restored);
    let pulled = shell.run(&["pull", id, "-o", "-"]).await.ok();
    assert_eq!(pulled.text(), "text");
}

#[tokio::test]
async fn what_is_held_cannot_be_deleted_until_it_is_released() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "a", &["--session=run"]).await;
    let id = text(&pushed["artifact_id"]);
    assert_eq!(pushed["legal_hold"], false);
    let holds: [&[&str]; 2] = [&["hold", id], &["hold", "--session=run"]];
    for hold in holds {
        shell.json(hold).await;
        assert_eq!(shell.json(&["inspect", id]).await["legal_hold"], true);
        let error = error(&shell, &["rm", id]).await;
        assert_eq!(
            (&error["code"], &error["status"]),
            (&json!("legal_hold"), &json!(409))
        );
        shell.json(&[hold, &["--release"]].concat()).await;
        assert_eq!(shell.json(&["inspect", id]).await["legal_hold"], false);
    }
    let held = shell.json(&["hold", "--session=run"]).await;
    assert_eq!(held["legal_hold"], true);
    assert_eq!(shell.json(&["session", "show", "run"]).await, held);
    let error = error(&shell, &["hold", "--session=none"]).await;
    assert_eq!(error["code"], "session_not_found");
    shell.json(&["hold", "--session=run", "--release"]).await;
    shell.json(&["rm", id]).await;
}

#[tokio::test]
async fn a_file_is_removed_with_all_its_versions() {
    let (_cairn, shell) = start().await;
    for content in ["1", "2", "3"] {
        shell.push("a.txt", content, &["--session=s"]).await;
    }
    shell.push("b.txt", "1", &["--session=s"]).await;
    let rm = ["rm", "--all-versions", "--name=a.txt", "--session=s"];
    let would = shell.json(&[&rm[..], &["--dry-run"]].concat()).await;
    assert_eq!(
        [&would["deleted"], &would["deleted_count"]],
        [&json!(false), &json!(3)]
    );
    let removed = shell.json(&rm).await;
    assert_eq!(
        [&removed["deleted_count"], &removed["size_bytes"]],
        [&json!(3), &json!(3)]
    );
    let left = shell.json(&["ls"]).await;
    assert_eq!(left["artifacts"].as_array().unwrap().len(), 1);
    let again = error(&shell, &rm).await;
    assert_eq!(again["code"], "artifact_not_found");
    let with_version = shell.run(&[&rm[..], &["--version=1"]].concat()).await;
    with_version.with_code(1);
}

#[tokio::test]
async fn a_session_is_deleted_but_for_what_was_pushed_to_stay() {
    let (cairn, shell) = start().await;
    shell.push("a.txt", "a", &["--session=s"]).await;
    let kept = ["--session=s", "--persistent"];
    let kept = shell.push("b.txt", "b", &kept).await;
    assert_eq!(kept["persistent"], true);
    let id = text(&kept["artifact_id"]);
    let delete = ["session", "delete", "s"];
    let would = shell.json(&[&delete[..], &["--dry-run"]].concat()).await;
    assert_eq!(would["deleted_count"], 1);
    let started = shell.json(&[&delete[..], &["--no-wait"]].concat()).await;
    assert_eq!(started["job"]["type"], "delete_session");
    assert_eq!(started["job"]["session_id"], "s");
    cairn.collect().await;
    let job = text(&started["job"]["job_id"]);
    let done = shell.json(&["job", "wait", job]).await;
    assert_eq!(done["done_count"], 1);
    let listed = shell.json(&["ls", "--persistent"]).await;
    assert_eq!(listed["artifacts"][0]["artifact_id"], id);
    assert_eq!(shell.json(&["ls"]).await["artifacts"], listed["artifacts"]);
    let updated = shell.json(&["update", id, "--no-persistent"]).await;
    assert_eq!(updated["persistent"], false);
}
