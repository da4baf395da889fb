//! The collector deletes what no artifact can reach any more, and nothing else.
#![cfg(test)]

use std::time::Duration;

use cairn_proto::v1::{ArtifactSpec, artifact_spec::Expiry};
use cairn_store::{
    Store,
    gc::{Collector, PASSES, Policy, Report},
};
use futures_util::future::join_all;

use harness::{Bytes, Cairn, Setup, content, session_spec, spec};

mod backlog;
mod control;
mod damage;
mod erasures;
mod fsck;
mod ghosts;
mod ledger;
mod orphans;
mod plans;
mod restore_drill;
mod retention;
mod unfinished;

harness::on_s3_and_files!(garbage_moves_through_the_passes_when_each_wait_is_over);

/// A deleted artifact whose bytes are due for deletion.
async fn with_due_bytes(cairn: &Cairn) -> String {
    let made = cairn.client.upload(spec("due"), content(100_000)).await;
    let id = made.unwrap().artifact_id;
    cairn.client.delete(&id).await.unwrap();
    cairn.let_time_pass().await;
    assert_eq!(cairn.collect().await.count("condemned"), 1);
    cairn.let_time_pass().await;
    id
}

fn short_lived(filename: &str) -> ArtifactSpec {
    let ttl = prost_types::Duration {
        seconds: 1,
        nanos: 0,
    };
    ArtifactSpec {
        expiry: Some(Expiry::Ttl(ttl)),
        ..spec(filename)
    }
}

/// The counts of a report: expired, purged, stale uploads, condemned, reclaimed, bytes.
fn counts(report: &Report) -> [u64; 6] {
    assert!(report.failures.is_empty(), "{report:?}");
    [
        report.count("expired"),
        report.count("purged"),
        report.count("stale_uploads"),
        report.count("condemned"),
        report.count("reclaimed"),
        report.count("bytes"),
    ]
}

async fn garbage_moves_through_the_passes_when_each_wait_is_over(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let size = 100_000;
    let kept = cairn
        .client
        .upload(spec("kept"), content(size + 1))
        .await
        .unwrap();
    cairn
        .client
        .upload(short_lived("expires"), content(size))
        .await
        .unwrap();
    let deleted = cairn
        .client
        .upload(spec("deleted"), content(size + 2))
        .await
        .unwrap();
    cairn.client.delete(&deleted.artifact_id).await.unwrap();

    assert!(cairn.collect().await.is_idle(), "nothing is due");
    cairn
        .sql("UPDATE artifacts SET expires_at = now() WHERE filename = 'expires'")
        .await;
    assert_eq!(counts(&cairn.collect().await), [1, 0, 0, 0, 0, 0]);
    assert!(cairn.collect().await.is_idle(), "the delete window is open");
    cairn
        .sql("UPDATE artifacts SET purge_after = now() WHERE state = 'deleted'")
        .await;
    assert_eq!(counts(&cairn.collect().await), [0, 2, 0, 2, 0, 0]);
    assert!(cairn.collect().await.is_idle(), "the grace is running");
    assert_eq!(cairn.stored().await.len(), 3);
    cairn.let_time_pass().await;
    assert_eq!(
        counts(&cairn.collect().await),
        [0, 0, 0, 0, 2, 2 * size as u64 + 2]
    );
    assert_eq!(cairn.stored().await.len(), 1);
    cairn.let_time_pass().await;
    assert!(cairn.collect().await.is_idle());
    let back = cairn.client.download(&kept.artifact_id).await.unwrap();
    assert!(back == content(size + 1));
}

#[tokio::test]
async fn bytes_stay_for_as_long_as_one_artifact_shares_them() {
    let cairn = Cairn::start().await;
    for size in [1000, 100_000] {
        let same = content(size);
        let first = cairn
            .client
            .upload(session_spec("a", "one"), same.clone())
            .await
            .unwrap();
        let second = cairn
            .client
            .upload(session_spec("b", "two"), same.clone())
            .await
            .unwrap();
        cairn.client.delete(&first.artifact_id).await.unwrap();
        cairn.collect_everything().await;
        assert!(cairn.client.download(&second.artifact_id).await.unwrap() == same);
        cairn.client.delete(&second.artifact_id).await.unwrap();
        cairn.collect_everything().await;
        assert_eq!(
            cairn
                .count("SELECT count(*) FROM objects WHERE state <> 'gone'")
                .await,
            0
        );
        assert!(cairn.stored().await.is_empty());
        // The same bytes once more are a new object: the old one never comes back.
        let third = cairn
            .client
            .upload(session_spec("c", "one"), same.clone())
            .await
            .unwrap();
        assert!(!third.deduplicated);
        cairn.collect_everything().await;
        assert!(cairn.client.download(&third.artifact_id).await.unwrap() == same);
        cairn.client.delete(&third.artifact_id).await.unwrap();
        cairn.collect_everything().await;
    }
    let kept = "SELECT count(*) FROM objects WHERE inline_data IS NOT NULL";
    assert_eq!(cairn.count(kept).await, 0, "small bytes go as well");
}

