//! A push whose answer is lost is retried, and takes effect once.

use std::{fs::File, process::Stdio, time::Duration};

use cairn_proto::v1::{UploadArtifactRequest, upload_artifact_request::Message};
use serde_json::{Value, json};
use tokio::{process::Child, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{
    Shell, artifacts,
    impostor::{Claim, Impostor},
    start, started, text,
};
use harness::{Bytes, Lines, Proxy, Setup, content, end, eventually, program, spec};

/// Waits until a running command prints these words.
async fn says(child: &mut Child, words: &str) {
    Lines::of(child).until(words).await;
}

/// A shell before an impostor that gives all these answers before it accepts an artifact.
async fn before(refusals: Vec<Status>) -> (Shell, Impostor) {
    let claims = vec![Claim::honest("a.txt", b"a")];
    let impostor = Impostor::who_first_says(refusals, claims).await;
    let shell = Shell::at(&impostor.address.to_string(), "key").await;
    shell.write("a.txt", "a");
    (shell, impostor)
}

fn gone() -> Status {
    Status::unavailable("gone for a moment")
}

fn in_progress() -> Status {
    let mut details = ErrorDetails::with_error_info("IDEMPOTENCY_IN_PROGRESS", "cairn.dev", []);
    details.set_retry_info(Some(Duration::from_millis(10)));
    Status::with_error_details(Code::Aborted, "under way", details)
}

/// A push is sent again until it is answered, and is the same each time.
#[tokio::test]
async fn push_is_retried_unchanged_until_answered() {
    for flags in [&[][..], &["--idempotency-key=mine"]] {
        let (shell, impostor) = before(vec![gone(), in_progress(), gone()]).await;
        let done = shell.run(&[&["push", "a.txt"], flags].concat()).await.ok();
        let done = done.saying("a.txt: lost the server: gone for a moment; trying again in 500ms");
        assert_eq!(done.json()["filename"], "a.txt");
        done.saying("is under way; waiting for its answer");

        let sent = impostor.sent.lock().unwrap();
        assert_eq!(sent.len(), 4);
        assert!(sent.iter().all(|request| *request == sent[0]));
        let spec = sent[0].spec.as_ref().unwrap();
        let key = &spec.idempotency_key;
        assert!(key.starts_with("cairn-push-") || key == "mine", "{key}");
        assert_eq!(sent[0].content, "a");
    }
}

#[tokio::test]
async fn a_push_without_a_key_is_sent_once() {
    let (shell, impostor) = before(vec![gone()]).await;
    let push = ["push", "a.txt", "--no-idempotency-key"];
    let done = shell.run(&push).await.with_code(3);
    assert_eq!(done.text(), "");
    assert_eq!(impostor.sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_refused_for_good_is_sent_once() {
    let details = ErrorDetails::with_error_info("SESSION_SEALED", "cairn.dev", []);
    let sealed = Status::with_error_details(Code::FailedPrecondition, "sealed", details);
    let (shell, impostor) = before(vec![sealed]).await;
    shell.run(&["push", "a.txt"]).await.with_code(1);
    assert_eq!(impostor.sent.lock().unwrap().len(), 1);
}

/// When a push is lost too often, the error blames the network, and a program reads only that error.
#[tokio::test]
async fn push_lost_too_often_blames_the_network() {
    let (shell, impostor) = before(vec![gone(); 9]).await;
    let done = shell.run(&["push", "a.txt", "--json"]).await.with_code(3);
    let error: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(error["error"]["code"], "network");
    assert_eq!(impostor.sent.lock().unwrap().len(), 5);
}

/// An answer before all content was sent is accepted only if the content was declared.
#[tokio::test]
async fn early_answer_needs_declared_content() {
    let bytes = content(16 << 20);
    for (claimed, flags, code) in [
        (&bytes[..], &[][..], 0),
        (&bytes[..], &["--no-idempotency-key"], 2),
        (&bytes[1..], &[], 2),
    ] {
        let claims = vec![Claim::honest("a.bin", claimed)];
        let impostor = Impostor::who_claims(claims).await;
        let shell = Shell::at(&impostor.address.to_string(), "key").await;
        shell.write("a.bin", &bytes);
        let done = shell.run(&[&["push", "a.bin"], flags].concat()).await;
        done.with_code(code);
    }
}

#[tokio::test]
async fn a_push_while_the_same_is_under_way_waits_for_its_answer() {
    let (cairn, shell) = start().await;
    let (messages, receiver) = mpsc::channel(1);
    let mut client = cairn.client.artifacts.clone();
    let first =
        tokio::spawn(async move { client.upload_artifact(ReceiverStream::new(receiver)).await });
    let mut spec = spec("a.bin");
    spec.idempotency_key = "k".to_owned();
    let bytes = content(100 << 10);
    for message in [Message::Spec(spec), Message::Data(bytes.clone().into())] {
        let message = UploadArtifactRequest {
            message: Some(message),
        };
        messages.send(message).await.unwrap();
    }
    eventually("the key is claimed", async || {
        cairn.count("SELECT count(*) FROM idempotency_keys").await == 1
    })
    .await;

    shell.write("a.bin", &bytes);
    let push = ["push", "a.bin", "--idempotency-key=k"];
    let mut second = shell.cairn(&push).spawn().unwrap();
    says(&mut second, "waiting for its answer").await;
    let message = Some(end());
    messages
        .send(UploadArtifactRequest { message })
        .await
        .unwrap();
    drop(messages);
    let first = first.await.unwrap().unwrap().into_inner();
    let second = program::end_of(second).await.ok().json();
    let id = first.artifact.unwrap().artifact_id;
    assert_eq!(text(&second["artifact_id"]), id);
    assert_eq!(artifacts(&cairn).await, 1);
}

/// A push that loses its server in midstream is sent again, and makes one artifact.
#[tokio::test]
async fn push_cut_in_midstream_makes_one_artifact() {
    let (cairn, shell) = start().await;
    let address = cairn.grpc_url.strip_prefix("http://").unwrap();
    let proxy = Proxy::before_tcp(address).await;
    // Takes no disk space, and takes so long to send that the cut comes in between.
    let file = File::create(shell.path("a.bin")).unwrap();
    file.set_len(200 << 20).unwrap();
    let mut push = shell.cairn(&["push", "a.bin"]);
    push.env("CAIRN_ADDR", proxy.address.to_string());
    let mut push = push.stdout(Stdio::piped()).spawn().unwrap();
    eventually("bytes have arrived", async || {
        !cairn.stored().await.is_empty()
    })
    .await;
    proxy.cut();
    says(&mut push, "a.bin: lost the server").await;
    proxy.restore();
    let pushed = program::end_of(push).await.ok().json();
    assert_eq!(
        (&pushed["version"], &pushed["size_bytes"]),
        (&json!(1), &json!(200 << 20))
    );
    assert_eq!(artifacts(&cairn).await, 1);
}

#[tokio::test]
async fn a_push_rides_over_a_database_that_is_away_for_a_moment() {
    let (cairn, shell) = started(Setup::on(Bytes::Files).proxied()).await;
    cairn.postgres_proxy().cut();
    shell.write("a.txt", "a");
    let mut push = shell.cairn(&["push", "a.txt"]).spawn().unwrap();
    says(&mut push, "trying again").await;
    cairn.postgres_proxy().restore();
    program::end_of(push).await.ok();
    assert_eq!(artifacts(&cairn).await, 1);
}
