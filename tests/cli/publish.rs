//! `cairn push --unpublished` and `--atomic`, and `cairn session commit`.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{fs::File, io::AsyncWriteExt, process::Child};

use super::{Shell, artifacts, each, start, started, text};
use harness::{Bytes, Cairn, Setup, content, eventually, program};

const RUN: &str = "--session=run";
const ATOMIC: [&str; 4] = ["push", "out", "--atomic", RUN];

/// A shell with three files in the folder `out`, one of which is sent as a stream.
async fn with_files() -> (Cairn, Shell) {
    let (cairn, shell) = start().await;
    shell.write("out/a.txt", "a");
    shell.write("out/b/c.txt", "c");
    shell.write("out/big.bin", content(3 << 20));
    (cairn, shell)
}

/// The filenames of a list.
async fn visible(shell: &Shell) -> Vec<String> {
    let listed = shell.json(&["ls", RUN, "--order=name", "--all"]).await;
    let names = each(&listed["artifacts"], "filename").into_iter();
    names.map(|name| text(name).to_owned()).collect()
}

async fn unpublished(cairn: &Cairn) -> i64 {
    cairn.count("SELECT count(*) FROM pending_artifacts").await
}

/// What is pushed unpublished is invisible until the session commits it.
#[tokio::test]
async fn unpublished_push_is_invisible_until_commit() {
    let (_cairn, shell) = start().await;
    let mut ids = Vec::new();
    for name in ["b.txt", "a.txt"] {
        let pushed = shell.push(name, name, &["--unpublished", RUN]).await;
        assert_eq!(
            (&pushed["state"], &pushed["version"]),
            (&json!("unpublished"), &json!(0))
        );
        ids.push(text(&pushed["artifact_id"]).to_owned());
        // The same push again returns the same artifact, and prints no versions.
        let again = shell.run(&["push", name, "--unpublished", RUN]).await.ok();
        assert_eq!((again.json(), &*again.stderr), (pushed, ""));
    }
    assert!(visible(&shell).await.is_empty());
    let shown = shell.json(&["session", "show", "run"]).await;
    assert_eq!(
        (&shown["artifact_count"], &shown["unpublished_count"]),
        (&json!(0), &json!(2))
    );
    let committed = shell.json(&["session", "commit", "run"]).await;
    assert_eq!(
        committed["artifacts"],
        json!([
            {"artifact_id": ids[0], "filename": "b.txt", "version": 1},
            {"artifact_id": ids[1], "filename": "a.txt", "version": 1}
        ])
    );
    assert_eq!(
        committed["session"],
        shell.json(&["session", "show", "run"]).await
    );
    assert_eq!(visible(&shell).await, ["a.txt", "b.txt"]);
    let nothing = shell.json(&["session", "commit", "run"]).await;
    assert_eq!(nothing["artifacts"], json!([]));
}

#[tokio::test]
async fn a_commit_of_some_leaves_the_others_and_says_the_same_again() {
    let (cairn, shell) = start().await;
    let mut ids = Vec::new();
    for name in ["a.txt", "b.txt", "c.txt"] {
        let pushed = shell.push(name, name, &["--unpublished", RUN]).await;
        ids.push(text(&pushed["artifact_id"]).to_owned());
    }
    let commit = ["session", "commit", "run", &ids[0], &ids[2]];
    let committed = shell.json(&commit).await;
    assert_eq!(
        each(&committed["artifacts"], "filename"),
        ["a.txt", "c.txt"]
    );
    // Also when they are named in another order.
    let commit = ["session", "commit", "run", &ids[2], &ids[0]];
    assert_eq!(shell.json(&commit).await, committed);
    assert_eq!(unpublished(&cairn).await, 1);
    let sealed = shell
        .json(&["session", "commit", "run", &ids[1], "--seal"])
        .await;
    assert_eq!(sealed["session"]["is_sealed"], true);
    assert_eq!(sealed["session"]["artifact_count"], 3);
    let unknown = ["session", "commit", "run", "art_0123456789abcdef"];
    shell.run(&unknown).await.with_code(1).saying("sealed");
}