/// Bytes that are pushed again while the old copy is condemned become a copy of their own.
#[tokio::test]
async fn bytes_pushed_over_a_condemned_copy_are_new() {
    let cairn = Cairn::start().await;
    let same = content(100_000);
    let first = cairn.client.upload(spec("a"), same.clone()).await.unwrap();
    cairn.client.delete(&first.artifact_id).await.unwrap();
    cairn.sql("UPDATE artifacts SET purge_after = now()").await;
    assert_eq!(cairn.collect().await.count("condemned"), 1);
    let second = cairn.client.upload(spec("b"), same.clone()).await.unwrap();
    assert!(!second.deduplicated);
    cairn.collect_everything().await;
    assert!(cairn.client.download(&second.artifact_id).await.unwrap() == same);
    assert_eq!(cairn.stored().await.len(), 1);
}

#[tokio::test]
async fn a_dry_run_says_what_is_due_and_does_nothing() {
    let cairn = Cairn::start().await;
    let condemned = cairn
        .client
        .upload(spec("a"), content(100_000))
        .await
        .unwrap();
    cairn.client.delete(&condemned.artifact_id).await.unwrap();
    cairn.let_time_pass().await;
    cairn.collect().await;
    cairn
        .client
        .upload(short_lived("b"), content(100_001))
        .await
        .unwrap();
    let deleted = cairn
        .client
        .upload(spec("c"), content(100_002))
        .await
        .unwrap();
    cairn.client.delete(&deleted.artifact_id).await.unwrap();
    cairn.let_time_pass().await;

    let everything = "SELECT count(*) FROM artifacts WHERE state <> 'purged'";
    let before = (cairn.count(everything).await, cairn.stored().await.len());
    let dry = Policy {
        dry_run: true,
        ..Policy::default()
    };
    for _ in 0..2 {
        let report = cairn.collector.run(dry).await;
        assert!(report.dry_run);
        assert_eq!(counts(&report), [1, 1, 0, 0, 1, 100_000]);
    }
    assert_eq!(
        (cairn.count(everything).await, cairn.stored().await.len()),
        before
    );
    let real = cairn.collect().await;
    assert_eq!(
        [
            real.count("expired"),
            real.count("purged"),
            real.count("reclaimed")
        ],
        [1, 1, 1]
    );
}

#[tokio::test]
async fn a_dry_run_writes_and_locks_nothing() {
    let cairn = Cairn::start().await;
    with_due_bytes(&cairn).await;
    for name in ["b", "c"] {
        let made = cairn.client.create(spec(name), name).await.unwrap();
        cairn.client.delete(&made.artifact_id).await.unwrap();
    }
    cairn.let_time_pass().await;
    // A read-only transaction cannot lock rows either.
    let read_only = "DO $$ BEGIN EXECUTE format(
        'ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$";
    cairn.sql(read_only).await;
    let store = Store::open(&cairn.config).await.unwrap();
    let dry = Policy {
        dry_run: true,
        batch: 1,
        max_batches: 5,
        ..Policy::default()
    };
    let passes = PASSES.iter().filter(|pass| !pass.walks());
    let report = Collector::new(store, cairn.config.gc.clone())
        .run_passes(dry, passes)
        .await;
    assert_eq!(counts(&report), [0, 2, 0, 0, 1, 100_000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_workers_do_each_thing_once() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| config.database_connections = 16)
        .start()
        .await;
    let uploads = (0..60).map(|i| {
        cairn
            .client
            .upload(short_lived(&format!("{i}")), content(40_000 + i))
    });
    for made in join_all(uploads).await {
        made.unwrap();
    }
    let small = Policy {
        batch: 7,
        ..Policy::default()
    };
    let mut total = [0; 6];
    for _ in 0..3 {
        cairn.let_time_pass().await;
        let workers = (0..4).map(|_| {
            let collector = cairn.collector.clone();
            tokio::spawn(async move { collector.run(small).await })
        });
        for report in join_all(workers).await {
            let counts = counts(&report.unwrap());
            total
                .iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| *sum += count);
        }
    }
    let bytes = (0..60).map(|i| 40_000 + i).sum();
    assert_eq!(total, [60, 60, 0, 60, 60, bytes]);
    assert!(cairn.stored().await.is_empty());
}

