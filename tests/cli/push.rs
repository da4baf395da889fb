//! `cairn push` without faults.

use serde_json::{Value, json};

use super::{each, start, text};
use harness::{content, program};

/// A file is stored under its base name, and its record has the names of the HTTP API.
#[tokio::test]
async fn push_stores_a_file_under_its_base_name() {
    let (cairn, shell) = start().await;
    let pushed = shell.push("reports/week.md", "# Hello\n", &[]).await;
    let id = text(&pushed["artifact_id"]);
    assert!(id.starts_with("art_") && id.len() == 20, "{id}");
    let times = ["created_at", "expires_at"].map(|name| text(&pushed[name]).to_owned());
    assert!(times.iter().all(|time| time.ends_with('Z')), "{times:?}");
    let hash = "sha256:90f8ec5669cd34183b9b0fdf8b94f5efb4c3672876330f4aa76088c2b4ad17be";
    assert_eq!(
        pushed,
        json!({
            "artifact_id": id,
            "filename": "week.md",
            "version": 1,
            "content_type": "text/markdown",
            "size_bytes": 8,
            "content_hash": hash,
            "session_id": null,
            "namespace": null,
            "user_id": null,
            "agent_id": null,
            "title": null,
            "kind": "other",
            "language": null,
            "change_summary": null,
            "stage": "draft",
            "labels": [],
            "inputs": [],
            "metadata": {},
            "created_at": times[0],
            "expires_at": times[1],
            "updated_at": times[0],
            "etag": pushed["etag"],
            "state": "visible",
            "legal_hold": false,
            "persistent": false,
            "deduplicated": false,
            "existing": false,
        })
    );
    assert_eq!(cairn.client.download(id).await.unwrap(), b"# Hello\n");
}

#[tokio::test]
async fn several_files_are_printed_in_argument_order() {
    let (cairn, shell) = start().await;
    let names = ["c.txt", "a.txt", "d.txt", "b.txt", "e.txt"];
    for name in names {
        shell.write(name, name);
    }
    let pushed = shell.json(&[&["push"], &names[..]].concat()).await;
    assert_eq!(each(&pushed["artifacts"], "filename"), names);
    for artifact in pushed["artifacts"].as_array().unwrap() {
        let id = text(&artifact["artifact_id"]);
        let content = cairn.client.download(id).await.unwrap();
        assert_eq!(content, text(&artifact["filename"]).as_bytes());
    }
}

#[tokio::test]
async fn a_folder_is_stored_with_the_paths_below_it() {
    let (_cairn, shell) = start().await;
    for name in ["out/report.md", "out/plots/1.png", "out/plots/more/2.png"] {
        shell.write(name, name);
    }
    let pushed = shell.json(&["push", "out"]).await;
    assert_eq!(
        each(&pushed["artifacts"], "filename"),
        ["plots/1.png", "plots/more/2.png", "report.md"]
    );
}

/// Standard input is stored under the given name, whatever its length.
#[tokio::test]
async fn standard_input_is_stored_under_the_given_name() {
    let (cairn, shell) = start().await;
    for size in [0, 1, 100 << 10, (20 << 20) + 7] {
        let content = content(size);
        let args = ["push", "-", "--name", "run/log.bin"];
        let pushed = shell.pipe(&content, &args).await.ok().json();
        assert_eq!(pushed["filename"], "run/log.bin");
        assert_eq!(pushed["size_bytes"], size);
        let id = text(&pushed["artifact_id"]);
        let back = cairn.client.download(id).await.unwrap();
        assert!(back == content, "{size}");
    }
}

#[tokio::test]
async fn a_file_of_many_parts_comes_back_whole() {
    let (cairn, shell) = start().await;
    let content = content((40 << 20) + 3);
    let pushed = shell.push("big.bin", &content, &[]).await;
    let id = text(&pushed["artifact_id"]);
    assert!(cairn.client.download(id).await.unwrap() == content);
}