/// An atomic push publishes everything in one moment, with its versions.
#[tokio::test]
async fn atomic_push_publishes_everything_at_once() {
    let (cairn, shell) = with_files().await;
    let pushed = shell.json(&ATOMIC).await;
    let names = ["a.txt", "b/c.txt", "big.bin"];
    assert_eq!(each(&pushed["artifacts"], "filename"), names);
    let moments = each(&pushed["artifacts"], "created_at");
    assert!(
        moments.iter().all(|moment| *moment == moments[0]),
        "{moments:?}"
    );
    for artifact in pushed["artifacts"].as_array().unwrap() {
        let id = text(&artifact["artifact_id"]);
        let record = super::record(artifact.clone());
        assert_eq!(record, shell.json(&["inspect", id]).await);
        assert_eq!(
            (&record["version"], &record["state"]),
            (&json!(1), &json!("visible"))
        );
    }
    assert_eq!(
        pushed["session"],
        shell.json(&["session", "show", "run"]).await
    );
    // The same push again returns the same artifacts, published once.
    assert_eq!(shell.json(&ATOMIC).await, pushed);
    assert_eq!((artifacts(&cairn).await, unpublished(&cairn).await), (3, 0));
    // With one file that has changed, and with --seal.
    shell.write("out/a.txt", "changed");
    let sealed = shell
        .json(&[&ATOMIC[..], &["--seal", "--link"]].concat())
        .await;
    assert_eq!(each(&sealed["artifacts"], "version"), [2, 1, 1]);
    assert_eq!(sealed["session"]["is_sealed"], true);
    assert_eq!(sealed["session"]["artifact_count"], 4);
    for link in each(&sealed["artifacts"], "link") {
        let answer = reqwest::get(text(&link["url"])).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    // Also when all of it was published before.
    let again = shell
        .json(&[&ATOMIC[..], &["--seal", "--link"]].concat())
        .await;
    assert_eq!(again, sealed);
}

#[tokio::test]
async fn an_atomic_push_of_one_file_answers_as_one_of_several() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "a", &["--atomic", RUN]).await;
    assert_eq!(each(&pushed["artifacts"], "version"), [1]);
    let piped = ["push", "-", "--name=b.txt", "--atomic", RUN];
    let piped = shell.pipe(b"b", &piped).await.ok().json();
    assert_eq!(each(&piped["artifacts"], "filename"), ["b.txt"]);
    assert_eq!(piped["session"]["artifact_count"], 2);
}

/// When one file fails nothing is published, and the next push continues.
#[tokio::test]
async fn failed_atomic_push_publishes_nothing() {
    let (cairn, shell) = with_files().await;
    // Unpublished artifacts of another push are not published.
    shell
        .push("other.txt", "other", &["--unpublished", RUN])
        .await;
    shell.write("out/z.txt", "z");
    cairn
        .sql("ALTER TABLE pending_artifacts ADD CONSTRAINT no_z CHECK (filename <> 'z.txt')")
        .await;
    let done = shell.run(&ATOMIC).await.with_code(2).saying("z.txt");
    let told = done.saying("nothing was published in 'run'").json();
    assert_eq!(told["session"], Value::Null);
    assert_eq!(each(&told["artifacts"], "state"), ["unpublished"; 3]);
    assert!(visible(&shell).await.is_empty());

    cairn
        .sql("ALTER TABLE pending_artifacts DROP CONSTRAINT no_z")
        .await;
    let pushed = shell.json(&ATOMIC).await;
    let ids = each(&pushed["artifacts"], "artifact_id");
    assert_eq!(ids[..3], each(&told["artifacts"], "artifact_id"));
    assert_eq!(
        visible(&shell).await,
        ["a.txt", "b/c.txt", "big.bin", "z.txt"]
    );
    assert_eq!(unpublished(&cairn).await, 1);
}

#[tokio::test]
async fn what_cannot_be_published_together_is_not_even_pushed() {
    let (cairn, shell) = with_files().await;
    let mistakes: [(&[&str], &str); 6] = [
        (
            &["out", "missing.txt", "--atomic", RUN],
            "nothing was pushed",
        ),
        (&["out", "--atomic"], "--session"),
        (&["out", "--unpublished"], "--session"),
        (&["out", "--unpublished", "--atomic", RUN], "--atomic"),
        (&["out", "--unpublished", "--link", RUN], "--link"),
        (&["out", "--seal", RUN], "--atomic"),
    ];
    for (args, words) in mistakes {
        let done = shell.run(&[&["push"], args].concat()).await;
        assert_eq!(done.with_code(1).saying(words).text(), "", "{args:?}");
    }
    for n in 0..5001 {
        shell.write(&format!("many/{n}"), "");
    }
    let done = shell.run(&["push", "many", "--atomic", RUN]).await;
    done.with_code(1).saying("at most 5,000 files");
    assert_eq!((artifacts(&cairn).await, unpublished(&cairn).await), (0, 0));
}

