//! Cancelled calls leave Postgres and the pool as they were.

use std::time::Duration;

use cairn_proto::v1::{
    CreateArtifactRequest, CreateLinkRequest, DeleteArtifactsRequest, GetArtifactRequest,
    SetStageRequest,
};
use futures_util::future::join_all;
use tokio::time::timeout;
use tonic::{Code, Request};

use harness::{Bytes, Cairn, PATIENCE, Setup, eventually, eventually_within, session_spec, spec};

const POOL: usize = 4;
/// Before Postgres ends the statements by itself, after half a minute.
const SOON: Duration = Duration::from_secs(25);

async fn with_small_pool() -> Cairn {
    let setup = Setup::on(Bytes::Files).config(|config| config.database_connections = POOL);
    setup.proxied().start().await
}

fn within<T>(limit: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

fn get(id: &str) -> GetArtifactRequest {
    GetArtifactRequest {
        artifact_id: id.to_owned(),
        name: None,
    }
}

/// Makes calls at once whose deadlines pass before they are answered.
async fn give_up(cairn: &Cairn, id: &str, calls: usize) {
    let calls = join_all((0..calls).map(|_| async {
        let request = within(Duration::from_millis(200), get(id));
        cairn.client.artifacts.clone().get_artifact(request).await
    }));
    for answer in calls.await {
        assert!(answer.is_err());
    }
}

/// Whether the artifact is returned.
async fn answers(cairn: &Cairn, id: &str) -> bool {
    let answer = timeout(Duration::from_secs(5), cairn.client.get(id)).await;
    answer.is_ok_and(|answer| answer.is_ok())
}

#[tokio::test]
async fn calls_given_up_do_not_delay_the_next_call() {
    let cairn = with_small_pool().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    // Longer than any caller waits, and than the test may take.
    cairn.postgres_proxy().delay_answers(2 * PATIENCE);
    give_up(&cairn, &made.artifact_id, 2 * POOL).await;
    cairn.postgres_proxy().pass_answers();
    eventually_within(SOON, "a get answers", async || {
        answers(&cairn, &made.artifact_id).await
    })
    .await;
}

#[tokio::test]
async fn statements_given_up_are_cancelled_at_postgres() {
    let cairn = with_small_pool().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let blocker = cairn.database().await;
    blocker
        .batch_execute("BEGIN; LOCK TABLE artifacts IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    give_up(&cairn, &made.artifact_id, POOL).await;
    // The lock is still held: only a cancellation ends these.
    eventually_within(SOON, "no statement waits for the lock", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        cairn.count(waiting).await == 0
    })
    .await;
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert!(answers(&cairn, &made.artifact_id).await);
}

#[tokio::test]
async fn a_silent_primary_is_left_once_it_speaks_again() {
    let cairn = with_small_pool().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    cairn.postgres_proxy().keep_answers();
    give_up(&cairn, &made.artifact_id, POOL).await;
    cairn.postgres_proxy().pass_answers();
    eventually_within(SOON, "a get answers", async || {
        answers(&cairn, &made.artifact_id).await
    })
    .await;
}

#[tokio::test]
async fn a_silent_primary_ends_a_call_without_deadline() {
    let cairn = with_small_pool().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    cairn.postgres_proxy().keep_answers();
    let refusal = harness::refused(cairn.client.get(&made.artifact_id).await);
    assert_eq!(refusal.code, Code::Unavailable);
    assert_eq!(refusal.metadata["dependency"], "database");
}

/// The backends of this test's store.
const BACKENDS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'cairn'";

#[tokio::test]
async fn cancelled_commits_never_exceed_the_pool() {
    let cairn = with_small_pool().await;
    cairn
        .client
        .create(session_spec("first", "run"), "x")
        .await
        .unwrap();
    let sealer = cairn.database().await;
    // Like a sealer, while it writes its manifest.
    sealer
        .batch_execute("BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let watcher = cairn.database().await;
    let mut most = 0;
    for _ in 0..60 {
        let commits = join_all((0..10).map(|n| {
            let spec = session_spec(&format!("late-{n}"), "run");
            let request = CreateArtifactRequest {
                spec: Some(spec),
                content: vec![b'x'; 10].into(),
                preview_bytes: 0,
            };
            let request = within(Duration::from_millis(30), request);
            let mut client = cairn.client.artifacts.clone();
            async move { client.create_artifact(request).await }
        }));
        for answer in commits.await {
            assert!(answer.is_err(), "the session is held");
        }
        let backends: i64 = watcher.query_one(BACKENDS, &[]).await.unwrap().get(0);
        most = most.max(backends);
    }
    sealer.batch_execute("ROLLBACK").await.unwrap();
    assert!(
        most as usize <= POOL,
        "{most} backends for a pool of {POOL}"
    );
    eventually("commits go on", async || {
        cairn
            .client
            .create(session_spec("later", "run"), "y")
            .await
            .is_ok()
    })
    .await;
}

#[tokio::test]
async fn replays_at_pool_size_hold_one_connection_each() {
    let cairn = with_small_pool().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let link = CreateLinkRequest {
        artifact_id: made.artifact_id.clone(),
        idempotency_key: "link".into(),
        ..Default::default()
    };
    let stage = SetStageRequest {
        stage: cairn_proto::v1::ArtifactStage::Review.into(),
        filter: "filename = a".into(),
        idempotency_key: "stage".into(),
        ..Default::default()
    };
    let delete = DeleteArtifactsRequest {
        filter: "filename = b".into(),
        idempotency_key: "delete".into(),
        ..Default::default()
    };
    let all = || async {
        let (mut links, mut artifacts) =
            (cairn.client.links.clone(), cairn.client.artifacts.clone());
        links.create_link(link.clone()).await.unwrap();
        artifacts.set_stage(stage.clone()).await.unwrap();
        artifacts.delete_artifacts(delete.clone()).await.unwrap();
    };
    all().await;
    join_all((0..4 * POOL).map(|_| all())).await;
}
