//! However an upload ends, there is its artifact, or nothing.

use cairn_proto::v1::{ArtifactSpec, FinishUploadRequest, OnDuplicate, UploadEnd, UploadState};
use futures_util::future::join_all;
use tonic::Code;

use super::{MIB, hash_of};
use harness::{Bytes, Cairn, OpenWrite, Setup, content, eventually, refused, session_spec, spec};

harness::on_s3_and_files!(
    finished_twice_is_one_artifact,
    aborted_upload_leaves_nothing,
    forgotten_upload_expires_and_leaves_nothing,
    same_bytes_as_another_share_its_object,
);

/// An upload with some acknowledged parts.
async fn begun(cairn: &Cairn, name: &str) -> String {
    let client = &cairn.client;
    let upload = client
        .start_upload(session_spec(name, "run"))
        .await
        .unwrap();
    let id = upload.upload_id;
    client.write_upload(&id, 0, content(9 * MIB)).await.unwrap();
    id
}

async fn nothing_is_left(cairn: &Cairn) {
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await, Vec::<String>::new());
    cairn.sql("UPDATE uploads SET expires_at = now()").await;
    cairn.pass("upload_rows").await;
    assert_eq!(cairn.count("SELECT count(*) FROM uploads").await, 0);
    assert_eq!(cairn.count("SELECT count(*) FROM upload_parts").await, 0);
}

async fn finished_twice_is_one_artifact(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let client = &cairn.client;
    let id = begun(&cairn, "a").await;
    let both = join_all((0..4).map(|_| client.finish_upload(&id))).await;
    let mut first = None;
    for outcome in both {
        match outcome {
            Ok(artifact) => {
                let id = first.get_or_insert(artifact.artifact_id.clone());
                assert_eq!(*id, artifact.artifact_id);
            }
            // A later call took it over, or an earlier one was not done.
            Err(status) => {
                let reason = refused::<()>(Err(status)).reason;
                assert!(
                    ["LAST_WRITER", "UNAVAILABLE"].contains(&&*reason),
                    "{reason}"
                );
            }
        }
    }
    let again = client.finish_upload(&id).await.unwrap();
    assert_eq!(
        first.unwrap_or_else(|| again.artifact_id.clone()),
        again.artifact_id
    );
    assert_eq!(again.version, 1);
    assert!(client.download(&again.artifact_id).await.unwrap() == content(9 * MIB));
    let refusal = refused(client.write_upload(&id, 9 * MIB as i64, vec![1]).await);
    assert_eq!(refusal.reason, "UPLOAD_NOT_FOUND");
    let refusal = refused(client.abort_upload(&id).await);
    assert_eq!(refusal.reason, "UPLOAD_NOT_FOUND");
    assert!(client.get(&again.artifact_id).await.is_ok());
}

async fn aborted_upload_leaves_nothing(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let client = &cairn.client;
    let id = begun(&cairn, "a").await;
    let writer = OpenWrite::begin(client, &id, 9 * MIB as i64).await;
    writer.send(&content(MIB)).await;
    let taken = "SELECT count(*) FROM uploads WHERE fence = 2";
    eventually("it is being written", async || {
        cairn.count(taken).await == 1
    })
    .await;
    for _ in 0..2 {
        let aborted = client.abort_upload(&id).await.unwrap();
        assert_eq!(aborted.state(), UploadState::Ended);
    }
    let refusal = refused(writer.close().await);
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::Aborted, "UPLOAD_EXPIRED")
    );
    for refused_call in [
        client.write_upload(&id, 0, vec![1]).await.map(drop),
        client.finish_upload(&id).await.map(drop),
    ] {
        assert_eq!(refused(refused_call).reason, "UPLOAD_EXPIRED");
    }
    nothing_is_left(&cairn).await;
}

async fn forgotten_upload_expires_and_leaves_nothing(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    begun(&cairn, "a").await;
    cairn.client.start_upload(spec("b")).await.unwrap();
    cairn.collect().await;
    let open = "SELECT count(*) FROM objects WHERE state = 'staging'";
    assert_eq!(
        cairn.count(open).await,
        2,
        "the collector leaves them alone"
    );
    assert!(!cairn.stored().await.is_empty());
    nothing_is_left(&cairn).await;
}

async fn same_bytes_as_another_share_its_object(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let client = &cairn.client;
    let first = client
        .upload(spec("first"), content(9 * MIB))
        .await
        .unwrap();
    let id = begun(&cairn, "second").await;
    let second = client.finish_upload(&id).await.unwrap();
    assert_eq!(second.content_hash, first.content_hash);
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await.len(), 1);
    assert!(client.download(&second.artifact_id).await.unwrap() == content(9 * MIB));
    assert_eq!(
        client.finish_upload(&id).await.unwrap().artifact_id,
        second.artifact_id
    );
}

