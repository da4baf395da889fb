//! The same call, however often it is sent, takes effect once and has one answer.

use cairn_proto::v1::{
    Artifact, ArtifactSpec, ArtifactStage, ArtifactState, CreateLinkRequest, DeleteArtifactRequest,
    DeleteArtifactsRequest, RestoreArtifactsRequest, RevokeLinkRequest, SealSessionRequest,
    SetLegalHoldRequest, SetSessionLegalHoldRequest, SetStageRequest, UpdateSessionRequest,
};
use futures_util::future::join_all;
use prost_types::FieldMask;
use tonic::Code;

use harness::{Bytes, Cairn, OpenUpload, Setup, content, eventually, refused, session_spec, spec};

/// Stored in a row, in one object, in parts.
const SIZES: [usize; 3] = [10, 100_000, (8 << 20) + 1];

fn keyed(key: &str) -> ArtifactSpec {
    ArtifactSpec {
        idempotency_key: key.into(),
        agent_id: "ann".into(),
        ..session_spec("a.txt", "run")
    }
}

#[tokio::test]
async fn the_same_call_again_has_the_same_answer_and_no_effect() {
    let cairn = Cairn::start().await;
    for size in SIZES {
        let key = format!("key-{size}");
        let first = cairn
            .client
            .upload(keyed(&key), content(size))
            .await
            .unwrap();
        for _ in 0..2 {
            let again = cairn
                .client
                .upload(keyed(&key), content(size))
                .await
                .unwrap();
            assert_eq!(again, first);
        }
        if size <= 3 << 20 {
            let unary = cairn
                .client
                .create(keyed(&key), content(size))
                .await
                .unwrap();
            assert_eq!(unary, first, "however it is sent");
        }
    }
    assert_eq!(
        cairn.count("SELECT count(*) FROM artifacts").await,
        SIZES.len() as i64
    );
    assert_eq!(
        cairn.count("SELECT count(*) FROM objects").await,
        SIZES.len() as i64
    );
}

#[tokio::test]
async fn the_answer_outlives_the_session_and_the_artifact() {
    let cairn = Cairn::start().await;
    let first = cairn.client.upload(keyed("k"), content(10)).await.unwrap();
    cairn.client.seal("run").await.unwrap();
    assert_eq!(
        cairn.client.upload(keyed("k"), content(10)).await.unwrap(),
        first
    );
    cairn.client.delete(&first.artifact_id).await.unwrap();
    let deleted = Artifact {
        state: ArtifactState::Deleted.into(),
        ..first.clone()
    };
    assert_eq!(
        cairn.client.upload(keyed("k"), content(10)).await.unwrap(),
        deleted
    );
    cairn.collect_everything().await;
    assert_eq!(
        cairn.client.create(keyed("k"), content(10)).await.unwrap(),
        deleted
    );
    let refusal = refused(cairn.client.upload(keyed("other"), content(10)).await);
    assert_eq!(refusal.reason, "SESSION_SEALED");
}

/// A key with another request is refused, and the error names the fields that differ.
#[tokio::test]
async fn key_reuse_is_refused_with_the_differing_fields() {
    let cairn = Cairn::start().await;
    for size in SIZES {
        let key = format!("key-{size}");
        cairn
            .client
            .upload(keyed(&key), content(size))
            .await
            .unwrap();
        let other = ArtifactSpec {
            filename: "b.txt".into(),
            title: "t".into(),
            ..keyed(&key)
        };
        for (spec, size, fields) in [
            (other, size, "filename,title"),
            (keyed(&key), size + 1, "content"),
        ] {
            let refusal = refused(cairn.client.upload(spec, content(size)).await);
            assert_eq!(
                (refusal.code, &*refusal.reason),
                (Code::InvalidArgument, "IDEMPOTENCY_KEY_REUSED")
            );
            assert_eq!(refusal.metadata["fields"], fields);
        }
    }
    let seal = SealSessionRequest {
        session_id: "run".into(),
        idempotency_key: "key-10".into(),
    };
    let refusal = refused(cairn.client.sessions.clone().seal_session(seal).await);
    assert!(refusal.metadata["fields"].contains("method"));
    assert_eq!(
        cairn.count("SELECT count(*) FROM artifacts").await,
        SIZES.len() as i64
    );
}

