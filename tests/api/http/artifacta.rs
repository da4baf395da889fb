//! The client of the hosted artifact store, `artifacta-cli` from PyPI, against a Cairn: unmodified, by its address alone.

use std::{path::PathBuf, process::Stdio};

use cairn_store::TenantUpdate;
use harness::{Bytes, Cairn, Rest, Setup, program, spec, text};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

/// A user of the command, in an empty folder.
struct User {
    folder: TempDir,
    url: String,
    key: String,
}

impl User {
    fn of(cairn: &Cairn) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: cairn.http_url.clone(),
            key: cairn.key.clone(),
        }
    }

    /// A program of the virtual environment, with the address and the key in its environment.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = program::command(&program::of_python(program));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("NO_PROXY", "*")
            .env("ARTIFACTA_API_URL", &self.url)
            .env("ARTIFACTA_API_KEY", &self.key);
        command
    }

    async fn run(&self, args: &[&str]) -> program::Done {
        program::run(&mut self.command("artifacta", args)).await
    }

    /// The output of a command that succeeds, which is JSON when it goes to a pipe.
    async fn json(&self, args: &[&str]) -> Value {
        self.run(args).await.ok().json()
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

#[tokio::test]
async fn the_hosted_stores_command_works_as_it_is() {
    let cairn = Cairn::start().await;
    let user = User::of(&cairn);
    let whoami = user.json(&["whoami"]).await;
    assert_eq!(whoami["tenant_name"], "acme");
    user.run(&["whoami", "--human"]).await.ok();

    // Push: with everything, again, presigned, from standard input.
    user.write("a.txt", b"hello");
    let session = user.run(&["session", "new"]).await.ok();
    let session = session.text().trim();
    let push = [
        "push",
        "a.txt",
        "--session",
        session,
        "--agent",
        "x",
        "--meta",
        "k=1",
        "--meta",
        "l=2",
        "--ttl",
        "24h",
        "--link",
    ];
    let made = user.json(&push).await;
    assert_eq!(
        (text(&made["filename"]), text(&made["agent_id"])),
        ("a.txt", "x")
    );
    let read = reqwest::get(text(&made["link"]["url"])).await.unwrap();
    assert_eq!(read.text().await.unwrap(), "hello");
    let again = user.json(&push).await;
    assert_eq!(
        again["artifact_id"], made["artifact_id"],
        "the command derives a key"
    );
    user.write("b.bin", &[7; 100_000]);
    let big = [
        "push",
        "b.bin",
        "--session",
        session,
        "--presigned",
        "--meta",
        "k=1",
    ];
    let big = user.json(&big).await;
    assert_eq!(big["size_bytes"], 100_000);
    let mut stdin = user.command("artifacta", &["push", "-", "--name", "c.json"]);
    let mut child = stdin.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{}").await.unwrap();
    let piped = program::end_of(child).await.ok().json();
    assert_eq!(piped["content_type"], "application/json");

    // List, inspect, pull.
    let count = async |args: &[&str]| {
        let list = user.json(&[&["ls"], args].concat()).await;
        list["artifacts"].as_array().unwrap().len()
    };
    assert_eq!(count(&[]).await, 3);
    assert_eq!(count(&["--session", session]).await, 2);
    assert_eq!(count(&["--agent", "x"]).await, 1);
    assert_eq!(count(&["--meta", "k=1"]).await, 2);
    assert_eq!(count(&["--meta", "k=1", "--meta", "l=2"]).await, 1);
    assert_eq!(count(&["--created-after", "2000-01-01T00:00:00Z"]).await, 3);
    assert_eq!(count(&["--created-before", "2000-01-01"]).await, 0);
    let page = user.json(&["ls", "--limit", "2"]).await;
    let after = text(&page["next_cursor"]);
    assert_eq!(count(&["--limit", "2", "--after", after]).await, 1);
    user.run(&["ls", "--human"]).await.ok();
    let id = text(&made["artifact_id"]);
    assert_eq!(user.json(&["inspect", id]).await["metadata"]["l"], "2");
    user.run(&["inspect", id, "--human"]).await.ok();
    user.run(&["pull", id, "-o", "out.txt"]).await.ok();
    let pulled = std::fs::read(user.folder.path().join("out.txt")).unwrap();
    assert_eq!(pulled, b"hello");
    let printed = user.run(&["pull", id, "-o", "-"]).await.ok();
    assert_eq!(printed.text(), "hello");

    // Link, sessions, removal.
    let link = user.json(&["link", id, "--expires", "1h"]).await;
    assert_eq!(link["artifact_id"], id);
    let sealed = user.json(&["session", "seal", session]).await;
    assert_eq!(
        (&sealed["artifact_count"], text(&sealed["status"])),
        (&2.into(), "sealed")
    );
    let sessions = user.json(&["session", "ls", "--limit", "5"]).await;
    assert_eq!(sessions["sessions"][0]["is_sealed"], true);
    user.run(&["session", "ls", "--human"]).await.ok();
    user.write("late.txt", b"late");
    let late = user.run(&["push", "late.txt", "--session", session]).await;
    late.with_code(1)
        .saying("is sealed. No new artifacts can be added.");
    let removed = user.json(&["rm", "--session", session, "--yes"]).await;
    assert_eq!(removed["deleted"].as_array().unwrap().len(), 2);
    let again = user.json(&["rm", id, "--yes"]).await;
    assert_eq!(text(&again["deleted"][0]["deleted_at"]), "already_deleted");
    let gone = user.run(&["inspect", id, "--human"]).await;
    gone.with_code(1).saying("has been deleted");
}

#[tokio::test]
async fn the_hosted_stores_sdk_works_as_it_is() {
    let cairn = Setup::on(Bytes::S3).signing().start().await;
    let user = User::of(&cairn);
    let expired = cairn.client.create(spec("expired"), "x").await.unwrap();
    cairn.let_time_pass().await;
    cairn.sql("UPDATE artifacts SET expires_at = now()").await;
    let limited = cairn.store.create_api_key("limited").await.unwrap();
    let update = TenantUpdate {
        max_artifacts: Some(Some(1)),
        ..TenantUpdate::default()
    };
    cairn.store.update_tenant("limited", update).await.unwrap();
    super::forbid_never(&cairn).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/api/http/sdk.py");
    let mut python = user.command("python", &[script]);
    python
        .env("EXPIRED", expired.artifact_id)
        .env("LIMITED_KEY", limited.reveal());
    let done = program::run(&mut python).await.ok();
    println!("{}", done.text());
    let list = Rest::of(&cairn)
        .get("/v1/artifacts?session_id=s")
        .await
        .ok();
    assert_eq!(list["artifacts"], Value::Array(vec![]));
}
