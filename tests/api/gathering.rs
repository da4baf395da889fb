//! Small writes that arrive together are committed together, and each behaves as if alone.

use std::collections::HashSet;

use cairn_proto::v1::{Artifact, ArtifactSpec};
use futures_util::future::join_all;
use tonic::Status;

use harness::{Bytes, Cairn, Setup, eventually, refused, session_spec, spec, within_patience};

const WRITES: usize = 64;

async fn start() -> Cairn {
    Setup::on(Bytes::Files).start().await
}

async fn together(
    cairn: &Cairn,
    of: impl Fn(usize) -> (ArtifactSpec, String),
) -> Vec<Result<Artifact, Status>> {
    join_all((0..WRITES).map(|n| {
        let (spec, content) = of(n);
        let client = &cairn.client;
        async move { client.create(spec, content).await }
    }))
    .await
}

/// How many transactions wrote the artifacts.
async fn transactions(cairn: &Cairn) -> i64 {
    let counted = "SELECT count(DISTINCT xmin::text) FROM artifacts";
    cairn.count(counted).await
}

#[tokio::test]
async fn writes_that_come_together_share_transactions() {
    let cairn = start().await;
    let made = together(&cairn, |n| {
        (session_spec(&format!("f{n}"), "run"), format!("{n}"))
    })
    .await;
    for made in made {
        assert_eq!(made.unwrap().version, 1);
    }
    let transactions = transactions(&cairn).await;
    assert!(
        transactions <= WRITES as i64 / 2,
        "{transactions} transactions"
    );
}

#[tokio::test]
async fn versions_of_one_file_made_together_are_numbered() {
    let cairn = start().await;
    let made = together(&cairn, |n| (session_spec("same", "run"), format!("{n}"))).await;
    let versions: HashSet<_> = made.into_iter().map(|made| made.unwrap().version).collect();
    assert_eq!(versions, (1..=WRITES as i64).collect());
}

#[tokio::test]
async fn one_content_made_together_is_one_object() {
    let cairn = start().await;
    let made = together(&cairn, |n| (spec(&format!("f{n}")), "same".into())).await;
    let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
    let new = made.iter().filter(|made| !made.deduplicated).count();
    assert_eq!(new, 1);
    assert_eq!(cairn.count("SELECT count(*) FROM objects").await, 1);
}

#[tokio::test]
async fn a_refused_write_does_not_refuse_its_neighbours() {
    let cairn = start().await;
    cairn
        .client
        .create(session_spec("a", "sealed"), "x")
        .await
        .unwrap();
    cairn.client.seal("sealed").await.unwrap();
    let made = together(&cairn, |n| {
        let session = if n % 2 == 0 { "sealed" } else { "open" };
        let mut spec = session_spec(&format!("f{n}"), session);
        if n % 8 == 1 {
            spec.inputs = vec!["art_0000000000000000".into()];
        }
        spec.idempotency_key = format!("key-{n}");
        (spec, format!("{n}"))
    })
    .await;
    for (n, made) in made.into_iter().enumerate() {
        match n % 8 {
            1 => assert_eq!(refused(made).reason, "INVALID_ARGUMENT"),
            n if n % 2 == 0 => assert_eq!(refused(made).reason, "SESSION_SEALED"),
            _ => assert_eq!(made.unwrap().version, 1),
        }
    }
    // A refused write leaves no key.
    let left = "SELECT count(*) FROM idempotency_keys WHERE result IS NULL";
    assert_eq!(cairn.count(left).await, 0);
}

#[tokio::test]
async fn a_write_that_waits_for_a_lock_holds_up_no_other() {
    let cairn = start().await;
    cairn
        .client
        .create(session_spec("a", "locked"), "x")
        .await
        .unwrap();
    let blocker = cairn.database().await;
    blocker
        .batch_execute("BEGIN; SELECT FROM sessions WHERE id = 'locked' FOR UPDATE")
        .await
        .unwrap();
    let waits = cairn.client.create(session_spec("b", "locked"), "y");
    let others = async {
        let made = together(&cairn, |n| {
            (session_spec(&format!("f{n}"), "free"), format!("{n}"))
        });
        for made in made.await {
            made.unwrap();
        }
        eventually("the write in the locked session waits alone", async || {
            let waiting = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
            cairn.count(waiting).await == 1
        })
        .await;
        blocker.batch_execute("ROLLBACK").await.unwrap();
    };
    let (waited, ()) = futures_util::join!(waits, others);
    assert_eq!(waited.unwrap().version, 1);
}

#[tokio::test]
async fn writes_made_together_keep_to_a_quota() {
    let cairn = start().await;
    let update = cairn_store::TenantUpdate {
        max_artifacts: Some(Some(10)),
        ..Default::default()
    };
    assert!(cairn.store.update_tenant("acme", update).await.unwrap());
    let made = together(&cairn, |n| (spec(&format!("f{n}")), format!("{n}"))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 10);
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 10);
}

#[tokio::test]
async fn writes_cut_off_in_their_commit_are_made_once() {
    let cairn = Setup::on(Bytes::Files).proxied().start().await;
    cairn.postgres_proxy().lose_answer_to(b"COMMIT\0");
    let made = together(&cairn, |n| (session_spec("same", "run"), format!("{n}"))).await;
    assert!(cairn.postgres_proxy().has_lost_it());
    let versions: HashSet<_> = made.into_iter().map(|made| made.unwrap().version).collect();
    assert_eq!(versions.len(), WRITES);
    assert_eq!(
        cairn.count("SELECT count(*) FROM artifacts").await,
        WRITES as i64
    );
}

#[tokio::test]
async fn writes_one_after_another_all_end() {
    let cairn = start().await;
    for n in 0..1000 {
        let made = cairn.client.create(spec("same"), format!("{n}"));
        within_patience(&format!("write {n} ends"), made)
            .await
            .unwrap();
    }
}
