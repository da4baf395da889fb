//! `cairn cp` and `cairn lineage`.

use serde_json::{Value, json};

use super::{Shell, each, record, start, text};
use harness::program;

const UNKNOWN: &str = "art_0123456789abcdef";

async fn error(shell: &Shell, args: &[&str]) -> Value {
    let done = shell.run(&[args, &["--json"]].concat()).await.with_code(1);
    let mut error: Value = serde_json::from_str(&done.stderr).unwrap();
    error["error"].take()
}

/// A copy has the source's bytes and name, and otherwise only what its options say.
#[tokio::test]
async fn copy_takes_bytes_and_name_only() {
    let (_cairn, shell) = start().await;
    let flags = [
        "--session=one",
        "--agent=ann",
        "--meta=k=v",
        "--stage=final",
    ];
    let source = shell.push("a.txt", "text", &flags).await;
    let id = text(&source["artifact_id"]);
    let copy = ["cp", id, "--session=two", "--agent=bob", "--label=q3"];
    let copied = shell.json(&copy).await;
    for same in ["filename", "content_type", "content_hash", "size_bytes"] {
        assert_eq!(copied[same], source[same], "{same}");
    }
    for (name, value) in [
        ("session_id", json!("two")),
        ("agent_id", json!("bob")),
        ("labels", json!(["q3"])),
        ("metadata", json!({})),
        ("stage", json!("draft")),
        ("version", json!(1)),
        ("inputs", json!([id])),
        ("deduplicated", json!(true)),
        ("existing", json!(false)),
    ] {
        assert_eq!(copied[name], value, "{name}");
    }
    let copy_id = text(&copied["artifact_id"]);
    let pulled = shell.run(&["pull", copy_id, "-o", "-"]).await.ok();
    assert_eq!(pulled.text(), "text");
    assert_eq!(
        shell.json(&["inspect", copy_id]).await,
        record(copied.clone())
    );
}

/// A source by name is looked up where --from-session says, or in the session of the environment.
#[tokio::test]
async fn copy_source_scope_comes_from_flags_or_session() {
    let (_cairn, shell) = start().await;
    for content in ["first", "second"] {
        shell.push("a.txt", content, &["--session=run"]).await;
    }
    let from = ["cp", "--name=a.txt", "--from-session=run", "--to=b.txt"];
    let copied = shell.json(&from).await;
    assert_eq!(
        (
            &copied["filename"],
            &copied["session_id"],
            &copied["size_bytes"]
        ),
        (&json!("b.txt"), &Value::Null, &json!(6))
    );
    let mut within = shell.cairn(&["cp", "--name=a.txt", "--version=1", "--to=c.txt"]);
    let within = program::run(within.env("CAIRN_SESSION_ID", "run"))
        .await
        .ok();
    let within = within.json();
    assert_eq!(
        (&within["session_id"], &within["size_bytes"]),
        (&json!("run"), &json!(5))
    );
    // For a copy by id it makes no difference.
    let mut by_id = shell.cairn(&["cp", text(&copied["artifact_id"])]);
    let by_id = program::run(by_id.env("CAIRN_SESSION_ID", "run"))
        .await
        .ok();
    assert_eq!(by_id.json()["session_id"], "run");
}

/// A copy takes effect once under a key, and each time without one.
#[tokio::test]
async fn copy_under_a_key_takes_effect_once() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "a", &[]).await;
    let copy = ["cp", "--name=a.txt", "--to=b.txt"];
    let keyed = [&copy[..], &["--idempotency-key=k"]].concat();
    let first = shell.json(&keyed).await;
    assert_eq!(shell.json(&keyed).await, first);
    assert_eq!(shell.json(&copy).await["version"], 2);
}

#[tokio::test]
async fn what_cannot_be_copied_or_followed_is_the_callers_mistake() {
    let (_cairn, shell) = start().await;
    let mistakes: [(&[&str], &str); 9] = [
        (&["cp"], "ID"),
        (&["cp", "--from-session=s"], "--name"),
        (&["cp", UNKNOWN, "--version=1"], "--version"),
        (&["cp", UNKNOWN, "--name=a"], "--name"),
        (&["cp", UNKNOWN, "--from-session=s"], "--from-session"),
        (&["cp", UNKNOWN, "--to="], "--to"),
        (&["lineage"], "--name FILENAME"),
        (&["lineage", UNKNOWN, "--depth=0"], "--depth"),
        (&["lineage", UNKNOWN, "--depth=17"], "--depth"),
    ];
    for (args, words) in mistakes {
        let done = shell.run(args).await;
        assert_eq!(done.with_code(1).saying(words).text(), "", "{args:?}");
    }
    for args in [["cp", UNKNOWN], ["cp", "--name=a"], ["lineage", UNKNOWN]] {
        assert_eq!(error(&shell, &args).await["code"], "artifact_not_found");
    }
    let source = shell.push("a.txt", "a", &["--session=run"]).await;
    shell.json(&["session", "seal", "run"]).await;
    let into = ["cp", text(&source["artifact_id"]), "--session=run"];
    assert_eq!(error(&shell, &into).await["code"], "session_sealed");
}

#[tokio::test]
async fn lineage_goes_both_ways_as_far_as_is_asked() {
    let (_cairn, shell) = start().await;
    let mut ids: Vec<String> = Vec::new();
    for name in ["raw", "clean", "report"] {
        let input = ids.last().map(|id| format!("--input={id}"));
        let flags: Vec<_> = input.as_deref().into_iter().collect();
        let pushed = shell.push(name, name, &flags).await;
        ids.push(text(&pushed["artifact_id"]).to_owned());
    }
    let step =
        |made: usize, input: usize| json!({"artifact_id": ids[made], "input_id": ids[input]});
    let sorted = |lineage: &Value| {
        let mut steps = lineage["derivations"].as_array().unwrap().clone();
        steps.sort_by_key(Value::to_string);
        steps
    };
    let mut both = vec![step(2, 1), step(1, 0)];
    both.sort_by_key(Value::to_string);
    let inputs = shell.json(&["lineage", "--name=report"]).await;
    assert_eq!(sorted(&inputs), both);
    assert_eq!(inputs["truncated"], false);
    assert_eq!(each(&inputs["artifacts"], "filename").len(), 3);
    let outputs = shell.json(&["lineage", &ids[0], "--outputs"]).await;
    assert_eq!(sorted(&outputs), both);
    let near = shell.json(&["lineage", &ids[2], "--depth=1"]).await;
    assert_eq!(sorted(&near), [step(2, 1)]);
    assert_eq!(near["truncated"], true);
}
