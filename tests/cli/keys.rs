//! Idempotency keys: a repeated request takes effect once.

use serde_json::{Value, json};

use super::{Shell, artifacts, start, text};
use harness::{Cairn, content, program};

/// One message, and a stream.
const SIZES: [usize; 3] = [0, 100 << 10, (3 << 20) + 1];

async fn links(cairn: &Cairn) -> i64 {
    cairn.count("SELECT count(*) FROM links").await
}

/// A repeated push stores nothing twice, and prints the same artifact.
#[tokio::test]
async fn repeated_push_prints_the_same_artifact() {
    for size in SIZES {
        let (cairn, shell) = start().await;
        let flags = ["--session=run", "--meta=a=1", "--meta=b=2", "--ttl=1h"];
        let first = shell.push("a.bin", content(size), &flags).await;
        let again = shell.push("a.bin", content(size), &flags).await;
        assert_eq!(again, first);
        // Nor if it comes too late for the session.
        shell.json(&["session", "seal", "run"]).await;
        let late = shell.push("a.bin", content(size), &flags).await;
        assert_eq!(late, first);
        assert_eq!(artifacts(&cairn).await, 1);
    }
}

#[tokio::test]
async fn a_folder_that_is_pushed_again_makes_only_what_is_new_in_it() {
    let (cairn, shell) = start().await;
    for name in ["out/a.txt", "out/b.txt"] {
        shell.write(name, name);
    }
    let first = shell.json(&["push", "out"]).await;
    shell.write("out/c.txt", "c");
    let again = shell.json(&["push", "out"]).await;
    for n in 0..2 {
        assert_eq!(again["artifacts"][n], first["artifacts"][n]);
    }
    assert_eq!(artifacts(&cairn).await, 3);
}

#[tokio::test]
async fn a_push_that_differs_in_anything_makes_the_next_version() {
    let (_cairn, shell) = start().await;
    let flags = [
        "--agent=other",
        "--meta=a=1",
        "--meta=a=2",
        "--ttl=1h",
        "--ttl=never",
        "--content-type=text/x-notes",
        "--title=T",
        "--kind=plan",
        "--language=en",
        "--change-summary=C",
        "--stage=review",
        "--label=l",
    ];
    let first = shell.push("a.txt", "a", &[]).await;
    assert_eq!(first["version"], 1);
    let input = format!("--input={}", text(&first["artifact_id"]));
    for (n, flag) in flags.into_iter().chain([input.as_str()]).enumerate() {
        let next = shell.push("a.txt", "a", &[flag]).await;
        assert_eq!(next["version"], n + 2, "{flag}");
        assert_eq!(shell.push("a.txt", "a", &[flag]).await, next, "{flag}");
    }
    let other = shell.push("a.txt", "b", &[]).await;
    assert_eq!(other["version"], flags.len() + 3);
    for scope in ["--session=s", "--namespace=n", "--user=u"] {
        let elsewhere = shell.push("a.txt", "a", &[scope]).await;
        assert_eq!(elsewhere["version"], 1, "{scope}");
    }
}

#[tokio::test]
async fn without_a_key_every_push_makes_a_version() {
    let (_cairn, shell) = start().await;
    for version in [1, 2] {
        let pushed = shell.push("a.txt", "a", &["--no-idempotency-key"]).await;
        assert_eq!(pushed["version"], version);
        // Content that can be read only once is unknown before it is sent.
        let piped = shell.pipe(b"a", &["push", "-", "--name=b"]).await.ok();
        assert_eq!(piped.json()["version"], version);
    }
}

