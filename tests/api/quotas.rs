//! A tenant's quota is never exceeded, not by one byte and however many write at once, and a deletion frees it at once.

use cairn_proto::v1::{
    ArtifactSpec, CommitSessionRequest, CopyArtifactRequest, OnDuplicate, RestoreArtifactsRequest,
    WhoAmIRequest,
};
use cairn_store::Store;
use futures_util::future::{join, join_all};
use tonic::{Code, Status};

use harness::{
    Bytes, Cairn, Client, OpenUpload, Setup, content, eventually, refused, session_spec, spec,
    within_patience,
};

/// Sets quotas of bytes and of artifacts for `acme`.
async fn limit(store: &Store, bytes: Option<u64>, artifacts: Option<u64>) {
    let update = cairn_store::TenantUpdate {
        max_stored_bytes: Some(bytes),
        max_artifacts: Some(artifacts),
        ..cairn_store::TenantUpdate::default()
    };
    assert!(store.update_tenant("acme", update).await.unwrap());
}

async fn limited(bytes: Option<u64>, artifacts: Option<u64>) -> Cairn {
    let cairn = Setup::on(Bytes::Files).start().await;
    limit(&cairn.store, bytes, artifacts).await;
    cairn
}

async fn stored(client: &Client) -> (i64, i64) {
    let me = client.identity.clone().who_am_i(WhoAmIRequest {}).await;
    let me = me.unwrap().into_inner();
    (me.stored_artifacts, me.stored_bytes)
}

#[track_caller]
fn is_over<T: std::fmt::Debug>(result: Result<T, Status>, expected: [&str; 4]) {
    let refusal = refused(result);
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::ResourceExhausted, "QUOTA_EXCEEDED")
    );
    let told = ["limit", "max", "used", "needed"].map(|name| &*refusal.metadata[name]);
    assert_eq!(told, expected, "{}", refusal.message);
    assert!(refusal.message.contains("delete artifacts"));
    assert_eq!(refusal.retry_after, None, "waiting does not help");
}

async fn restore(client: &Client, ids: &[&String]) -> Result<i64, Status> {
    let request = RestoreArtifactsRequest {
        artifact_ids: ids.iter().map(|id| (*id).clone()).collect(),
        ..RestoreArtifactsRequest::default()
    };
    let response = client.artifacts.clone().restore_artifacts(request).await?;
    Ok(response.into_inner().restored_count)
}

async fn copy(client: &Client, source: &str) -> Result<(), Status> {
    let request = CopyArtifactRequest {
        artifact_id: source.to_owned(),
        spec: Some(spec("copy")),
        ..CopyArtifactRequest::default()
    };
    let copied = client.artifacts.clone().copy_artifact(request).await;
    copied.map(drop)
}

/// Of many concurrent writers, as many succeed as there is room for, to the last byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn byte_quota_is_exact_under_concurrent_writes() {
    const MAX: u64 = 300_500;
    let cairn = limited(Some(MAX), None).await;
    let client = &cairn.client;
    let mut deleted = Vec::new();
    for i in 0..4 {
        let made = client.create(spec("deleted"), content(20_000 + i)).await;
        deleted.push(made.unwrap().artifact_id);
        client.delete(&deleted[i]).await.unwrap();
    }
    let writes = (0..40_usize).map(|i| {
        let (client, deleted) = (client.clone(), deleted.clone());
        tokio::spawn(async move {
            let session = format!("run-{}", i % 3);
            match i % 4 {
                0 => client
                    .create(session_spec("same", &session), content(9_000 + i))
                    .await
                    .map(drop),
                1 => client
                    .upload(spec("large"), content(40_000 + i))
                    .await
                    .map(drop),
                2 => {
                    let unpublished = ArtifactSpec {
                        unpublished: true,
                        ..session_spec("same", &session)
                    };
                    client
                        .create(unpublished, content(9_000 + i))
                        .await
                        .map(drop)
                }
                _ => restore(&client, &[&deleted[i % 4], &deleted[(i + 1) % 4]])
                    .await
                    .map(drop),
            }
        })
    });
    let writes: Vec<_> = writes.collect();
    let outcomes = join_all(writes).await;
    let refusals = outcomes
        .into_iter()
        .filter_map(|written| written.unwrap().err());
    let refusals: Vec<_> = refusals.collect();
    assert!(!refusals.is_empty());
    for refusal in refusals {
        let reason = refused::<()>(Err(refusal)).reason;
        assert_eq!(reason, "QUOTA_EXCEEDED", "the only thing to be in the way");
    }
    let (_, used) = stored(client).await;
    let room = MAX - used.unsigned_abs();
    let one_more = client.create(spec("a"), content(room as usize + 1)).await;
    assert_eq!(refused(one_more).reason, "QUOTA_EXCEEDED");
    client
        .create(spec("a"), content(room as usize))
        .await
        .unwrap();
    assert_eq!(stored(client).await.1.unsigned_abs(), MAX);
    client.create(spec("empty"), "").await.unwrap();
    cairn.drain().await;
}

