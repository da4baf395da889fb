//! `cairn inspect`, `rm`, `whoami` and `completions`.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{Shell, each, record, start, text};
use harness::{content, program};

const UNKNOWN: &str = "art_0123456789abcdef";

/// The error that a command prints as JSON with --json.
async fn error(shell: &Shell, args: &[&str]) -> Value {
    let done = shell.run(&[args, &["--json"]].concat()).await.with_code(1);
    let mut error: Value = serde_json::from_str(&done.stderr).unwrap();
    error["error"].take()
}

#[tokio::test]
async fn inspect_prints_the_record() {
    let (_cairn, shell) = start().await;
    let flags = ["--session=run", "--agent=x", "--meta=k=v", "--ttl=never"];
    let pushed = shell.push("a.txt", "text", &flags).await;
    let id = text(&pushed["artifact_id"]).to_owned();
    assert_eq!(shell.json(&["inspect", &id]).await, record(pushed));
}

#[tokio::test]
async fn an_unknown_artifact_is_the_callers_mistake_to_every_verb() {
    let (_cairn, shell) = start().await;
    let verbs: [&[&str]; 4] = [&["inspect"], &["rm"], &["pull"], &["link"]];
    for verb in verbs {
        let error = error(&shell, &[verb, &[UNKNOWN]].concat()).await;
        assert_eq!(error["code"], "artifact_not_found", "{verb:?}");
        assert_eq!(error["status"], 404);
    }
}

/// A deleted artifact is gone from every verb, and a second delete says so.
#[tokio::test]
async fn deleted_artifact_is_gone_from_every_verb() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "a", &["--session=run"]).await;
    let id = text(&pushed["artifact_id"]);
    let removed = shell.json(&["rm", id]).await;
    let deleted_at = text(&removed["deleted_at"]);
    assert!(deleted_at.ends_with('Z'), "{deleted_at}");
    assert_eq!(
        removed,
        json!({"artifact_id": id, "deleted": true, "deleted_at": deleted_at})
    );
    for verb in ["rm", "inspect", "pull", "link"] {
        let error = error(&shell, &[verb, id]).await;
        assert_eq!(error["code"], "artifact_already_deleted", "{verb}");
        assert_eq!(error["status"], 410);
    }
    assert_eq!(shell.json(&["ls"]).await["artifacts"], json!([]));
}

#[tokio::test]
async fn one_that_cannot_be_deleted_does_not_keep_the_others() {
    let (_cairn, shell) = start().await;
    let a = shell.push("a.txt", "a", &[]).await;
    let b = shell.push("b.txt", "b", &[]).await;
    let ids = [&a, &b].map(|artifact| text(&artifact["artifact_id"]));
    let done = shell.run(&["rm", ids[0], UNKNOWN, ids[1]]).await;
    let removed = done.with_code(1).saying(UNKNOWN).json();
    assert_eq!(each(&removed["artifacts"], "artifact_id"), ids);
    assert_eq!(shell.json(&["ls"]).await["artifacts"], json!([]));
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_deleted_and_deletes_nothing() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "a", &[]).await;
    let id = text(&pushed["artifact_id"]);
    let expected = json!({"artifact_id": id, "deleted": false, "deleted_at": null});
    assert_eq!(shell.json(&["rm", "--dry-run", id]).await, expected);
    shell.run(&["rm", "--dry-run", UNKNOWN]).await.with_code(1);
    shell.run(&["inspect", id]).await.ok();
}