/// An explicit key covers one push, whatever is pushed.
#[tokio::test]
async fn own_key_covers_one_push_only() {
    let (cairn, shell) = start().await;
    for size in SIZES {
        let key = format!("--idempotency-key=step-{size}");
        let first = shell.push("a.bin", content(size), &[&key]).await;
        assert_eq!(shell.push("a.bin", content(size), &[&key]).await, first);
        let piped = ["push", "-", "--name=a.bin", &key];
        let piped = shell.pipe(&content(size), &piped).await.ok();
        assert_eq!(piped.json(), first);

        shell.write("a.bin", content(size + 1));
        let other = ["push", "a.bin", "--title=T", &key, "--json"];
        let done = shell.run(&other).await.with_code(1);
        let error: Value = serde_json::from_str(&done.stderr).unwrap();
        let error = &error["error"];
        assert_eq!(error["code"], "idempotency_key_reused");
        assert_eq!(error["status"], 422);
        let fields = text(&error["details"]["fields"]);
        assert!(fields.split(',').any(|field| field == "title"), "{fields}");
    }
    assert_eq!(artifacts(&cairn).await, SIZES.len() as i64);
}

/// A deleted or expired file is created again when it is pushed again, and only once.
#[tokio::test]
async fn deleted_file_is_created_again_by_a_push() {
    let (cairn, shell) = start().await;
    for version in 1..=4 {
        let pushed = shell.push("a.txt", "a", &[]).await;
        assert_eq!(pushed["version"], version);
        assert_eq!(pushed["state"], "visible");
        assert_eq!(shell.push("a.txt", "a", &[]).await, pushed);
        if version % 2 == 0 {
            shell.json(&["rm", "--name=a.txt"]).await;
        } else {
            cairn.sql("UPDATE artifacts SET expires_at = now()").await;
        }
    }
}

/// With an explicit key a deleted artifact stays deleted, and a warning says so.
#[tokio::test]
async fn own_key_keeps_a_deleted_artifact_deleted() {
    let (_cairn, shell) = start().await;
    let key = "--idempotency-key=k";
    let pushed = shell.push("a.txt", "a", &[key]).await;
    let id = text(&pushed["artifact_id"]);
    shell.json(&["rm", id]).await;
    let again = shell.run(&["push", "a.txt", key]).await.ok();
    let again = again.saying(&format!("as {id}, and is deleted")).json();
    assert_eq!(again["artifact_id"], id);
    assert_eq!(again["state"], "deleted");
}

/// A push whose answer is no longer the latest version says how to make it the latest.
#[tokio::test]
async fn push_of_an_old_version_warns() {
    let (_cairn, shell) = start().await;
    let first = shell.push("a.txt", "draft", &[]).await;
    shell.push("a.txt", "better", &[]).await;
    shell.write("a.txt", "draft");
    let done = shell.run(&["push", "a.txt"]).await.ok();
    let words =
        "as v1, and the latest is v2 now; to make the next version of it, use --no-idempotency-key";
    assert_eq!(done.saying(words).json(), first);
    let back = shell.run(&["push", "a.txt", "--no-idempotency-key"]).await;
    let back = back.ok();
    assert_eq!(
        (back.json()["version"].clone(), &*back.stderr),
        (json!(3), "")
    );
}

