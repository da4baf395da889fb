//! Artifacts by name, in place of ids.

use serde_json::{Value, json};

use super::{Shell, start, text};
use harness::program;

/// Two versions of a name in each of these scopes.
const SCOPES: [&[&str]; 4] = [
    &[],
    &["--session=run"],
    &["--user=ada"],
    &["--session=run", "--namespace=app", "--user=ada"],
];

/// The content of a version of the name.
fn content(scope: &[&str], version: i64) -> String {
    format!("{scope:?} {version}")
}

async fn filled() -> (harness::Cairn, Shell) {
    let (cairn, shell) = start().await;
    for version in [1, 2] {
        for scope in SCOPES {
            let flags = [&["--name=notes/a.txt"], scope].concat();
            shell.push("tmp", content(scope, version), &flags).await;
        }
    }
    (cairn, shell)
}

/// A name means its latest version in exactly its scope, and with a version number that version.
#[tokio::test]
async fn name_means_the_latest_version_in_its_scope() {
    let (_cairn, shell) = filled().await;
    for scope in SCOPES {
        for (flag, version) in [(None, 2), (Some("--version=1"), 1)] {
            let name: Vec<_> = ["--name=notes/a.txt"].into_iter().chain(flag).collect();
            let with = |verb: &[&'static str]| [verb, &name, scope].concat();
            let record = shell.json(&with(&["inspect"])).await;
            assert_eq!(record["version"], version, "{scope:?}");

            let done = shell.run(&with(&["pull", "-o", "-"])).await.ok();
            assert_eq!(done.text(), content(scope, version));

            let link = shell.json(&with(&["link"])).await;
            assert_eq!(link["artifact_id"], record["artifact_id"]);
        }
    }
}

/// A file pulled by name is written like one pulled by id, and a session is still pulled whole.
#[tokio::test]
async fn pull_by_name_writes_like_pull_by_id() {
    let (_cairn, shell) = filled().await;
    let scope = ["--session=run", "--name=notes/a.txt"];
    let pull = [&["pull"], &scope[..]].concat();
    assert_eq!(shell.json(&pull).await["path"], "a.txt");
    shell.write("a.txt", "mine");
    shell.run(&pull).await.with_code(1).saying("exists already");
    shell
        .run(&[&pull[..], &["-o", "there"]].concat())
        .await
        .ok();
    assert_eq!(shell.read("there"), content(SCOPES[1], 2).as_bytes());

    let whole = ["pull", "--session=run", "--user=ada", "-o", "in"];
    let whole = shell.json(&whole).await;
    assert_eq!(whole["artifacts"].as_array().unwrap().len(), 1);
    assert_eq!(
        shell.read("in/notes/a.txt"),
        content(SCOPES[3], 2).as_bytes()
    );
}

/// Deleting a name deletes its latest version in its scope, or the version that is given.
#[tokio::test]
async fn rm_by_name_deletes_the_latest_or_given_version() {
    let (_cairn, shell) = filled().await;
    let scope = ["--name=notes/a.txt", "--session=run"];
    let latest = shell.json(&[&["inspect"], &scope[..]].concat()).await;
    let id = text(&latest["artifact_id"]);
    let dry = shell
        .json(&[&["rm", "--dry-run"], &scope[..]].concat())
        .await;
    let would = json!({"artifact_id": id, "deleted": false, "deleted_at": null});
    assert_eq!(dry, would);
    let removed = shell.json(&[&["rm"], &scope[..]].concat()).await;
    assert_eq!(
        (&removed["artifact_id"], &removed["deleted"]),
        (&json!(id), &json!(true))
    );
    let left = shell
        .json(&[&["versions", "notes/a.txt"], &scope[1..]].concat())
        .await;
    assert_eq!(left["artifacts"][0]["version"], 1);

    let first = [&["rm", "--version=1"], &scope[..1]].concat();
    shell.json(&first).await;
    shell.run(&first).await.with_code(1).saying("deleted");
    let left = shell.json(&["versions", "notes/a.txt"]).await;
    assert_eq!(left["artifacts"][0]["version"], 2);
    assert_eq!(
        shell.json(&["ls"]).await["artifacts"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
}

/// The session of the environment applies to a name as it applies to a push.
#[tokio::test]
async fn environment_session_applies_to_names() {
    let (_cairn, shell) = filled().await;
    let run = async |args: &[&str], session: &str| {
        let mut command = shell.cairn(args);
        program::run(command.env("CAIRN_SESSION_ID", session)).await
    };
    let session_of = async |args: &[&str], session: &str| {
        let args = [&["inspect", "--name=notes/a.txt"], args].concat();
        run(&args, session).await.ok().json()["session_id"].take()
    };
    assert_eq!(session_of(&[], "run").await, "run");
    assert_eq!(session_of(&[], "").await, Value::Null);
    assert_eq!(session_of(&["--session=run"], "other").await, "run");
    let versions = run(&["versions", "notes/a.txt"], "run").await.ok().json();
    assert_eq!(versions["artifacts"][0]["session_id"], "run");
    // An id means the same artifact in every session, and a typo must not pull a whole session.
    let id = text(&versions["artifacts"][0]["artifact_id"]);
    run(&["pull", id, "-o", "-"], "run").await.ok();
    run(&["link", "ls"], "run").await.ok();
    run(&["pull", "-o", "in"], "run")
        .await
        .with_code(1)
        .saying("--name");
}

#[tokio::test]
async fn what_is_not_said_clearly_is_the_callers_mistake() {
    let (_cairn, shell) = filled().await;
    let id = "art_0123456789abcdef";
    let mistakes: [(&[&str], &str); 9] = [
        (&[], "--name FILENAME"),
        (&[id, "--name=a.txt"], "not both"),
        (&[id, "--session=run"], "for --name"),
        (&[id, "--user=ada"], "for --name"),
        (&[id, "--version=1"], "--name"),
        (&["--name="], "--name"),
        (&["--name=notes/a.txt", "--session="], "--session"),
        (&["--name=notes/a.txt", "--version=0"], "--version"),
        (&["--name=notes/a.txt", "--version=latest"], "--version"),
    ];
    for verb in ["inspect", "pull", "rm", "link"] {
        for (args, words) in mistakes {
            let done = shell.run(&[&[verb], args].concat()).await;
            assert_eq!(
                done.with_code(1).saying(words).text(),
                "",
                "{verb} {args:?}"
            );
        }
    }
    assert_eq!(
        shell.json(&["ls"]).await["artifacts"]
            .as_array()
            .unwrap()
            .len(),
        8
    );
}

#[tokio::test]
async fn a_name_that_nothing_has_is_not_found_by_any_verb() {
    let (_cairn, shell) = filled().await;
    let names: [&[&str]; 3] = [
        &["--name=other.txt"],
        &["--name=notes/a.txt", "--session=other"],
        &["--name=notes/a.txt", "--version=3"],
    ];
    for verb in ["inspect", "pull", "rm", "link"] {
        for name in names {
            let done = shell.run(&[&[verb, "--json"], name].concat()).await;
            let error: Value = serde_json::from_str(&done.with_code(1).stderr).unwrap();
            assert_eq!(
                error["error"]["code"], "artifact_not_found",
                "{verb} {name:?}"
            );
            assert_eq!(error["error"]["status"], 404);
        }
    }
}
