//! Bytes that are already stored need not be sent.

use cairn_proto::v1::{
    Artifact, ArtifactName, ArtifactSpec, Content, CopyArtifactRequest, FindMissingContentRequest,
    UploadArtifactRequest, upload_artifact_request::Message,
};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use harness::{Cairn, Client, content, refused, session_spec, spec};

const SIZES: [usize; 3] = [10, 100_000, (8 << 20) + 1];

fn hash(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

fn declared(filename: &str, content: &[u8]) -> ArtifactSpec {
    ArtifactSpec {
        content_hash: hash(content),
        size_bytes: Some(content.len() as i64),
        ..session_spec(filename, "run")
    }
}

#[tokio::test]
async fn a_create_that_declares_held_content_sends_nothing() {
    let cairn = Cairn::start().await;
    for size in SIZES {
        let bytes = content(size);
        let refusal = refused(cairn.client.create(declared("a", &bytes), "").await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::FailedPrecondition, "CONTENT_MISSING")
        );
        assert_eq!(refusal.metadata["content_hash"], hash(&bytes));
        cairn
            .client
            .upload(spec("original"), bytes.clone())
            .await
            .unwrap();
        let made = cairn
            .client
            .create(declared("a", &bytes), "")
            .await
            .unwrap();
        assert!(made.deduplicated);
        assert!(cairn.client.download(&made.artifact_id).await.unwrap() == bytes);
    }
    cairn.collect_everything().await;
    assert_eq!(
        cairn
            .count("SELECT count(*) FROM objects WHERE state = 'live'")
            .await,
        3
    );
}

/// Content that no visible artifact has any more must be sent.
#[tokio::test]
async fn unreadable_content_must_be_sent_again() {
    let cairn = Cairn::start().await;
    let bytes = content(100_000);
    let made = cairn.client.upload(spec("a"), bytes.clone()).await.unwrap();
    let stranger = cairn.client_of("stranger").await;
    assert_eq!(
        refused(stranger.create(declared("a", &bytes), "").await).reason,
        "CONTENT_MISSING"
    );
    cairn.client.delete(&made.artifact_id).await.unwrap();
    // The bytes still exist, during the delete window; their hash alone must not bring them back.
    let refusal = refused(cairn.client.create(declared("b", &bytes), "").await);
    assert_eq!(refusal.reason, "CONTENT_MISSING");
}

#[tokio::test]
async fn an_upload_of_held_content_is_answered_before_it_is_sent() {
    let cairn = Cairn::start().await;
    let bytes = content(20 << 20);
    cairn
        .client
        .upload(spec("original"), bytes.clone())
        .await
        .unwrap();
    let (messages, receiver) = mpsc::channel(1);
    let first = UploadArtifactRequest {
        message: Some(Message::Spec(declared("a", &bytes))),
    };
    messages.send(first).await.unwrap();
    // The stream stays open: the answer must not wait for it.
    let mut artifacts = cairn.client.artifacts.clone();
    let answer = artifacts
        .upload_artifact(ReceiverStream::new(receiver))
        .await;
    let made = answer.unwrap().into_inner().artifact.unwrap();
    assert!(made.deduplicated);
    assert!(cairn.client.download(&made.artifact_id).await.unwrap() == bytes);
    drop(messages);
    let missing = content(100_000);
    let sent = cairn
        .client
        .upload(declared("b", &missing), missing.clone())
        .await
        .unwrap();
    assert!(!sent.deduplicated);
}

#[tokio::test]
async fn a_declared_create_keeps_every_other_rule() {
    let cairn = Cairn::start().await;
    let bytes = content(100_000);
    cairn
        .client
        .upload(spec("original"), bytes.clone())
        .await
        .unwrap();
    let keyed = ArtifactSpec {
        idempotency_key: "k".into(),
        ..declared("a", &bytes)
    };
    let first = cairn.client.create(keyed.clone(), "").await.unwrap();
    assert_eq!(cairn.client.create(keyed.clone(), "").await.unwrap(), first);
    assert_eq!(
        cairn.client.upload(keyed, bytes.clone()).await.unwrap(),
        first
    );
    let late = ArtifactSpec {
        if_version: Some(0),
        ..declared("a", &bytes)
    };
    assert_eq!(
        refused(cairn.client.create(late, "").await).reason,
        "VERSION_CONFLICT"
    );
    cairn.client.seal("run").await.unwrap();
    for result in [
        cairn.client.create(declared("a", &bytes), "").await,
        cairn
            .client
            .upload(declared("a", &bytes), bytes.clone())
            .await,
    ] {
        assert_eq!(refused(result).reason, "SESSION_SEALED");
    }
}

#[tokio::test]
async fn many_contents_are_asked_about_at_once() {
    let cairn = Cairn::start().await;
    let (small, large) = (content(10), content(100_000));
    for bytes in [&small, &large] {
        cairn.client.upload(spec("a"), bytes.clone()).await.unwrap();
    }
    let of = |hash: String, size_bytes: usize| Content {
        content_hash: hash,
        size_bytes: size_bytes as i64,
    };
    let other = of(hash(b"other"), 5);
    let wrong_size = of(hash(&large), 1);
    let request = FindMissingContentRequest {
        contents: vec![
            other.clone(),
            of(hash(&small), 10),
            wrong_size.clone(),
            of(hash(&large), 100_000),
        ],
    };
    let mut artifacts = cairn.client.artifacts.clone();
    let answer = artifacts
        .find_missing_content(request.clone())
        .await
        .unwrap();
    assert_eq!(answer.into_inner().missing, [other, wrong_size]);
    let mut stranger = cairn.client_of("stranger").await.artifacts;
    let answer = stranger.find_missing_content(request).await.unwrap();
    assert_eq!(answer.into_inner().missing.len(), 4);
    let bad = FindMissingContentRequest {
        contents: vec![
            of("x".into(), 1),
            Content {
                size_bytes: -1,
                ..of(hash(b""), 0)
            },
        ],
    };
    let fields = refused(artifacts.find_missing_content(bad).await).fields;
    assert_eq!(
        fields,
        ["contents[0].content_hash", "contents[1].size_bytes"]
    );
}

