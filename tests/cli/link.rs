//! `cairn link`.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{each, start, text};
use harness::program;

/// Reads a link without a key.
async fn open(link: &Value) -> (StatusCode, String) {
    let answer = reqwest::get(text(&link["url"])).await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_link_opens_without_credentials_until_it_is_revoked() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "for everyone", &[]).await;
    let id = text(&pushed["artifact_id"]);
    let link = shell.json(&["link", id]).await;
    let link_id = text(&link["link_id"]);
    assert!(link_id.starts_with("lnk_") && link_id.len() == 24);
    assert_eq!(link["artifact_id"], id);
    assert_eq!(link["revoked_at"], Value::Null);
    assert!(text(&link["url"]).ends_with(link_id));
    assert_eq!(seconds_of(&link), 7 * 86_400);
    assert_eq!(open(&link).await, (StatusCode::OK, "for everyone".into()));

    assert_eq!(shell.json(&["link", "show", link_id]).await, link);
    let revoked = shell.json(&["link", "revoke", link_id]).await;
    assert!(text(&revoked["revoked_at"]).ends_with('Z'));
    let (status, body) = open(&link).await;
    assert_eq!(status, StatusCode::GONE);
    assert!(!body.contains("for everyone"));
    assert_eq!(shell.json(&["link", "show", link_id]).await, revoked);
}

#[tokio::test]
async fn a_link_works_as_long_as_it_was_asked_to() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "a", &[]).await;
    let id = text(&pushed["artifact_id"]);
    let link = shell.json(&["link", id, "--expires-in=90m"]).await;
    assert_eq!(seconds_of(&link), 90 * 60);
    for wrong in ["0s", "-1s", "never", "1.5h"] {
        let expires_in = format!("--expires-in={wrong}");
        let done = shell.run(&["link", id, &expires_in]).await;
        done.with_code(1).saying("--expires-in");
    }
}

#[tokio::test]
async fn a_link_with_a_password_opens_with_it_until_used_up() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "for one", &[]).await;
    let id = text(&pushed["artifact_id"]);
    let options = ["link", id, "--password-stdin", "--max-downloads=1"];
    let done = shell.pipe(b"open sesame\n", &options).await;
    let link = done.ok().json();
    assert_eq!(link["password_protected"], true);
    assert_eq!(link["max_downloads"], 1);
    assert_eq!(open(&link).await.0, StatusCode::UNAUTHORIZED);
    let with_password = async || {
        let get = reqwest::Client::new().get(text(&link["url"]));
        let answer = get
            .basic_auth("", Some("open sesame"))
            .send()
            .await
            .unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    assert_eq!(with_password().await, (StatusCode::OK, "for one".into()));
    assert_eq!(with_password().await.0, StatusCode::GONE);
    let done = shell.pipe(b"", &options).await;
    done.with_code(1).saying("--password-stdin");
}

#[tokio::test]
async fn a_session_is_linked_by_its_flag_and_never_by_mistake() {
    let (_cairn, shell) = start().await;
    for name in ["out/a.txt", "b.txt"] {
        let named = format!("--name={name}");
        let file = name.rsplit('/').next().unwrap();
        shell.push(file, name, &["--session=run", &named]).await;
    }
    let whole = shell.json(&["link", "--session=run"]).await;
    assert_eq!(whole["session_id"], "run");
    assert_eq!(
        (&whole["artifact_id"], &whole["folder"]),
        (&Value::Null, &Value::Null)
    );
    let files = async |link: &Value| -> Value {
        let (status, body) = open(link).await;
        assert_eq!(status, StatusCode::OK);
        let list: Value = serde_json::from_str(&body).unwrap();
        json!(each(&list["files"], "filename"))
    };
    assert_eq!(files(&whole).await, json!(["b.txt"]));
    let options = ["link", "--session=run", "--folder=out", "--expires-in=1h"];
    let folder = shell.json(&options).await;
    assert_eq!(
        (&folder["folder"], seconds_of(&folder)),
        (&json!("out/"), 3600)
    );
    assert_eq!(files(&folder).await, json!(["out/a.txt"]));
    let listed = shell.json(&["link", "ls", "--session=run"]).await;
    assert_eq!(listed["links"], json!([folder, whole]));

    // The environment's session is that of a name, and is not published.
    let mut unset = shell.cairn(&["link"]);
    let done = program::run(unset.env("CAIRN_SESSION_ID", "run")).await;
    done.with_code(1).saying("ID");
    for wrong in [
        &["link", "--session=never"][..],
        &["link", "--folder=out"],
        &["link", "--session=run", "--folder=../x"],
        &["link", "--session=run", "--folder=out", "--name=b.txt"],
        &["link", "--session=run", "--user=ann"],
        &["link", "art_0123456789abcdef", "--session=run"],
    ] {
        shell.run(wrong).await.with_code(1);
    }
}

/// Links are listed newest first, in pages, and also those of one artifact.
#[tokio::test]
async fn links_are_listed_newest_first_in_pages() {
    let (_cairn, shell) = start().await;
    let mut links = Vec::new();
    for name in ["a.txt", "b.txt", "a.txt"] {
        let pushed = shell.push(name, name, &[]).await;
        let id = text(&pushed["artifact_id"]).to_owned();
        links.insert(0, shell.json(&["link", &id]).await);
    }
    let all = json!({"links": links, "has_more": false, "next_cursor": null});
    assert_eq!(shell.json(&["link", "ls"]).await, all);

    let artifact = text(&links[1]["artifact_id"]);
    let of_one = shell.json(&["link", "ls", "--artifact", artifact]).await;
    assert_eq!(of_one["links"], json!([links[1]]));

    let page = shell.json(&["link", "ls", "--limit=2"]).await;
    assert_eq!(page["has_more"], true);
    let token = text(&page["next_cursor"]);
    let rest = shell.json(&["link", "ls", "--page-token", token]).await;
    assert_eq!(each(&rest["links"], "link_id"), [&links[2]["link_id"]]);
}

#[tokio::test]
async fn a_link_that_is_not_there_is_the_callers_mistake() {
    let (_cairn, shell) = start().await;
    for verb in ["show", "revoke"] {
        let unknown = ["link", verb, "lnk_0123456789abcdefghij", "--json"];
        let done = shell.run(&unknown).await.with_code(1);
        let error: Value = serde_json::from_str(&done.stderr).unwrap();
        assert_eq!(error["error"]["code"], "link_not_found");
        assert_eq!(error["error"]["status"], 404);
    }
    shell.run(&["link"]).await.with_code(1).saying("ID");
}

fn seconds_of(link: &Value) -> i64 {
    let moment = |name: &str| -> jiff::Timestamp { text(&link[name]).parse().unwrap() };
    let life = moment("expires_at").duration_since(moment("created_at"));
    life.as_secs()
}