/// A condition that does not hold at the commit keeps everything unpublished.
#[tokio::test]
async fn failed_if_version_publishes_nothing() {
    let (cairn, shell) = start().await;
    shell.push("plan.md", "one", &[RUN, "--agent=writer"]).await;
    let flags = ["--unpublished", RUN, "--if-version=1"];
    shell.push("plan.md", "mine", &flags).await;
    shell
        .push("notes.md", "notes", &["--unpublished", RUN])
        .await;
    shell
        .push("plan.md", "theirs", &[RUN, "--agent=writer"])
        .await;
    let done = shell.run(&["session", "commit", "run"]).await.with_code(1);
    done.saying("'plan.md' is at version 2, made by writer");
    assert_eq!(unpublished(&cairn).await, 2);
    // The same push, published at once.
    shell.write("plan.md", "mine");
    let push = ["push", "plan.md", "--atomic", RUN, "--if-version=1"];
    let done = shell.run(&push).await.with_code(1);
    let done = done.saying("nothing was published: 'plan.md' is at version 2");
    assert_eq!(done.json()["session"], Value::Null);
    assert_eq!(unpublished(&cairn).await, 2);
    assert_eq!(visible(&shell).await, ["plan.md", "plan.md"]);
}

#[tokio::test]
async fn what_is_there_unchanged_is_not_published_again() {
    let (cairn, shell) = with_files().await;
    let flags = [RUN, "--agent=other"];
    let there = shell
        .json(&[&["push", "out/a.txt"], &flags[..]].concat())
        .await;
    let pushed = shell.json(&[&ATOMIC[..], &["--if-changed"]].concat()).await;
    assert_eq!(each(&pushed["artifacts"], "existing"), [true, false, false]);
    assert_eq!(pushed["artifacts"][0]["artifact_id"], there["artifact_id"]);
    assert_eq!((artifacts(&cairn).await, unpublished(&cairn).await), (3, 0));
    // When all of it is stored, the unpublished artifacts of others are still not published.
    shell
        .push("other.txt", "other", &["--unpublished", RUN])
        .await;
    let again = [&ATOMIC[..], &["--if-changed", "--no-idempotency-key"]].concat();
    let again = shell.json(&again).await;
    assert_eq!(each(&again["artifacts"], "existing"), [true; 3]);
    assert_eq!(again["session"]["unpublished_count"], 1);
}

/// An atomic push of `a.txt` and of a pipe, which continues until the test ends it.
struct SlowPush {
    child: Child,
    pipe: File,
}

const SLOW: [&str; 5] = ["push", "a.txt", "pipe", "--atomic", RUN];

impl SlowPush {
    async fn start(shell: &Shell) -> Self {
        shell.write("a.txt", "a");
        let path = shell.path("pipe");
        let mut mkfifo = program::command("mkfifo".as_ref());
        program::run(mkfifo.arg(&path)).await.ok();
        let child = shell.cairn(&SLOW).spawn().unwrap();
        // Opening it waits until the push reads.
        let mut pipe = File::options().write(true).open(&path).await.unwrap();
        pipe.write_all(b"half").await.unwrap();
        Self { child, pipe }
    }

    /// Waits until `a.txt` is stored unpublished.
    async fn has_stored_the_other(&self, cairn: &Cairn) {
        let waiting = "SELECT count(*) FROM pending_artifacts WHERE filename = 'a.txt'";
        eventually("it is stored", async || cairn.count(waiting).await == 1).await;
    }

    async fn goes_on(self) -> program::Done {
        drop(self.pipe);
        program::end_of(self.child).await
    }
}

