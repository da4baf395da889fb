//! What a tenant stores is counted exactly and at once, on every way in and out.

use cairn_proto::v1::{
    ArtifactSpec, CommitSessionRequest, CopyArtifactRequest, DeleteArtifactsRequest,
    RestoreArtifactsRequest, WhoAmIRequest,
};
use futures_util::future::join_all;

use harness::{Bytes, Cairn, Client, Setup, content, session_spec, spec};

/// How many artifacts a tenant stores, and their bytes, as WhoAmI says.
async fn stored(client: &Client) -> (i64, i64) {
    let me = client.identity.clone().who_am_i(WhoAmIRequest {}).await;
    let me = me.unwrap().into_inner();
    (me.stored_artifacts, me.stored_bytes)
}

/// The counts of all tenants: artifacts and their bytes, objects and theirs.
async fn counted(cairn: &Cairn) -> [u64; 4] {
    cairn.audit().await;
    let usage = cairn.store.gc_status().await.unwrap().usage;
    [
        usage.stored_artifacts,
        usage.stored_bytes,
        usage.physical_objects,
        usage.physical_bytes,
    ]
}

#[tokio::test]
async fn usage_follows_every_way_in_and_out() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    assert_eq!(counted(&cairn).await, [0, 0, 0, 0]);

    let small = client.create(spec("small"), content(10)).await.unwrap();
    assert_eq!(stored(client).await, (1, 10));
    client
        .upload(spec("large"), content(100_000))
        .await
        .unwrap();
    assert_eq!(counted(&cairn).await, [2, 100_010, 2, 100_010]);
    // The same bytes again: another artifact, and no additional object that lasts.
    client
        .upload(spec("again"), content(100_000))
        .await
        .unwrap();
    assert_eq!(stored(client).await, (3, 200_010));
    let copy = CopyArtifactRequest {
        artifact_id: small.artifact_id.clone(),
        spec: Some(spec("copy")),
        ..CopyArtifactRequest::default()
    };
    client.artifacts.clone().copy_artifact(copy).await.unwrap();
    assert_eq!(stored(client).await, (4, 200_020));

    let unpublished = |name| ArtifactSpec {
        unpublished: true,
        ..session_spec(name, "run")
    };
    let discarded = client.create(unpublished("a"), content(20)).await.unwrap();
    client.create(unpublished("b"), content(20)).await.unwrap();
    assert_eq!(stored(client).await, (6, 200_060));
    client.delete(&discarded.artifact_id).await.unwrap();
    assert_eq!(stored(client).await, (5, 200_040));
    let commit = CommitSessionRequest {
        session_id: "run".into(),
        ..CommitSessionRequest::default()
    };
    client
        .sessions
        .clone()
        .commit_session(commit)
        .await
        .unwrap();
    assert_eq!(stored(client).await, (5, 200_040));

    client.delete(&small.artifact_id).await.unwrap();
    assert_eq!(stored(client).await, (4, 200_030));
    let restore = RestoreArtifactsRequest {
        artifact_ids: vec![small.artifact_id],
        ..RestoreArtifactsRequest::default()
    };
    let mut artifacts = client.artifacts.clone();
    artifacts.restore_artifacts(restore).await.unwrap();
    assert_eq!(stored(client).await, (5, 200_040));
    let delete = DeleteArtifactsRequest {
        filter: "size_bytes = 100000".into(),
        ..DeleteArtifactsRequest::default()
    };
    artifacts.delete_artifacts(delete).await.unwrap();
    assert_eq!(stored(client).await, (3, 40), "small, copy and b");

    client.create(spec("soon"), content(30)).await.unwrap();
    client.create(unpublished("c"), content(40)).await.unwrap();
    assert_eq!(stored(client).await, (5, 110));
    let expire = "UPDATE artifacts SET expires_at = now() WHERE filename = 'soon'";
    cairn.sql(expire).await;
    cairn.let_time_pass().await;
    cairn.collect().await;
    assert_eq!(stored(client).await, (3, 40), "what was over has ended");

    cairn.drain().await;
    assert_eq!(counted(&cairn).await, [3, 40, 2, 30]);
}

