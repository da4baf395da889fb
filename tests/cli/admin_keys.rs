//! `cairn admin keys`: an administrator makes keys for others, without access to the database.

use serde_json::{Value, json};

use harness::Shell;

use super::{each, start, text};

#[tokio::test]
async fn a_key_made_on_the_command_line_does_what_it_was_made_for() {
    let (cairn, admin) = start().await;
    let create = [
        "admin",
        "keys",
        "create",
        "--name",
        "ci",
        "--scopes",
        "read,write",
        "--session",
        "run",
        "--expires-in",
        "30d",
        "--json",
    ];
    let made = admin.json(&create).await;
    let secret = text(&made["api_key"]);
    assert!(secret.starts_with("ck_") && secret.ends_with(text(&made["last_4"])));
    assert_eq!(
        (&made["name"], &made["scopes"]),
        (&json!("ci"), &json!(["read", "write"]))
    );
    assert_eq!(made["narrowing"]["session_ids"], json!(["run"]));

    let shell = Shell::at(&cairn.grpc_url, secret).await;
    let pushed = shell.push("a.txt", "a", &["--session", "run"]).await;
    let id = text(&pushed["artifact_id"]);
    shell.run(&["rm", id]).await.with_code(1).saying("'delete'");
    let outside = shell.run(&["push", "a.txt", "--session", "other"]).await;
    outside.with_code(1).saying("session_id = \"run\"");
    let me = shell.json(&["whoami"]).await;
    assert_eq!(
        (&me["scopes"], &me["expires_at"]),
        (&made["scopes"], &made["expires_at"])
    );
    shell
        .run(&["admin", "keys", "list"])
        .await
        .with_code(1)
        .saying("'admin'");
}

#[tokio::test]
async fn keys_are_listed_rotated_and_revoked() {
    let (cairn, admin) = start().await;
    let keys = async |args: &[&str]| admin.json(&[&["admin", "keys"], args].concat()).await;
    let old = keys(&["create", "--scopes", "read"]).await;
    let id = text(&old["key_id"]);
    let new = keys(&["rotate", id, "--overlap", "1h"]).await;
    let revoked = keys(&["revoke", id]).await;
    assert_ne!(revoked["revoked_at"], Value::Null);
    let list = keys(&["list"]).await;
    let ids = each(&list["keys"], "key_id");
    assert_eq!(ids[..2], [text(&new["key_id"]), id]);
    assert!(!list.to_string().contains(text(&new["api_key"])));
    for (made, code) in [(&old, 1), (&new, 0)] {
        let shell = Shell::at(&cairn.grpc_url, text(&made["api_key"])).await;
        shell.run(&["whoami"]).await.with_code(code);
    }
}

#[tokio::test]
async fn a_key_is_made_with_scopes_that_somebody_named() {
    let (_cairn, admin) = start().await;
    let create = ["admin", "keys", "create"];
    admin.run(&create).await.with_code(1).saying("--scopes");
    let unknown = [&create[..], &["--scopes", "owner"]].concat();
    admin.run(&unknown).await.with_code(1).saying("read, write");
}