/// An interrupted push publishes nothing, and the same push again continues.
#[tokio::test]
async fn interrupted_atomic_push_publishes_nothing() {
    let (cairn, shell) = start().await;
    let push = SlowPush::start(&shell).await;
    push.has_stored_the_other(&cairn).await;
    program::signal(&push.child, Signal::KILL);
    assert_eq!(push.goes_on().await.code, None);
    assert!(visible(&shell).await.is_empty());
    assert_eq!(unpublished(&cairn).await, 1);

    fs::remove_file(shell.path("pipe")).unwrap();
    shell.write("pipe", "whole");
    let pushed = shell.json(&SLOW).await;
    assert_eq!(each(&pushed["artifacts"], "version"), [1, 1]);
    assert_eq!(visible(&shell).await, ["a.txt", "pipe"]);
    assert_eq!((artifacts(&cairn).await, unpublished(&cairn).await), (2, 0));
}

/// A commit whose answer is lost is retried, and publishes once.
#[tokio::test]
async fn commit_with_a_lost_answer_publishes_once() {
    let (cairn, shell) = started(Setup::on(Bytes::Files).proxied()).await;
    let names = ["a.txt", "b.txt"];
    for (version, commit) in [
        (1, &["push", "a.txt", "b.txt", "--atomic", RUN][..]),
        (2, &["session", "commit", "run"]),
    ] {
        // A stored file is only looked up: the next transaction is the commit.
        for name in names {
            let content = format!("{name} {version}");
            shell.push(name, content, &["--unpublished", RUN]).await;
        }
        cairn.postgres_proxy().lose_answer_to(b"COMMIT\0");
        let done = shell.run(commit).await.ok().saying("trying again");
        assert!(cairn.postgres_proxy().has_lost_it());
        let artifacts = &done.json()["artifacts"];
        assert_eq!(each(artifacts, "filename"), names);
        assert_eq!(each(artifacts, "version"), [version; 2]);
    }
    assert_eq!((artifacts(&cairn).await, unpublished(&cairn).await), (4, 0));
}

#[tokio::test]
async fn what_others_publish_meanwhile_does_not_keep_back_the_rest() {
    let (cairn, shell) = start().await;
    let push = SlowPush::start(&shell).await;
    push.has_stored_the_other(&cairn).await;
    let committed = shell.json(&["session", "commit", "run"]).await;
    assert_eq!(each(&committed["artifacts"], "filename"), ["a.txt"]);
    let pushed = push.goes_on().await.ok().json();
    assert_eq!(each(&pushed["artifacts"], "version"), [1, 1]);
    assert_eq!(each(&pushed["artifacts"], "state"), ["visible"; 2]);
    assert_eq!((artifacts(&cairn).await, unpublished(&cairn).await), (2, 0));
}

/// A discarded artifact is pushed again, unless an explicit key covers it.
#[tokio::test]
async fn discarded_artifact_is_pushed_again() {
    let (_cairn, shell) = start().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let pushed = shell.push("a.txt", "a", &["--unpublished", RUN]).await;
        let id = text(&pushed["artifact_id"]).to_owned();
        shell.json(&["rm", &id]).await;
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1]);
    let pushed = shell.push("a.txt", "a", &["--atomic", RUN]).await;
    assert_eq!(each(&pushed["artifacts"], "version"), [1]);

    let flags = ["--unpublished", RUN, "--idempotency-key=k"];
    let pushed = shell.push("b.txt", "b", &flags).await;
    shell.json(&["rm", text(&pushed["artifact_id"])]).await;
    let again = shell.run(&[&["push", "b.txt"], &flags[..]].concat()).await;
    again
        .with_code(1)
        .saying("with this idempotency key was discarded");
}

#[tokio::test]
async fn the_same_atomic_push_made_by_two_at_a_time_publishes_once() {
    let (cairn, shell) = with_files().await;
    for n in 0..30 {
        shell.write(&format!("out/{n}"), n.to_string());
    }
    let both = [(); 2].map(|()| shell.json(&ATOMIC));
    let both = futures_util::future::join_all(both).await;
    let [one, other] = [&both[0], &both[1]].map(|told| each(&told["artifacts"], "artifact_id"));
    assert_eq!(one, other);
    assert_eq!(
        (artifacts(&cairn).await, unpublished(&cairn).await),
        (33, 0)
    );
}