#[tokio::test]
async fn another_tenant_finds_no_upload() {
    let cairn = Cairn::start().await;
    let id = begun(&cairn, "a").await;
    let other = cairn.client_of("other").await;
    for outcome in [
        other.get_upload(&id).await.map(drop),
        other
            .write_upload(&id, 9 * MIB as i64, vec![1])
            .await
            .map(drop),
        other.finish_upload(&id).await.map(drop),
        other.abort_upload(&id).await.map(drop),
    ] {
        let refusal = refused(outcome);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::NotFound, "UPLOAD_NOT_FOUND")
        );
    }
    assert!(cairn.client.finish_upload(&id).await.is_ok());
}

#[tokio::test]
async fn session_sealed_meanwhile_refuses_the_finish() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let id = begun(&cairn, "a").await;
    client.create(session_spec("b", "run"), "b").await.unwrap();
    client.seal("run").await.unwrap();
    let refusal = refused(client.finish_upload(&id).await);
    assert_eq!(refusal.reason, "SESSION_SEALED");
    assert_eq!(
        refused(client.start_upload(session_spec("c", "run")).await).reason,
        "SESSION_SEALED"
    );
    client.abort_upload(&id).await.unwrap();
    nothing_is_left_but(&cairn, 1).await;
}

async fn nothing_is_left_but(cairn: &Cairn, artifacts: i64) {
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await, Vec::<String>::new());
    assert_eq!(
        cairn.count("SELECT count(*) FROM artifacts").await,
        artifacts
    );
}

/// Content that is not what its caller declared makes nothing, and can be finished as what it is.
#[tokio::test]
async fn content_that_differs_is_not_finished() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let id = begun(&cairn, "a").await;
    for (content_hash, size_bytes, field) in [
        (hash_of(b"other"), None, "content_hash"),
        (String::new(), Some(9 * MIB as i64 + 1), "size_bytes"),
    ] {
        let request = FinishUploadRequest {
            upload_id: id.clone(),
            end: Some(UploadEnd {
                content_hash,
                size_bytes,
            }),
            ..FinishUploadRequest::default()
        };
        let refusal = refused(client.finish_upload_with(request).await);
        assert_eq!(refusal.reason, "CONTENT_MISMATCH");
        assert_eq!(refusal.metadata["field"], field);
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 0);
    client
        .write_upload(&id, 9 * MIB as i64, vec![1])
        .await
        .unwrap();
    assert!(client.finish_upload(&id).await.is_ok());
    let mut declared = spec("b");
    declared.size_bytes = Some(10);
    let id = client.start_upload(declared).await.unwrap().upload_id;
    let refusal = refused(client.write_upload(&id, 0, content(11)).await);
    assert_eq!(refusal.reason, "CONTENT_MISMATCH");
    client.write_upload(&id, 0, content(9)).await.unwrap();
    assert_eq!(
        refused(client.finish_upload(&id).await).reason,
        "CONTENT_MISMATCH"
    );
}

/// An upload that returned an artifact that was there returns it from then on, whatever was made since.
#[tokio::test]
async fn an_existing_artifact_stays_the_answer() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let returning = ArtifactSpec {
        on_duplicate: OnDuplicate::ReturnExisting.into(),
        ..session_spec("a", "run")
    };
    let whole = content(9 * MIB);
    let mut declared = returning.clone();
    declared.content_hash = hash_of(&whole);
    declared.size_bytes = Some(whole.len() as i64);
    let first = client.upload(session_spec("a", "run"), whole.clone()).await;
    let first = first.unwrap().artifact_id;

    let sent = client.start_upload(returning).await.unwrap().upload_id;
    client.write_upload(&sent, 0, whole).await.unwrap();
    let known = client.start_upload(declared).await.unwrap();
    assert_eq!(known.state(), UploadState::Finished);
    for newer in ["y", "z"] {
        for id in [&sent, &known.upload_id] {
            let made = client.finish_upload(id).await.unwrap();
            assert_eq!(made.artifact_id, first);
            let shown = client.get_upload(id).await.unwrap();
            assert_eq!(shown.state(), UploadState::Finished);
            assert_eq!(shown.artifact_id, first);
        }
        let newer = client.create(session_spec("a", "run"), newer).await;
        newer.unwrap();
    }
    let reserved = "SELECT count(*) FROM objects WHERE state = 'staging'";
    assert_eq!(cairn.count(reserved).await, 0);
}

/// An upload whose artifact is gone says that, and not that nothing was stored.
#[tokio::test]
async fn a_finished_upload_says_that_its_artifact_is_gone() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let draft = ArtifactSpec {
        unpublished: true,
        ..session_spec("a", "run")
    };
    let id = client.start_upload(draft).await.unwrap().upload_id;
    let made = client.finish_upload(&id).await.unwrap();
    client.delete(&made.artifact_id).await.unwrap();
    cairn.collect_everything().await;
    let refusal = refused(client.finish_upload(&id).await);
    assert_eq!(refusal.reason, "ARTIFACT_NOT_FOUND");
    let shown = client.get_upload(&id).await.unwrap();
    assert_eq!(shown.state(), UploadState::Finished);
}
