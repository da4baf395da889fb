//! A deletion can be undone while its window is open, and no longer.

use cairn_proto::v1::{
    DeleteArtifactsRequest, DeleteArtifactsResponse, RestoreArtifactsRequest,
    RestoreArtifactsResponse,
};
use tonic::Status;

use harness::{Bytes, Cairn, Client, Setup, content, refused, session_spec, spec};

async fn restore(client: &Client, ids: &[&String]) -> Result<RestoreArtifactsResponse, Status> {
    let request = RestoreArtifactsRequest {
        artifact_ids: ids.iter().map(|id| (*id).clone()).collect(),
        ..Default::default()
    };
    let response = client.artifacts.clone().restore_artifacts(request).await?;
    Ok(response.into_inner())
}

#[tokio::test]
async fn a_deleted_artifact_comes_back_as_it_was() {
    let cairn = Cairn::start().await;
    for size in [10, 100_000] {
        let made = cairn
            .client
            .upload(session_spec("a", "run"), content(size))
            .await
            .unwrap();
        let id = &made.artifact_id;
        cairn.client.delete(id).await.unwrap();
        let restored = restore(&cairn.client, &[id]).await.unwrap();
        assert_eq!(
            (
                restored.restored_count,
                restored.not_restored_artifact_ids.len()
            ),
            (1, 0)
        );
        let again = cairn.client.get(id).await.unwrap();
        assert_eq!(
            (again.version, &again.filename),
            (made.version, &made.filename)
        );
        cairn.collect_everything().await;
        assert!(cairn.client.download(id).await.unwrap() == content(size));
    }
}

#[tokio::test]
async fn what_cannot_come_back_is_said() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let mut ids = Vec::new();
    for name in [
        "visible",
        "expired",
        "purged",
        "before the seal",
        "after the seal",
    ] {
        ids.push(
            client
                .create(session_spec(name, &name.replace(' ', "-")), "x")
                .await
                .unwrap()
                .artifact_id,
        );
    }
    let stranger = cairn.client_of("stranger").await;
    let theirs = stranger
        .create(spec("theirs"), "x")
        .await
        .unwrap()
        .artifact_id;
    stranger.delete(&theirs).await.unwrap();
    client.delete(&ids[2]).await.unwrap();
    cairn
        .sql("UPDATE artifacts SET purge_after = now() WHERE filename = 'purged'")
        .await;
    client.delete(&ids[1]).await.unwrap();
    cairn
        .sql("UPDATE artifacts SET expires_at = now() WHERE filename = 'expired'")
        .await;
    client.delete(&ids[3]).await.unwrap();
    for session in ["before-the-seal", "after-the-seal"] {
        client.seal(session).await.unwrap();
    }
    client.delete(&ids[4]).await.unwrap();
    let all: Vec<_> = ids.iter().chain([&theirs]).collect();
    let restored = restore(client, &all).await.unwrap();
    assert_eq!(restored.restored_count, 1);
    let expected = [&ids[0], &ids[1], &ids[2], &ids[3], &theirs].map(Clone::clone);
    assert_eq!(restored.not_restored_artifact_ids, expected);
    client.get(&ids[4]).await.unwrap();
    let again = restore(client, &[&ids[4]]).await.unwrap();
    assert_eq!(again.restored_count, 0, "repeating it is harmless");
    assert_eq!(refused(restore(client, &[]).await).fields, ["artifact_ids"]);
}

/// Deletes, restores and collects concurrently: what is visible in the end has its bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_that_comes_back_has_lost_its_bytes() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| {
            config.database_connections = 16;
            config.delete_window = std::time::Duration::from_millis(2);
            config.gc_grace = std::time::Duration::ZERO;
        })
        .start()
        .await;
    let done = tokio_util::sync::CancellationToken::new();
    let collector = tokio::spawn({
        let (collector, done) = (cairn.collector.clone(), done.clone());
        async move {
            while !done.is_cancelled() {
                let policy = cairn_store::gc::Policy::default();
                let report = collector.run(policy).await;
                assert!(report.failures.is_empty(), "{report:?}");
                tokio::task::yield_now().await;
            }
        }
    });
    let (mut back, mut gone) = (0, 0);
    for i in 0..60 {
        let size = 40_000 + i;
        let made = cairn.client.upload(spec("a"), content(size)).await.unwrap();
        cairn.client.delete(&made.artifact_id).await.unwrap();
        if restore(&cairn.client, &[&made.artifact_id])
            .await
            .unwrap()
            .restored_count
            == 1
        {
            back += 1;
            assert!(cairn.client.download(&made.artifact_id).await.unwrap() == content(size));
        } else {
            gone += 1;
        }
    }
    done.cancel();
    collector.await.unwrap();
    assert_eq!(back + gone, 60);
    let live = cairn
        .count("SELECT count(*) FROM artifacts WHERE state = 'live'")
        .await;
    assert_eq!(live, back);
}

async fn delete(
    client: &Client,
    request: DeleteArtifactsRequest,
) -> Result<DeleteArtifactsResponse, Status> {
    let response = client.artifacts.clone().delete_artifacts(request).await?;
    Ok(response.into_inner())
}

/// Many artifacts are deleted in one call, by ids or by a filter, and restored in one call.
#[tokio::test]
async fn many_are_deleted_and_restored_in_one_call() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let mut ids = Vec::new();
    for i in 0..5 {
        let made = client
            .create(session_spec(&format!("{i}"), "run"), content(i))
            .await
            .unwrap();
        ids.push(made.artifact_id);
    }
    let kept = client.create(spec("kept"), "x").await.unwrap();
    let by_filter = DeleteArtifactsRequest {
        filter: "session_id = run AND size_bytes >= 2".into(),
        ..DeleteArtifactsRequest::default()
    };
    let look = DeleteArtifactsRequest {
        validate_only: true,
        ..by_filter.clone()
    };
    let expected = DeleteArtifactsResponse {
        deleted_count: 3,
        size_bytes: 9,
        ..DeleteArtifactsResponse::default()
    };
    for _ in 0..2 {
        assert_eq!(delete(client, look.clone()).await.unwrap(), expected);
    }
    let keyed = DeleteArtifactsRequest {
        idempotency_key: "k".into(),
        ..by_filter.clone()
    };
    for _ in 0..2 {
        assert_eq!(delete(client, keyed.clone()).await.unwrap(), expected);
    }
    assert_eq!(
        delete(client, by_filter).await.unwrap(),
        DeleteArtifactsResponse::default()
    );
    let by_ids = DeleteArtifactsRequest {
        artifact_ids: ids.clone(),
        ..Default::default()
    };
    let rest = delete(client, by_ids).await.unwrap();
    assert_eq!((rest.deleted_count, rest.size_bytes), (2, 1));
    assert_eq!(rest.not_deleted_artifact_ids, ids[2..]);
    client.get(&kept.artifact_id).await.unwrap();
    let all: Vec<_> = ids.iter().collect();
    assert_eq!(restore(client, &all).await.unwrap().restored_count, 5);
    let neither = DeleteArtifactsRequest::default();
    assert_eq!(
        refused(delete(client, neither).await).fields,
        ["artifact_ids"]
    );
}