#[tokio::test]
async fn flags_give_an_artifact_its_context() {
    let (_cairn, shell) = start().await;
    let flags = [
        "--session=run-1",
        "--agent=writer",
        "--meta=model=m-1",
        "--meta=formula=a=b",
        "--ttl=1h",
        "--content-type=text/x-notes",
        "--namespace=app",
        "--user=ada",
        "--name=notes/today",
    ];
    let pushed = shell.push("a.txt", "a", &flags).await;
    let expected = json!({
        "filename": "notes/today",
        "content_type": "text/x-notes",
        "session_id": "run-1",
        "agent_id": "writer",
        "metadata": {"model": "m-1", "formula": "a=b"},
        "namespace": "app",
        "user_id": "ada",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(pushed[name], *value, "{name}");
    }
    assert_eq!(life_in_seconds(&pushed), Some(3600));
}

/// The environment gives an artifact its context, and flags override it.
#[tokio::test]
async fn flags_override_the_environment() {
    let (_cairn, shell) = start().await;
    shell.write("a.txt", "a");
    let push = async |flags: &[&str]| {
        let mut push = shell.cairn(&[&["push", "a.txt"], flags].concat());
        push.env("CAIRN_SESSION_ID", "run-env")
            .env("CAIRN_AGENT_ID", "agent-env")
            .env("CAIRN_TTL", "2h");
        program::run(&mut push).await.ok().json()
    };
    let context = |pushed: &Value| {
        let ids = ["session_id", "agent_id"].map(|name| text(&pushed[name]).to_owned());
        (ids, life_in_seconds(pushed))
    };
    let of_environment = ["run-env", "agent-env"].map(str::to_owned);
    assert_eq!(context(&push(&[]).await), (of_environment, Some(7200)));
    let flags = ["--session=run-flag", "--agent=agent-flag", "--ttl=never"];
    let of_flags = ["run-flag", "agent-flag"].map(str::to_owned);
    assert_eq!(context(&push(&flags).await), (of_flags, None));
}

/// A new session is printed, and is another one each time, whatever session is set.
#[tokio::test]
async fn new_session_is_printed_and_unique() {
    let (_cairn, shell) = start().await;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        shell.write("a.txt", "a");
        let mut push = shell.cairn(&["push", "a.txt", "--new-session"]);
        push.env("CAIRN_SESSION_ID", "run-env");
        let done = program::run(&mut push).await.ok();
        let session = text(&done.json()["session_id"]).to_owned();
        assert_ne!(session, "run-env");
        sessions.push(session.clone());
        done.saying(&format!("session {session}"));
    }
    assert_ne!(sessions[0], sessions[1]);
}

/// Equal bytes are two artifacts, and the second is reported as deduplicated.
#[tokio::test]
async fn equal_bytes_are_two_artifacts_stored_once() {
    let (cairn, shell) = start().await;
    let content = content(100 << 10);
    let first = shell.push("a.bin", &content, &[]).await;
    let second = shell.push("b.bin", &content, &[]).await;
    assert_ne!(first["artifact_id"], second["artifact_id"]);
    assert_eq!(first["content_hash"], second["content_hash"]);
    assert_eq!(first["deduplicated"], false);
    assert_eq!(second["deduplicated"], true);
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await.len(), 1);
    for artifact in [first, second] {
        let id = text(&artifact["artifact_id"]);
        assert!(cairn.client.download(id).await.unwrap() == content);
    }
}

#[tokio::test]
async fn a_link_made_with_the_push_opens_without_credentials() {
    let (_cairn, shell) = start().await;
    for name in ["a.txt", "b.txt"] {
        shell.write(name, format!("for {name}"));
    }
    let pushed = shell.json(&["push", "a.txt", "b.txt", "--link"]).await;
    for artifact in pushed["artifacts"].as_array().unwrap() {
        assert_eq!(artifact["link"]["artifact_id"], artifact["artifact_id"]);
        let answer = reqwest::get(text(&artifact["link"]["url"])).await.unwrap();
        let expected = format!("for {}", text(&artifact["filename"]));
        assert_eq!(answer.text().await.unwrap(), expected);
    }
}

/// The time from its creation to its expiry; `None` if it never expires.
fn life_in_seconds(artifact: &Value) -> Option<i64> {
    let moment = |name: &str| -> jiff::Timestamp { text(&artifact[name]).parse().unwrap() };
    if artifact["expires_at"].is_null() {
        return None;
    }
    let life = moment("expires_at").duration_since(moment("created_at"));
    Some(life.as_secs())
}