/// Pushes and deletes the same few contents from several clients while workers without any waits collect.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_that_was_answered_well_is_ever_lost_to_the_collector() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| {
            config.database_connections = 24;
            config.delete_window = Duration::ZERO;
            config.gc_grace = Duration::ZERO;
        })
        .start()
        .await;
    let done = tokio_util::sync::CancellationToken::new();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (collector, done) = (cairn.collector.clone(), done.clone());
            tokio::spawn(async move {
                let mut reclaimed = 0;
                while !done.is_cancelled() {
                    let passes: Vec<_> = PASSES.iter().filter(|pass| !pass.walks()).collect();
                    let report = collector.run_passes(Policy::default(), passes).await;
                    assert!(report.failures.is_empty(), "{report:?}");
                    reclaimed += report.count("reclaimed");
                    tokio::task::yield_now().await;
                }
                reclaimed
            })
        })
        .collect();
    let agents = (0..6).map(|agent| {
        let client = cairn.client.clone();
        tokio::spawn(async move {
            for round in 0..40 {
                // Three contents, one of which is stored in Postgres.
                let bytes = content([500, 40_000, 40_001][(agent + round) % 3]);
                let made = client
                    .upload(spec("contended"), bytes.clone())
                    .await
                    .unwrap();
                let back = client.download(&made.artifact_id).await.unwrap();
                assert!(back == bytes, "lost while it was there");
                if (agent + round) % 7 != 0 {
                    client.delete(&made.artifact_id).await.unwrap();
                }
            }
        })
    });
    for agent in join_all(agents.collect::<Vec<_>>()).await {
        agent.unwrap();
    }
    done.cancel();
    let reclaimed: u64 = join_all(workers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    assert!(reclaimed > 0, "the collector had work");
    cairn.collect().await;
    let kept = cairn.database().await;
    let kept = kept.query(
        "SELECT id, size_bytes FROM artifacts WHERE state = 'live'",
        &[],
    );
    for row in kept.await.unwrap() {
        let (id, size): (String, i64) = (row.get(0), row.get(1));
        assert!(cairn.client.download(&id).await.unwrap() == content(size as usize));
    }
}

#[tokio::test]
async fn what_cannot_be_deleted_is_reported_and_tried_again_later() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    let made = cairn
        .client
        .upload(spec("a"), content(100_000))
        .await
        .unwrap();
    cairn.client.delete(&made.artifact_id).await.unwrap();
    cairn.let_time_pass().await;
    cairn.collect().await;
    cairn.let_time_pass().await;
    cairn.s3_proxy().cut();
    let report = cairn.collect().await;
    assert_eq!(report.count("reclaimed"), 0);
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].pass, "reclaim");
    assert_eq!(
        cairn
            .count("SELECT count(*) FROM objects WHERE last_error <> ''")
            .await,
        1
    );
    cairn.s3_proxy().restore();
    assert!(
        cairn.collect().await.is_idle(),
        "there is a pause after a failure"
    );
    cairn.let_time_pass().await;
    assert_eq!(cairn.collect().await.count("reclaimed"), 1);
    assert!(cairn.stored().await.is_empty());
}

#[tokio::test]
async fn a_pass_that_fails_does_not_stop_the_others() {
    let cairn = Cairn::start().await;
    let deleted = cairn
        .client
        .upload(spec("deleted"), content(100_000))
        .await
        .unwrap();
    cairn.client.delete(&deleted.artifact_id).await.unwrap();
    cairn
        .client
        .upload(short_lived("expires"), content(100_001))
        .await
        .unwrap();
    cairn.let_time_pass().await;
    cairn
        .sql("ALTER TABLE artifacts ADD CONSTRAINT broken CHECK (state <> 'deleted') NOT VALID")
        .await;
    let report = cairn.collect().await;
    let passes: Vec<_> = report.failures.iter().map(|failure| failure.pass).collect();
    assert_eq!(passes, ["expire"]);
    assert_eq!(
        [
            report.count("expired"),
            report.count("purged"),
            report.count("condemned")
        ],
        [0, 1, 1]
    );
    cairn
        .sql("ALTER TABLE artifacts DROP CONSTRAINT broken")
        .await;
    cairn.collect_everything().await;
    assert!(cairn.stored().await.is_empty());
}

/// Postgres itself refuses to condemn what an artifact pins, and to revive what is condemned.
#[tokio::test]
async fn postgres_refuses_to_condemn_pinned_objects() {
    let cairn = Cairn::start().await;
    let made = cairn
        .client
        .upload(spec("a"), content(100_000))
        .await
        .unwrap();
    let database = cairn.database().await;
    let condemn = "UPDATE objects SET state = 'condemned', not_before = now()";
    assert!(database.batch_execute(condemn).await.is_err());
    cairn.client.delete(&made.artifact_id).await.unwrap();
    assert!(
        database.batch_execute(condemn).await.is_err(),
        "deleted still pins"
    );
    cairn.sql("UPDATE artifacts SET purge_after = now()").await;
    cairn.collect().await;
    for state in ["live", "staging"] {
        let resurrect = format!("UPDATE objects SET state = '{state}', lease_until = now()");
        assert!(database.batch_execute(&resurrect).await.is_err());
    }
}
