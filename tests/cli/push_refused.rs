//! `cairn push` that fails or is interrupted.

use std::{fs::File, process::Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::{artifacts, each, start, text};
use harness::{content, eventually, program};

/// A file that fails does not stop the others, and the exit code reports it.
#[tokio::test]
async fn failed_file_does_not_stop_the_others() {
    let (_cairn, shell) = start().await;
    // A refusal by the server is a mistake like a missing file.
    for name in ["a.txt", "b\\c.txt", "d.txt"] {
        shell.write(name, name);
    }
    let done = shell
        .run(&["push", "a.txt", "missing.txt", "b\\c.txt", "d.txt"])
        .await
        .with_code(1)
        .saying("missing.txt: No such file")
        .saying("b\\c.txt: ");
    let pushed = done.json();
    assert_eq!(each(&pushed["artifacts"], "filename"), ["a.txt", "d.txt"]);
}

#[tokio::test]
async fn a_file_that_fails_alone_prints_no_data() {
    let (_cairn, shell) = start().await;
    let done = shell.run(&["push", "missing.txt"]).await.with_code(1);
    assert_eq!(done.text(), "");
}

#[tokio::test]
async fn standard_input_without_a_name_is_the_callers_mistake() {
    let (cairn, shell) = start().await;
    let done = shell.pipe(b"text", &["push", "-"]).await;
    done.with_code(1).saying("--name");
    assert_eq!(artifacts(&cairn).await, 0);
}

#[tokio::test]
async fn every_refused_field_is_printed_with_its_rule() {
    let (cairn, shell) = start().await;
    shell.write("a.txt", "a");
    let args = [
        "push",
        "a.txt",
        "--name=../../evil",
        "--meta=1x=y",
        "--session=a\nb",
    ];
    let done = shell.run(&args).await.with_code(1);
    for field in ["filename: ", "session_id: ", "metadata"] {
        assert!(done.stderr.contains(field), "{field} in {}", done.stderr);
    }
    let done = shell.run(&[&args[..], &["--json"]].concat()).await;
    let error: Value = serde_json::from_str(&done.with_code(1).stderr).unwrap();
    let error = &error["error"];
    assert_eq!(error["code"], "invalid_request");
    assert_eq!(error["status"], 400);
    assert_eq!(error["fields"].as_array().unwrap().len(), 3, "{error}");
    assert_eq!(artifacts(&cairn).await, 0);
}

#[tokio::test]
async fn filenames_that_could_leave_a_folder_cannot_be_stored() {
    let (cairn, shell) = start().await;
    shell.write("a.txt", "a");
    for name in ["../../evil", "/etc/x", "a/../b", "a//b", ".", "a\nb", ""] {
        let done = shell.run(&["push", "a.txt", "--name", name]).await;
        done.with_code(1).saying("filename");
    }
    assert_eq!(artifacts(&cairn).await, 0);
}

#[tokio::test]
async fn bad_arguments_are_refused_before_sending() {
    let (cairn, shell) = start().await;
    shell.write("a.txt", "a");
    shell.write("b/a.txt", "a");
    let mistakes: [(&[&str], &str); 15] = [
        (&[], "FILE|DIR|-"),
        (&["a.txt", "--kind=novel"], "document"),
        (&["a.txt", "--stage=done"], "review"),
        (&["a.txt", "--if-version=-1"], "--if-version"),
        (&["a.txt", "--idempotency-key="], "--idempotency-key"),
        (
            &["a.txt", "--idempotency-key=k", "--no-idempotency-key"],
            "--no-idempotency-key",
        ),
        (&["a.txt", "a.txt", "--idempotency-key=k"], "two of these"),
        (&["b", "--idempotency-key=k"], "single file"),
        (&["a.txt", "--ttl=0s"], "more than zero"),
        (&["a.txt", "--ttl=soon"], "2w, 30d, 24h, 90m or 45s"),
        (&["a.txt", "--meta=x"], "key=value"),
        (&["a.txt", "--meta=x=1", "--meta=x=2"], "given twice"),
        (&["a.txt", "--colour=red"], "--colour"),
        (&["a.txt", "b", "--name=c"], "single file"),
        (&["a.txt", "b"], "two of these would be named a.txt"),
    ];
    for (args, words) in mistakes {
        let done = shell.run(&[&["push"], args].concat()).await;
        let done = done.with_code(1).saying(words);
        assert_eq!(done.text(), "", "{args:?}");
    }
    assert_eq!(artifacts(&cairn).await, 0);
}

#[tokio::test]
async fn a_late_push_into_a_sealed_session_fails_with_exit_code_1() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "a", &["--session=demo"]).await;
    shell.json(&["session", "seal", "demo"]).await;
    let words = "Session 'demo' is sealed. No new artifacts can be added.";
    shell.write("a.txt", "b");
    let late = ["push", "a.txt", "--session=demo"];
    shell.run(&late).await.with_code(1).saying(words);
    // A streamed file, too.
    let stream = ["push", "-", "--name=b.bin", "--session=demo", "--json"];
    let done = shell.pipe(&content(2 << 20), &stream).await.with_code(1);
    let error: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(error["error"]["code"], "session_sealed");
    assert_eq!(error["error"]["status"], 409);
    let message = text(&error["error"]["message"]);
    assert_eq!(message, format!("b.bin: {words}"));
}

/// Starts to push standard input, and ends the process by a signal while its bytes are being sent.
async fn a_push_ended_by(signal: Signal, code: Option<i32>) {
    let (cairn, shell) = start().await;
    let args = ["push", "-", "--name=half.bin", "--session=run"];
    let mut push = shell.cairn(&args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = push.stdin.take().unwrap();
    stdin.write_all(&content(12 << 20)).await.unwrap();
    eventually("bytes have arrived", async || {
        !cairn.stored().await.is_empty()
    })
    .await;

    program::signal(&push, signal);
    let done = program::end_of(push).await;
    assert_eq!((done.code, done.text()), (code, ""), "{}", done.stderr);
    drop(stdin);
    let listed = shell.json(&["ls", "--all"]).await;
    assert_eq!(listed["artifacts"], json!([]));
    eventually("nothing is left but garbage", async || {
        cairn.collect_everything().await;
        cairn.stored().await.is_empty()
    })
    .await;
    assert_eq!(artifacts(&cairn).await, 0);
}

#[tokio::test]
async fn a_push_that_is_interrupted_in_midstream_leaves_nothing() {
    a_push_ended_by(Signal::INT, Some(130)).await;
}

#[tokio::test]
async fn a_push_that_is_killed_in_midstream_leaves_nothing() {
    a_push_ended_by(Signal::KILL, None).await;
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_not_stored() {
    let (cairn, shell) = start().await;
    let log = File::create(shell.path("log.txt")).unwrap();
    // Takes no disk space, and takes so long to read that the change comes in between.
    log.set_len(4 << 30).unwrap();
    // With a key, the file would be read for that first.
    let args = ["push", "log.txt", "--no-idempotency-key"];
    let push = shell.cairn(&args).spawn().unwrap();
    eventually("bytes have arrived", async || {
        !cairn.stored().await.is_empty()
    })
    .await;
    log.set_len(1).unwrap();
    let done = program::end_of(push).await;
    done.with_code(1).saying("log.txt: the file changed");
    assert_eq!(artifacts(&cairn).await, 0);
}
