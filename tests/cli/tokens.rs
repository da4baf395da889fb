//! `cairn token`: an agent passes on a part of what it may do, mostly without a server.

use std::fs;

use serde_json::{Value, json};

use harness::{Shell, text};

use super::{sidecar::Sidecar, start};

/// Where nothing listens.
const NOWHERE: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn a_parent_agent_gives_its_child_a_part_of_what_it_may_do() {
    let (cairn, parent) = start().await;
    let create = [
        "token",
        "create",
        "--scopes",
        "read,write,link",
        "--expires-in",
        "1h",
    ];
    let made = parent.json(&create).await;
    assert_eq!(made["scopes"], json!(["read", "write", "link"]));
    let printed = parent.run(&[&create[..], &["--json"]].concat()).await.ok();
    assert!(text(&printed.json()["token"]).starts_with("ct_"));

    let holder = Shell::at(NOWHERE, text(&made["token"])).await;
    let narrow = [
        "token",
        "narrow",
        "--scopes",
        "write,read",
        "--session",
        "run",
    ];
    let narrowed = holder
        .json(&[&narrow[..], &["--expires-in", "10m"]].concat())
        .await;
    let child = Shell::at(NOWHERE, text(&narrowed["token"])).await;
    let shown = child.json(&["token", "show"]).await;
    assert_eq!(
        (&shown["token_id"], &shown["expires_at"]),
        (&made["token_id"], &narrowed["expires_at"])
    );
    assert_eq!(shown["grant"]["scopes"], made["scopes"]);
    assert_eq!(shown["caveats"][0]["scopes"], json!(["write", "read"]));
    assert_eq!(
        shown["caveats"][0]["narrowing"]["session_ids"],
        json!(["run"])
    );

    let child = Shell::at(&cairn.grpc_url, text(&narrowed["token"])).await;
    let me = child.json(&["whoami"]).await;
    assert_eq!(
        (&me["scopes"], &me["token_id"]),
        (&json!(["read", "write"]), &made["token_id"])
    );
    assert_eq!(me["expires_at"], narrowed["expires_at"]);
    let pushed = child.push("a.txt", "a", &["--session", "run"]).await;
    let outside = child.run(&["push", "a.txt", "--session", "other"]).await;
    outside.with_code(1).saying("session_id = \"run\"");
    let link = child.run(&["link", text(&pushed["artifact_id"])]).await;
    link.with_code(1).saying("'link'");
}

#[tokio::test]
async fn a_token_is_read_from_a_file_too() {
    let (_cairn, parent) = start().await;
    let made = parent.json(&["token", "create"]).await;
    let holder = Shell::at(NOWHERE, "").await;
    holder.write("token", format!("{}\n", text(&made["token"])));
    let shown = holder
        .json(&["token", "show", "--api-key-file", "token"])
        .await;
    assert_eq!(shown["token_id"], made["token_id"]);
}

#[tokio::test]
async fn what_is_no_token_is_neither_shown_nor_narrowed() {
    let vectors = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/tokens.json"));
    let vectors: Value = serde_json::from_str(&vectors.unwrap()).unwrap();
    let good = text(&vectors["tokens"][0]["token"]);
    let holder = Shell::at(NOWHERE, good).await;
    holder.json(&["token", "show"]).await;
    let narrow = holder.run(&["token", "narrow"]).await;
    narrow.with_code(1).saying("--scopes");
    let of_both = ["token", "narrow", "--session", "a", "--session-prefix", "b"];
    holder
        .run(&of_both)
        .await
        .with_code(1)
        .saying("--session-prefix");
    for vector in vectors["refused"].as_array().unwrap() {
        let shell = Shell::at(NOWHERE, text(&vector["token"])).await;
        let shown = shell.run(&["token", "show"]).await;
        match text(&vector["because"]) {
            // It takes a server to see what is wrong.
            "forged" | "grant" => drop(shown.ok()),
            _ => drop(shown.with_code(1).saying("token")),
        }
    }
    let key = Shell::at(NOWHERE, "ck_0000000000000000000000000000000000000000").await;
    key.run(&["token", "show"])
        .await
        .with_code(1)
        .saying("cairn token create");
}

#[tokio::test]
async fn a_sidecar_publishes_with_a_token_of_its_session() {
    let (cairn, parent) = start().await;
    let create = [
        "token",
        "create",
        "--scopes",
        "read,write,seal",
        "--session",
        "run",
    ];
    let made = parent.json(&create).await;
    let agent = Shell::at(&cairn.grpc_url, text(&made["token"])).await;
    let sidecar = Sidecar::start(&agent, &["--seal"]).watching().await;
    agent.write("out/a.txt", "a");
    let (pushed, words) = sidecar.ends(0).await;
    assert_eq!(pushed, ["a.txt"], "{words}");
    let session = agent.json(&["session", "show", "run"]).await;
    assert_eq!(session["is_sealed"], json!(true));
}