/// Each tenant's usage is counted separately, even by statements that change several tenants at once.
#[tokio::test]
async fn usage_of_tenants_is_separate() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let other = cairn.client_of("other").await;
    for (client, size) in [(&cairn.client, 10), (&other, 20), (&other, 30)] {
        client.create(spec("a"), content(size)).await.unwrap();
    }
    assert_eq!(stored(&cairn.client).await, (1, 10));
    assert_eq!(stored(&other).await, (2, 50));
    cairn.sql("UPDATE artifacts SET expires_at = now()").await;
    assert_eq!(cairn.pass("expire").await.count("expired"), 3);
    let changes = "SELECT count(*) FROM usage_changes WHERE stored_artifacts < 0";
    assert_eq!(cairn.count(changes).await, 2, "one for each tenant");
    assert_eq!(stored(&cairn.client).await, (0, 0));
    assert_eq!(stored(&other).await, (0, 0));
    cairn.audit().await;
}

#[tokio::test]
async fn what_changes_no_usage_writes_none() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let made = client.create(spec("a"), content(10)).await.unwrap();
    cairn.pass("usage").await;
    assert_eq!(cairn.count("SELECT count(*) FROM usage_changes").await, 0);
    cairn
        .sql(
            "UPDATE artifacts SET stage = 'final'; UPDATE objects SET attempts = 1;
             UPDATE artifacts SET held = true WHERE false; DELETE FROM objects WHERE false",
        )
        .await;
    assert_eq!(cairn.count("SELECT count(*) FROM usage_changes").await, 0);
    client.get(&made.artifact_id).await.unwrap();
    assert_eq!(stored(client).await, (1, 10));
}

#[tokio::test]
async fn usage_is_exact_at_every_moment_while_workers_add_it_up() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let changes = "INSERT INTO usage_changes (tenant_id, stored_artifacts, stored_bytes)
        SELECT t.id, sign, sign * 7 FROM tenants t, generate_series(1, 2500) i, (VALUES (1), (-1)) s (sign)";
    let before = stored(&cairn.client).await;
    cairn.sql(changes).await;
    let workers = join_all((0..4).map(|_| cairn.pass("usage")));
    let looks = async {
        for _ in 0..50 {
            assert_eq!(stored(&cairn.client).await, before);
        }
    };
    let (reports, ()) = futures_util::future::join(workers, looks).await;
    for report in reports {
        assert!(report.failures.is_empty(), "{report:?}");
    }
    cairn.pass("usage").await;
    assert_eq!(cairn.count("SELECT count(*) FROM usage_changes").await, 0);
    assert_eq!(stored(&cairn.client).await, before);
}

#[tokio::test]
async fn an_old_snapshot_does_not_make_usage_dear() {
    let cairn = Cairn::start().await;
    let old = cairn.database().await;
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM tenants")
        .await
        .unwrap();
    let changes = "INSERT INTO usage_changes (tenant_id, stored_artifacts)
        SELECT t.id, CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END FROM tenants t, generate_series(1, 20000) i";
    cairn.sql(changes).await;
    cairn.pass("usage").await;
    let pages = "SELECT (heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::bigint
        FROM pg_statio_user_tables WHERE relname = 'usage_changes'";
    let before = cairn.counted(pages).await;
    for _ in 0..20 {
        assert_eq!(stored(&cairn.client).await, (0, 0));
    }
    let read = cairn.counted(pages).await - before;
    assert!(read < 200, "{read} pages were read");
    drop(old);
}

#[tokio::test]
async fn no_write_waits_for_usage_to_be_added_up() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    client.create(spec("a"), content(10)).await.unwrap();
    cairn.pass("usage").await;
    let mut database = cairn.database().await;
    let adding = database.transaction().await.unwrap();
    let lock = "UPDATE tenant_usage SET stored_bytes = stored_bytes";
    assert_eq!(adding.execute(lock, &[]).await.unwrap(), 1);
    let made = client.create(spec("a"), content(10)).await.unwrap();
    client.delete(&made.artifact_id).await.unwrap();
    assert_eq!(stored(client).await, (1, 10));
    adding.rollback().await.unwrap();
}

/// The migration counts what was stored before usage was counted.
#[tokio::test]
async fn migration_counts_what_was_already_stored() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    for name in ["a", "b"] {
        client.create(spec(name), content(10)).await.unwrap();
    }
    // As if there had been no triggers until now.
    cairn
        .sql("DELETE FROM usage_changes; DELETE FROM tenant_usage")
        .await;
    // Replicas continue, and so does a worker of the new version.
    client.upload(spec("c"), content(100_000)).await.unwrap();
    cairn.pass("usage").await;
    let b = client.create(spec("b"), content(20)).await.unwrap();
    client.delete(&b.artifact_id).await.unwrap();
    let migration = include_str!("../../crates/store/migrations/V0012__usage_so_far.sql");
    cairn.sql(migration).await;
    assert_eq!(counted(&cairn).await, [3, 100_020, 3, 100_030]);
}