#[tokio::test]
async fn keys_belong_to_their_tenant_and_end_with_their_window() {
    let cairn = Cairn::start().await;
    let first = cairn.client.create(keyed("k"), "x").await.unwrap();
    let stranger = cairn.client_of("stranger").await;
    let theirs = stranger.create(keyed("k"), "y").await.unwrap();
    assert_ne!(theirs.artifact_id, first.artifact_id);
    cairn
        .sql("UPDATE idempotency_keys SET expires_at = now()")
        .await;
    let later = cairn.client.create(keyed("k"), "z").await.unwrap();
    assert_eq!(later.version, 2);
    cairn
        .sql("UPDATE idempotency_keys SET expires_at = now()")
        .await;
    assert_eq!(cairn.collect().await.count("idempotency_keys"), 2);
    assert_eq!(
        cairn.count("SELECT count(*) FROM idempotency_keys").await,
        0
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_is_refused() {
    let cairn = Cairn::start().await;
    for bad in ["x".repeat(257), "a\nb".into()] {
        let refusal = refused(cairn.client.create(keyed(&bad), "").await);
        assert_eq!(refusal.fields, ["spec.idempotency_key"]);
        let seal = SealSessionRequest {
            session_id: "s".into(),
            idempotency_key: bad,
        };
        let refusal = refused(cairn.client.sessions.clone().seal_session(seal).await);
        assert_eq!(refusal.fields, ["idempotency_key"]);
    }
}

#[tokio::test]
async fn a_call_that_failed_leaves_its_key_free() {
    let cairn = Cairn::start().await;
    for size in SIZES {
        let key = format!("key-{size}");
        let wrong = ArtifactSpec {
            size_bytes: Some(size as i64 + 1),
            ..keyed(&key)
        };
        assert_eq!(
            refused(cairn.client.upload(wrong, content(size)).await).reason,
            "CONTENT_MISMATCH"
        );
        eventually("the key is let go of", async || {
            cairn
                .client
                .upload(keyed(&key), content(size))
                .await
                .is_ok()
        })
        .await;
    }
}

/// A retry while the first call is running gets IDEMPOTENCY_IN_PROGRESS with a RetryInfo.
#[tokio::test]
async fn retry_during_the_first_call_is_asked_to_wait() {
    let cairn = Cairn::start().await;
    let upload = OpenUpload::begin(&cairn.client, keyed("k")).await;
    upload.send(content(100_000)).await;
    eventually("the key is claimed", async || {
        cairn.count("SELECT count(*) FROM idempotency_keys").await == 1
    })
    .await;
    for size in [10, 100_000] {
        let refusal = refused(cairn.client.create(keyed("k"), content(size)).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::Aborted, "IDEMPOTENCY_IN_PROGRESS")
        );
        assert!(refusal.retry_after.is_some());
    }
    let first = upload.finish().await.unwrap();
    let again = cairn
        .client
        .create(keyed("k"), content(100_000))
        .await
        .unwrap();
    assert_eq!(again, first);
}

/// A key whose attempt died is free when its lease ends, and the dead attempt cannot commit any more.
#[tokio::test]
async fn key_of_a_dead_attempt_is_free_after_its_lease() {
    let cairn = Cairn::start().await;
    let upload = OpenUpload::begin(&cairn.client, keyed("k")).await;
    upload.send(content(100_000)).await;
    eventually("the upload has begun", async || {
        cairn
            .count("SELECT count(*) FROM objects WHERE state = 'staging'")
            .await
            == 1
    })
    .await;
    cairn
        .sql("UPDATE idempotency_keys SET lease_until = now()")
        .await;
    let second = cairn
        .client
        .upload(keyed("k"), content(100_000))
        .await
        .unwrap();
    // The first attempt wakes up: it must not create another artifact, and gets the key's result.
    upload.finish().await.unwrap();
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 1);
    assert_eq!(
        cairn
            .client
            .upload(keyed("k"), content(100_000))
            .await
            .unwrap(),
        second
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_with_one_key_one_takes_effect() {
    let cairn = Setup::on(Bytes::S3).start().await;
    for size in [10, 100_000] {
        let key = format!("key-{size}");
        let calls = (0..12).map(|_| {
            let (client, spec) = (cairn.client.clone(), keyed(&key));
            tokio::spawn(async move { client.upload(spec, content(size)).await })
        });
        let mut answers = Vec::new();
        for result in join_all(calls.collect::<Vec<_>>()).await {
            match result.unwrap() {
                Ok(made) => answers.push(made),
                Err(status) => {
                    let reason = refused::<()>(Err(status)).reason;
                    assert_eq!(reason, "IDEMPOTENCY_IN_PROGRESS");
                }
            }
        }
        assert!(!answers.is_empty());
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        let again = cairn
            .client
            .upload(keyed(&key), content(size))
            .await
            .unwrap();
        assert_eq!(again, answers[0]);
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 2);
}

#[tokio::test]
async fn a_lost_answer_is_heard_by_the_retry() {
    for size in [10, 100_000] {
        let cairn = Setup::on(Bytes::S3).proxied().start().await;
        // Every attempt of the first call loses its connection after the commit; the caller gets no answer and retries.
        cairn.postgres_proxy().lose_answer_to(b"COMMIT\0");
        let first = cairn
            .client
            .upload(keyed("k"), content(size))
            .await
            .unwrap();
        let again = cairn
            .client
            .upload(keyed("k"), content(size))
            .await
            .unwrap();
        assert_eq!(again, first);
        assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 1);
    }
}

#[tokio::test]
async fn every_other_write_has_one_answer_too() {
    let cairn = Cairn::start().await;
    let made = cairn
        .client
        .create(session_spec("a", "run"), "x")
        .await
        .unwrap();
    let client = cairn.client.clone();
    let (mut artifacts, mut links, mut sessions) =
        (client.artifacts, client.links, client.sessions);

    let link = CreateLinkRequest {
        artifact_id: made.artifact_id.clone(),
        idempotency_key: "link".into(),
        ..CreateLinkRequest::default()
    };
    let first = links
        .create_link(link.clone())
        .await
        .unwrap()
        .into_inner()
        .link
        .unwrap();
    let again = links
        .create_link(link.clone())
        .await
        .unwrap()
        .into_inner()
        .link
        .unwrap();
    assert_eq!(first, again);
    let longer = prost_types::Duration {
        seconds: 60,
        nanos: 0,
    };
    let other = CreateLinkRequest {
        expires_in: Some(longer),
        ..link
    };
    let refusal = refused(links.create_link(other).await);
    assert_eq!(refusal.metadata["fields"], "expires_in");

    let revoke = RevokeLinkRequest {
        link_id: first.link_id,
        idempotency_key: "revoke".into(),
    };
    let first = links
        .revoke_link(revoke.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(links.revoke_link(revoke).await.unwrap().into_inner(), first);

    let seal = SealSessionRequest {
        session_id: "run".into(),
        idempotency_key: "seal".into(),
    };
    let first = sessions
        .seal_session(seal.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        sessions.seal_session(seal).await.unwrap().into_inner(),
        first
    );

    let delete = DeleteArtifactRequest {
        artifact_id: made.artifact_id.clone(),
        idempotency_key: "delete".into(),
        ..DeleteArtifactRequest::default()
    };
    let first = artifacts
        .delete_artifact(delete.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        artifacts
            .delete_artifact(delete.clone())
            .await
            .unwrap()
            .into_inner(),
        first
    );
    let unkeyed = DeleteArtifactRequest {
        idempotency_key: String::new(),
        ..delete
    };
    assert_eq!(
        refused(artifacts.delete_artifact(unkeyed).await).reason,
        "ARTIFACT_DELETED"
    );

    let missing = DeleteArtifactRequest {
        artifact_id: "art_0000000000000000".into(),
        idempotency_key: "missing".into(),
        ..DeleteArtifactRequest::default()
    };
    for _ in 0..2 {
        let refusal = refused(artifacts.delete_artifact(missing.clone()).await);
        assert_eq!(
            refusal.reason, "ARTIFACT_NOT_FOUND",
            "a failure is not remembered"
        );
    }
    cairn.client.create(spec("b"), "x").await.unwrap();
}

#[tokio::test]
async fn every_bulk_write_has_one_answer_too() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let mut artifacts = cairn.client.artifacts.clone();
    let mut sessions = cairn.client.sessions.clone();
    let made = cairn
        .client
        .create(session_spec("a", "run"), "1")
        .await
        .unwrap();
    let ids = vec![made.artifact_id];

    let stage = SetStageRequest {
        stage: ArtifactStage::Final.into(),
        artifact_ids: ids.clone(),
        idempotency_key: "stage".into(),
        ..SetStageRequest::default()
    };
    for _ in 0..2 {
        let answer = artifacts.set_stage(stage.clone()).await.unwrap();
        assert_eq!(answer.into_inner().changed_count, 1);
    }
    let hold = SetLegalHoldRequest {
        artifact_ids: ids.clone(),
        legal_hold: true,
        idempotency_key: "hold".into(),
        ..SetLegalHoldRequest::default()
    };
    for _ in 0..2 {
        let answer = artifacts.set_legal_hold(hold.clone()).await.unwrap();
        assert_eq!(answer.into_inner().changed_count, 1);
    }
    let release = SetLegalHoldRequest {
        legal_hold: false,
        ..hold.clone()
    };
    let refusal = refused(artifacts.set_legal_hold(release.clone()).await);
    assert_eq!(refusal.metadata["fields"], "legal_hold");
    let release = SetLegalHoldRequest {
        idempotency_key: String::new(),
        ..release
    };
    artifacts.set_legal_hold(release).await.unwrap();

    let delete = DeleteArtifactsRequest {
        filter: "session_id = run".into(),
        idempotency_key: "delete".into(),
        ..DeleteArtifactsRequest::default()
    };
    for _ in 0..2 {
        let answer = artifacts.delete_artifacts(delete.clone()).await.unwrap();
        assert_eq!(answer.into_inner().deleted_count, 1);
    }
    let restore = RestoreArtifactsRequest {
        artifact_ids: ids,
        idempotency_key: "restore".into(),
        ..RestoreArtifactsRequest::default()
    };
    for _ in 0..2 {
        let answer = artifacts.restore_artifacts(restore.clone()).await.unwrap();
        assert_eq!(answer.into_inner().restored_count, 1);
    }
    let hold = SetSessionLegalHoldRequest {
        session_id: "run".into(),
        legal_hold: true,
        idempotency_key: "hold the session".into(),
    };
    for _ in 0..2 {
        let answer = sessions.set_session_legal_hold(hold.clone()).await.unwrap();
        assert!(answer.into_inner().session.unwrap().legal_hold);
    }
    let update = UpdateSessionRequest {
        session_id: "run".into(),
        update_mask: Some(FieldMask {
            paths: vec!["display_name".into()],
        }),
        display_name: "first".into(),
        idempotency_key: "name".into(),
        ..UpdateSessionRequest::default()
    };
    sessions.update_session(update.clone()).await.unwrap();
    let rename = UpdateSessionRequest {
        display_name: "second".into(),
        idempotency_key: String::new(),
        ..update.clone()
    };
    sessions.update_session(rename).await.unwrap();
    let again = sessions.update_session(update).await.unwrap().into_inner();
    assert_eq!(
        again.session.unwrap().display_name,
        "second",
        "the present state, and not undone"
    );
}