/// Writers that share the lock of a large quota do not exceed it either.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn shared_quota_lock_keeps_a_large_quota_exact() {
    let cairn = limited(None, None).await;
    let connections = "SELECT current_setting('max_connections')::bigint";
    let shared = cairn.count(connections).await.unsigned_abs() * (128 << 10);
    let max = shared + 300_500;
    limit(&cairn.store, Some(max), None).await;
    let small = |number: usize, count: usize| {
        let writes = (0..count).map(|i| {
            let (client, bytes) = (cairn.client.clone(), content(12_000 + number + i));
            tokio::spawn(async move { client.create(spec("same"), bytes).await.map(drop) })
        });
        join_all(writes.collect::<Vec<_>>())
    };
    // Among small writes ends one that leaves them no room to share; yet there is room for all of these.
    let large = OpenUpload::begin(&cairn.client, spec("large")).await;
    for part in content(shared as usize).chunks(1 << 20) {
        large.send(part.to_vec()).await;
    }
    let (large, writes) = join(large.finish(), small(0, 20)).await;
    large.unwrap();
    for written in writes {
        written.unwrap().unwrap();
    }
    // The rest is room for four more.
    let writes = small(100, 40).await.into_iter();
    let refusals: Vec<_> = writes
        .filter_map(|written| written.unwrap().err())
        .collect();
    assert_eq!(refusals.len(), 36);
    for refusal in refusals {
        assert_eq!(refused::<()>(Err(refusal)).reason, "QUOTA_EXCEEDED");
    }
    let room = max - stored(&cairn.client).await.1.unsigned_abs();
    let last = cairn.client.upload(spec("a"), content(room as usize));
    last.await.unwrap();
    let one_more = cairn.client.create(spec("b"), "b").await;
    assert_eq!(refused(one_more).reason, "QUOTA_EXCEEDED");
    assert_eq!(stored(&cairn.client).await.1.unsigned_abs(), max);
}

/// Of many concurrent writers, as many succeed as artifacts are allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn artifact_quota_is_exact_under_concurrent_writes() {
    let cairn = limited(None, Some(5)).await;
    let writes = (0..30_usize).map(|i| {
        let client = cairn.client.clone();
        tokio::spawn(async move { client.create(spec("same"), content(i)).await.is_ok() })
    });
    let writes: Vec<_> = writes.collect();
    let written = join_all(writes).await.into_iter();
    assert_eq!(written.filter(|done| *done.as_ref().unwrap()).count(), 5);
    assert_eq!(stored(&cairn.client).await.0, 5);
    let refused = cairn.client.create(spec("same"), "").await;
    is_over(refused, ["max_artifacts", "5", "5", "1"]);
}

/// A deletion frees its quota at once, and a restoration needs room.
#[tokio::test]
async fn deletion_frees_quota_and_restoration_needs_it() {
    let cairn = limited(Some(100), None).await;
    let client = &cairn.client;
    let first = client.create(spec("a"), content(60)).await.unwrap();
    let second = client.create(spec("b"), content(40)).await.unwrap();
    let over = |used, needed| ["max_stored_bytes", "100", used, needed];
    is_over(client.create(spec("c"), "x").await, over("100", "1"));
    is_over(copy(client, &second.artifact_id).await, over("100", "40"));

    client.delete(&first.artifact_id).await.unwrap();
    client.delete(&second.artifact_id).await.unwrap();
    client.create(spec("c"), content(50)).await.unwrap();
    let both = [&first.artifact_id, &second.artifact_id];
    is_over(restore(client, &both).await, over("50", "100"));
    assert_eq!(stored(client).await, (1, 50), "none of them came back");
    assert_eq!(restore(client, &[both[1]]).await.unwrap(), 1);
    assert_eq!(stored(client).await, (2, 90));
    is_over(restore(client, &[both[0]]).await, over("90", "60"));
    // There is nothing to restore, and so nothing to refuse.
    assert_eq!(restore(client, &[both[1]]).await.unwrap(), 0);
    cairn.drain().await;
}

