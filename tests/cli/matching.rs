//! `cairn rm --filter`.

use serde_json::json;

use super::{each, start, text};

/// All artifacts that match are deleted and nothing else, and a dry run says how many.
#[tokio::test]
async fn filter_delete_removes_matches_only() {
    let (_cairn, shell) = start().await;
    for (name, session) in [("a", "run"), ("bb", "run"), ("c", "other")] {
        let session = format!("--session={session}");
        shell.push(name, name, &[&session]).await;
    }
    let filter = "--filter=session_id = run";
    let would = |deleted: bool| {
        json!({
            "deleted": deleted, "deleted_count": 2, "size_bytes": 3,
            "not_deleted_artifact_ids": [], "more": false
        })
    };
    let dry = shell.json(&["rm", "--dry-run", filter]).await;
    assert_eq!(dry, would(false));
    assert_eq!(shell.json(&["rm", filter]).await, would(true));
    let left = shell.json(&["ls"]).await;
    assert_eq!(each(&left["artifacts"], "filename"), ["c"]);
    assert_eq!(shell.json(&["rm", filter]).await["deleted_count"], 0);
}

/// Held artifacts are kept and reported, and the others are deleted.
#[tokio::test]
async fn filter_delete_keeps_and_reports_held() {
    let (_cairn, shell) = start().await;
    let held = shell.push("a.txt", "a", &[]).await;
    shell.push("b.txt", "b", &[]).await;
    let id = text(&held["artifact_id"]);
    shell.json(&["hold", id]).await;
    let done = shell.run(&["rm", "--filter=size_bytes = 1"]).await;
    let removed = done.with_code(1).saying("legal hold").json();
    assert_eq!(removed["deleted_count"], 1);
    assert_eq!(removed["not_deleted_artifact_ids"], json!([id]));
    shell.json(&["inspect", id]).await;
}

#[tokio::test]
async fn a_filter_that_is_not_clear_deletes_nothing() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "a", &[]).await;
    let id = text(&pushed["artifact_id"]);
    let filter = "--filter=size_bytes = 1";
    let mistakes: [(&[&str], &str); 5] = [
        // Not everything, which a script with an empty variable would otherwise get.
        (&["--filter="], "--filter"),
        (&["--filter=colour = red"], "colour"),
        (&[filter, id], "--filter"),
        (&[filter, "--name=a.txt"], "--filter"),
        (&[filter, "--session=run"], "--filter"),
    ];
    for (args, words) in mistakes {
        let done = shell.run(&[&["rm"], args].concat()).await;
        assert_eq!(done.with_code(1).saying(words).text(), "", "{args:?}");
    }
    shell.json(&["inspect", id]).await;
}