/// whoami prints the tenant, its limits and usage, and only the end of the key.
#[tokio::test]
async fn whoami_prints_tenant_limits_usage_and_key_end() {
    let (cairn, shell) = start().await;
    shell.push("a.txt", content(10), &[]).await;
    let done = shell.run(&["whoami"]).await.ok();
    assert!(!done.text().contains(&cairn.key));
    let me = done.json();
    assert_eq!(me["tenant_name"], "acme");
    assert!(cairn.key.ends_with(text(&me["api_key_last_4"])));
    assert_eq!(text(&me["api_key_last_4"]).len(), 4);
    assert_eq!(me["default_ttl"], "30d");
    assert_eq!(me["max_ttl"], Value::Null);
    assert_eq!(me["never_expires_allowed"], true);
    assert_eq!(me["max_upload_bytes"], 64_i64 << 30);
    assert_eq!(
        (&me["stored_artifacts"], &me["stored_bytes"]),
        (&json!(1), &json!(10))
    );
    assert_eq!(me["scopes"].as_array().unwrap().len(), 7);
    assert_eq!(
        (&me["narrowing"], &me["expires_at"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(me["server_version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn the_limits_that_whoami_prints_are_kept() {
    let (cairn, shell) = start().await;
    cairn
        .sql(
            "UPDATE tenants SET default_ttl_ms = 3600000, max_ttl_ms = 86400000,
                 never_expires_allowed = false",
        )
        .await;
    let me = shell.json(&["whoami"]).await;
    let [default, longest] = ["default_ttl", "max_ttl"].map(|name| text(&me[name]));
    assert_eq!((default, longest), ("1h", "1d"));
    assert_eq!(me["never_expires_allowed"], false);
    shell.push("a.txt", "a", &["--ttl", longest]).await;
    for too_long in ["86401s", "never"] {
        let error = error(&shell, &["push", "a.txt", "--ttl", too_long]).await;
        assert_eq!(error["code"], "ttl_exceeds_plan_limit", "{too_long}");
    }
}

/// A push beyond the quota that whoami prints is the caller's mistake.
#[tokio::test]
async fn push_over_the_quota_is_the_callers_mistake() {
    let (cairn, shell) = start().await;
    cairn
        .sql("UPDATE tenants SET max_stored_bytes = 10, max_artifacts = 7")
        .await;
    let me = shell.json(&["whoami"]).await;
    assert_eq!(
        (&me["max_stored_bytes"], &me["max_artifacts"]),
        (&json!(10), &json!(7))
    );
    shell.push("a.txt", content(10), &[]).await;
    shell.write("b.txt", "b");
    let error = error(&shell, &["push", "b.txt"]).await;
    assert_eq!(
        (&error["code"], &error["status"]),
        (&json!("quota_exceeded"), &json!(429))
    );
}

#[tokio::test]
async fn a_file_that_is_too_large_is_the_callers_mistake() {
    let setup = harness::Setup::on(harness::Bytes::Files);
    let (_cairn, shell) = super::started(setup.config(|c| c.upload_max_bytes = 2 << 20)).await;
    shell.write("a.bin", content((2 << 20) + 1));
    let error = error(&shell, &["push", "a.bin"]).await;
    assert_eq!(
        (&error["code"], &error["status"]),
        (&json!("file_too_large"), &json!(413))
    );
    shell.push("b.bin", content(2 << 20), &[]).await;
}

#[tokio::test]
async fn completions_know_the_verbs_of_the_command_and_need_no_server() {
    let shell = Shell::at("127.0.0.1:1", "").await;
    for name in ["bash", "zsh", "fish"] {
        let done = shell.run(&["completions", name]).await.ok();
        for verb in ["push", "pull", "session", "whoami", "--new-session"] {
            // fish writes options without their dashes.
            let verb = verb.trim_start_matches('-');
            assert!(done.text().contains(verb), "{verb} for {name}");
        }
    }
    shell.run(&["completions", "abacus"]).await.with_code(1);
}

#[tokio::test]
async fn bash_completes_verbs_with_the_script() {
    let shell = Shell::at("127.0.0.1:1", "").await;
    let mut script = shell.run(&["completions", "bash"]).await.ok().stdout;
    script.extend_from_slice(
        b"\nCOMP_WORDS=(cairn pu) COMP_CWORD=1\n_cairn cairn pu cairn\necho \"${COMPREPLY[@]}\"\n",
    );
    shell.write("script", script);
    let mut bash = program::command("bash".as_ref());
    bash.arg(shell.path("script")).stdin(Stdio::null());
    let done = program::run(&mut bash).await.ok();
    let words: Vec<_> = done.text().split_whitespace().collect();
    assert_eq!(words, ["push", "pull"]);
}