/// An upload over the quota is refused before its content is sent, and leaves nothing.
#[tokio::test]
async fn upload_over_quota_is_refused_before_content() {
    let cairn = Setup::on(Bytes::S3).start().await;
    limit(&cairn.store, Some(300_000), None).await;
    let client = &cairn.client;
    let over = |used, needed| ["max_stored_bytes", "300000", used, needed];
    let answer = async |open: OpenUpload| {
        let answered = within_patience("it is refused while it is sent", open.call);
        answered.await.unwrap()
    };
    // By its declared size.
    let declared = ArtifactSpec {
        size_bytes: Some(300_001),
        ..spec("a")
    };
    let open = OpenUpload::begin(client, declared).await;
    is_over(answer(open).await, over("0", "300001"));
    // By the bytes that have arrived.
    let open = OpenUpload::begin(client, spec("a")).await;
    open.send(content(200_000)).await;
    open.send(content(200_000)).await;
    is_over(answer(open).await, over("0", "400000"));
    // By what is stored.
    let large = client.upload(spec("a"), content(300_000)).await.unwrap();
    limit(&cairn.store, Some(299_999), None).await;
    let open = OpenUpload::begin(client, spec("a")).await;
    let expected = ["max_stored_bytes", "299999", "300000", "0"];
    is_over(answer(open).await, expected);
    // By what was stored meanwhile: at the commit, with the bytes in the bucket.
    client.delete(&large.artifact_id).await.unwrap();
    let open = OpenUpload::begin(client, spec("b")).await;
    open.send(content(150_000)).await;
    client.create(spec("c"), content(200_000)).await.unwrap();
    let expected = ["max_stored_bytes", "299999", "200000", "150000"];
    is_over(open.finish().await, expected);
    cairn.drain().await;
    assert_eq!(stored(client).await, (1, 200_000));
}

/// A quota that is set while an upload is running applies to it.
#[tokio::test]
async fn quota_set_during_an_upload_applies_to_it() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let open = OpenUpload::begin(&cairn.client, spec("a")).await;
    open.send(content(100_000)).await;
    let staging = "SELECT count(*) FROM objects WHERE state = 'staging'";
    eventually("it is under way", async || cairn.count(staging).await == 1).await;
    limit(&cairn.store, Some(99_999), None).await;
    let expected = ["max_stored_bytes", "99999", "0", "100000"];
    is_over(open.finish().await, expected);
    cairn.drain().await;
}

#[tokio::test]
async fn what_was_done_before_is_answered_again_over_the_quota() {
    let cairn = limited(Some(100_100), None).await;
    let client = &cairn.client;
    let keyed = |name, key: &str| ArtifactSpec {
        idempotency_key: key.into(),
        ..spec(name)
    };
    let small = client.create(keyed("a", "1"), content(100)).await.unwrap();
    let large = client.upload(keyed("b", "2"), content(100_000)).await;
    let large = large.unwrap();
    let is_full = client.create(keyed("c", "3"), "x").await;
    assert_eq!(refused(is_full).reason, "QUOTA_EXCEEDED");
    for max in [100_100, 10] {
        limit(&cairn.store, Some(max), None).await;
        let again = client.create(keyed("a", "1"), content(100)).await;
        assert_eq!(again.unwrap().artifact_id, small.artifact_id);
        let again = client.upload(keyed("b", "2"), content(100_000)).await;
        assert_eq!(again.unwrap().artifact_id, large.artifact_id);
        for (name, size, id) in [
            ("a", 100, &small.artifact_id),
            ("b", 100_000, &large.artifact_id),
        ] {
            let existing = ArtifactSpec {
                on_duplicate: OnDuplicate::ReturnExisting.into(),
                ..spec(name)
            };
            let found = client.upload(existing, content(size)).await;
            assert_eq!(found.unwrap().artifact_id, *id);
        }
    }
    // The key of the refused call is free.
    limit(&cairn.store, Some(200_000), None).await;
    client.create(keyed("c", "3"), "x").await.unwrap();
    cairn.drain().await;
}

/// A quota below what is stored deletes nothing and accepts nothing.
#[tokio::test]
async fn quota_below_usage_deletes_and_accepts_nothing() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let made = client.create(spec("a"), content(100)).await.unwrap();
    let waiting = ArtifactSpec {
        unpublished: true,
        ..session_spec("b", "run")
    };
    client.create(waiting, content(100)).await.unwrap();
    limit(&cairn.store, Some(50), Some(1)).await;
    let over = ["max_stored_bytes", "50", "200", "0"];
    is_over(client.create(spec("c"), "").await, over);
    assert_eq!(
        client.download(&made.artifact_id).await.unwrap(),
        content(100)
    );
    let commit = CommitSessionRequest {
        session_id: "run".into(),
        ..CommitSessionRequest::default()
    };
    let published = client.sessions.clone().commit_session(commit).await;
    assert_eq!(published.unwrap().into_inner().artifacts.len(), 1);
    let other = cairn.client_of("other").await;
    other.create(spec("c"), content(100)).await.unwrap();

    let me = client.identity.clone().who_am_i(WhoAmIRequest {}).await;
    let me = me.unwrap().into_inner();
    assert_eq!((me.max_stored_bytes, me.max_artifacts), (Some(50), Some(1)));
    let quotas = cairn.store.gc_status().await.unwrap().quotas;
    assert_eq!((quotas.fullest_share, quotas.near_quota), (4.0, 1));
    limit(&cairn.store, None, None).await;
    client.create(spec("c"), content(100)).await.unwrap();
    let quotas = cairn.store.gc_status().await.unwrap().quotas;
    assert_eq!((quotas.fullest_share, quotas.near_quota), (0.0, 0));
}