async fn copy(client: &Client, source: &str, spec: ArtifactSpec) -> Result<Artifact, Status> {
    let request = CopyArtifactRequest {
        artifact_id: source.into(),
        spec: Some(spec),
        ..CopyArtifactRequest::default()
    };
    let response = client.artifacts.clone().copy_artifact(request).await?;
    Ok(response.into_inner().artifact.unwrap())
}

#[tokio::test]
async fn a_copy_shares_the_bytes_and_names_its_source() {
    let cairn = Cairn::start().await;
    for size in SIZES {
        let bytes = content(size);
        let given = ArtifactSpec {
            content_type: "text/x-own".into(),
            ..session_spec("a.txt", "one")
        };
        let source = cairn.client.upload(given, bytes.clone()).await.unwrap();
        let objects = cairn.count("SELECT count(*) FROM objects").await;
        let copied = copy(&cairn.client, &source.artifact_id, session_spec("", "two"))
            .await
            .unwrap();
        assert_eq!(
            (&*copied.filename, &*copied.content_type),
            ("a.txt", "text/x-own")
        );
        assert_eq!(copied.session_id, "two");
        assert_eq!(copied.inputs, std::slice::from_ref(&source.artifact_id));
        let renamed = copy(&cairn.client, &source.artifact_id, spec("b.txt"))
            .await
            .unwrap();
        assert_eq!(renamed.filename, "b.txt");
        assert_eq!(
            cairn.count("SELECT count(*) FROM objects").await,
            objects,
            "nothing moved"
        );
        cairn.client.delete(&source.artifact_id).await.unwrap();
        cairn.collect_everything().await;
        assert!(cairn.client.download(&copied.artifact_id).await.unwrap() == bytes);
    }
    let stranger = cairn.client_of("stranger").await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let refusal = refused(copy(&stranger, &made.artifact_id, spec("a")).await);
    assert_eq!(refusal.reason, "ARTIFACT_NOT_FOUND");
    let other = ArtifactSpec {
        content_hash: hash(b"y"),
        ..spec("a")
    };
    let refusal = refused(copy(&cairn.client, &made.artifact_id, other).await);
    assert_eq!(refusal.reason, "CONTENT_MISMATCH");
    cairn
        .client
        .create(session_spec("s", "sealed"), "")
        .await
        .unwrap();
    cairn.client.seal("sealed").await.unwrap();
    let refusal = refused(
        copy(
            &cairn.client,
            &made.artifact_id,
            session_spec("a", "sealed"),
        )
        .await,
    );
    assert_eq!(refusal.reason, "SESSION_SEALED");
}

#[tokio::test]
async fn a_copy_under_a_key_is_answered_again_when_its_source_is_gone() {
    let cairn = Cairn::start().await;
    let source = cairn.client.create(spec("a"), "x").await.unwrap();
    let once = |key: &str| ArtifactSpec {
        idempotency_key: key.into(),
        ..spec("b")
    };
    let copied = copy(&cairn.client, &source.artifact_id, once("copy"));
    let copied = copied.await.unwrap();
    cairn.client.delete(&source.artifact_id).await.unwrap();

    let again = copy(&cairn.client, &source.artifact_id, once("copy"));
    assert_eq!(again.await.unwrap().artifact_id, copied.artifact_id);
    let late = copy(&cairn.client, &source.artifact_id, once("another"));
    assert_eq!(refused(late.await).reason, "ARTIFACT_DELETED");
}

/// A copy by name returns the first response under its key, even when the name has a newer version.
#[tokio::test]
async fn retried_copy_by_name_ignores_newer_versions() {
    let cairn = Cairn::start().await;
    let source = cairn.client.create(spec("a"), "x").await.unwrap();
    let request = CopyArtifactRequest {
        name: Some(ArtifactName {
            filename: "a".into(),
            ..ArtifactName::default()
        }),
        spec: Some(ArtifactSpec {
            idempotency_key: "copy".into(),
            metadata: [("k1", "v"), ("k2", "v"), ("k3", "v")]
                .map(|(key, value)| (key.into(), value.into()))
                .into(),
            ..spec("b")
        }),
        ..CopyArtifactRequest::default()
    };
    let copy = async || {
        let mut artifacts = cairn.client.artifacts.clone();
        let copied = artifacts.copy_artifact(request.clone());
        copied.await.unwrap().into_inner().artifact.unwrap()
    };
    let copied = copy().await;
    assert_eq!(copied.inputs, [source.artifact_id]);
    cairn.client.create(spec("a"), "newer").await.unwrap();
    assert_eq!(copy().await.artifact_id, copied.artifact_id);
    let versions = cairn.count("SELECT count(*) FROM artifacts").await;
    assert_eq!(versions, 3);
}