/// A repeated push returns its link again until the link is revoked.
#[tokio::test]
async fn repeated_push_returns_its_link_until_revoked() {
    for key in [None, Some("--idempotency-key=k")] {
        let (cairn, shell) = start().await;
        let flags: Vec<_> = ["--link"].into_iter().chain(key).collect();
        let first = shell.push("a.txt", "a", &flags).await;
        assert_eq!(shell.push("a.txt", "a", &flags).await, first);
        assert_eq!(links(&cairn).await, 1);
        shell
            .json(&["link", "revoke", text(&first["link"]["link_id"])])
            .await;
        let again = shell.push("a.txt", "a", &flags).await;
        assert_eq!(again["artifact_id"], first["artifact_id"]);
        assert_ne!(again["link"]["link_id"], first["link"]["link_id"]);
        assert_eq!(again["link"]["revoked_at"], Value::Null);
        let answer = reqwest::get(text(&again["link"]["url"])).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

/// Runs a command twice with a key, which must print the same.
async fn same_twice(shell: &Shell, args: &[&str], key: &str) -> Value {
    let key = format!("--idempotency-key={key}");
    let args = [args, &[key.as_str()]].concat();
    let first = shell.json(&args).await;
    assert_eq!(shell.json(&args).await, first, "{args:?}");
    first
}

#[tokio::test]
async fn every_other_write_takes_a_key_too() {
    let (cairn, shell) = start().await;
    let flags = ["--session=run"];
    let pushed = shell.push("a.txt", "a", &flags).await;
    let id = text(&pushed["artifact_id"]);
    let link = same_twice(&shell, &["link", id], "link").await;
    assert_eq!(links(&cairn).await, 1);
    same_twice(&shell, &["link", "--name=a.txt", flags[0]], "by name").await;
    let link_id = text(&link["link_id"]);
    same_twice(&shell, &["link", "revoke", link_id], "revoke").await;
    same_twice(&shell, &["session", "seal", "run"], "seal").await;
    // A retry that changes nothing returns what the first call changed.
    let staged = same_twice(&shell, &["stage", "final", id], "stage").await;
    assert_eq!(staged["changed_count"], 1);
    let held = same_twice(&shell, &["hold", id], "hold").await;
    assert_eq!(held["changed_count"], 1);
    same_twice(&shell, &["hold", "--release", id], "release").await;
    same_twice(&shell, &["hold", "--session=run"], "all").await;
    shell.json(&["hold", "--session=run", "--release"]).await;
    let again = same_twice(&shell, &["hold", "--session=run"], "all").await;
    assert_eq!(again["legal_hold"], false, "it is not held again");
    let removed = same_twice(&shell, &["rm", id], "rm").await;
    assert_eq!(removed["artifact_id"], id);
    shell.run(&["rm", id]).await.with_code(1);
    let restored = same_twice(&shell, &["restore", id], "restore").await;
    assert_eq!(restored["restored_count"], 1);
    let filter = ["rm", "--filter=session_id = run"];
    let removed = same_twice(&shell, &filter, "rm all").await;
    assert_eq!(removed["deleted_count"], 1);
}

/// A retried delete of the latest version, under a key, deletes only that version.
#[tokio::test]
async fn retried_delete_by_name_deletes_one_version() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "one", &[]).await;
    shell.push("a.txt", "two", &[]).await;
    let latest = shell.json(&["inspect", "--name=a.txt"]).await;
    let removed = same_twice(&shell, &["rm", "--name=a.txt"], "k").await;
    assert_eq!(removed["artifact_id"], latest["artifact_id"]);
    let left = shell.json(&["inspect", "--name=a.txt"]).await;
    assert_eq!(left["version"], 1);
}

#[tokio::test]
async fn one_key_is_not_for_several_artifacts() {
    let (cairn, shell) = start().await;
    shell.push("a.txt", "a", &[]).await;
    let ids = ["art_0123456789abcdef", "art_0123456789abcdeg"];
    let args = [&["rm", "--idempotency-key=k"], &ids[..]].concat();
    shell
        .run(&args)
        .await
        .with_code(1)
        .saying("single artifact");
    shell.write("b.txt", "b");
    let push = ["push", "a.txt", "b.txt", "--idempotency-key=k"];
    shell.run(&push).await.with_code(1).saying("single file");
    assert_eq!(artifacts(&cairn).await, 1);
}

#[tokio::test]
async fn two_agents_who_push_the_same_make_two_artifacts() {
    let (_cairn, shell) = start().await;
    shell.write("a.txt", "a");
    for (version, agent) in [(1, "ann"), (2, "bob")] {
        let mut push = shell.cairn(&["push", "a.txt", "--session=run"]);
        let pushed = program::run(push.env("CAIRN_AGENT_ID", agent)).await.ok();
        assert_eq!(pushed.json()["version"], version);
        assert_eq!(pushed.json()["deduplicated"], version == 2);
    }
}
