//! To which database a blob store belongs, and whether the collector may work on it.

use cairn_store::{
    Error, Store,
    config::{BlobConfig, StoreConfig},
    gc::{Collector, PASSES, Pass, Policy},
};
use futures_util::future::join_all;
use tempfile::TempDir;

use super::{short_lived, with_due_bytes};
use harness::{Bytes, Cairn, Setup, content, eventually, postgres, s3, spec};

harness::on_s3_and_files!(
    of_many_processes_at_once_one_marks_the_blob_store,
    of_many_databases_at_once_one_gets_the_blob_store,
    nothing_is_deleted_from_another_deployments_blob_store,
);

/// A blob store with nothing in it, and its folder if it has one.
async fn empty_blob_store(bytes: Bytes) -> (BlobConfig, Option<TempDir>) {
    match bytes {
        Bytes::S3 => {
            let config = s3::config(&s3::address().await, &s3::bucket().await);
            (BlobConfig::S3(config), None)
        }
        Bytes::Files => {
            let folder = tempfile::tempdir().unwrap();
            (BlobConfig::Fs(folder.path().to_owned()), Some(folder))
        }
    }
}

/// The store of one Cairn's database on the blob store of another.
async fn mixed(records: &Cairn, bytes: &Cairn) -> Store {
    let config = StoreConfig {
        blobs: bytes.config.blobs.clone(),
        ..records.config.clone()
    };
    Store::open(&config).await.unwrap()
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(result: Result<T, Error>, words: &str) {
    let Err(Error::Invalid(violations)) = result else {
        panic!("{result:?} is no refusal");
    };
    let said = &violations[0].description;
    assert!(said.contains(words), "{words:?} in {said}");
    assert!(
        ["CAIRN_S3_BUCKET", "CAIRN_BLOB_DIR"].contains(&&*violations[0].field),
        "the setting at fault is named"
    );
}

async fn of_many_processes_at_once_one_marks_the_blob_store(bytes: Bytes) {
    let (blobs, _folder) = empty_blob_store(bytes).await;
    let config = StoreConfig::new(postgres::database().await, blobs);
    let starts = (0..8).map(|_| async {
        let store = Store::open(&config).await.unwrap();
        store.check_deployment().await.unwrap();
        store.deployment_status().await.unwrap()
    });
    let standings = join_all(starts).await;
    let first = standings[0].database.unwrap();
    for standing in standings {
        assert_eq!(
            (standing.database, standing.blob_store),
            (Some(first), Some(first))
        );
    }
}

async fn of_many_databases_at_once_one_gets_the_blob_store(bytes: Bytes) {
    let (blobs, _folder) = empty_blob_store(bytes).await;
    let mut stores = Vec::new();
    for _ in 0..5 {
        let config = StoreConfig::new(postgres::database().await, blobs.clone());
        let store = Store::open(&config).await.unwrap();
        // Connected beforehand, so that they arrive at the same time.
        store.deployment_status().await.unwrap();
        stores.push(store);
    }
    let starts = stores
        .into_iter()
        .map(|store| tokio::spawn(async move { store.check_deployment().await }));
    let results = join_all(starts).await.into_iter().map(Result::unwrap);
    let (have_it, refused): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
    assert_eq!((have_it.len(), refused.len()), (1, 4));
    for refusal in refused {
        is_refused(refusal, "is of deployment");
    }
}

async fn nothing_is_deleted_from_another_deployments_blob_store(bytes: Bytes) {
    let (ours, theirs) = (
        Setup::on(bytes).start().await,
        Setup::on(bytes).start().await,
    );
    with_due_bytes(&ours).await;
    theirs
        .client
        .upload(spec("a"), content(100_000))
        .await
        .unwrap();
    let wrong = mixed(&ours, &theirs).await;
    is_refused(wrong.preflight().await, "is of deployment");
    is_refused(wrong.ping().await, "is of deployment");
    let collector = Collector::new(wrong, ours.config.gc.clone());
    let report = collector.run(Policy::default()).await;
    for pass in ["reclaim", "orphans", "ghosts"] {
        let failed = report.failures.iter().any(|failure| failure.pass == pass);
        assert!(failed, "{pass} in {report:?}");
    }
    assert_eq!(report.count("reclaimed"), 0);
    let waiting = "SELECT count(*) FROM objects WHERE state = 'condemned' AND last_error <> ''";
    assert_eq!(ours.count(waiting).await, 1, "the row says why");
    assert_eq!(theirs.stored().await.len(), 1);
    // With the right one it continues.
    ours.let_time_pass().await;
    assert_eq!(ours.collect().await.count("reclaimed"), 1);
}

/// A blob store that has lost its mark is not mistaken for a new one.
#[tokio::test]
async fn blob_store_without_its_mark_is_not_new() {
    let cairn = Setup::on(Bytes::Files).start().await;
    cairn.remove_blob("v1/_deployment_id").await;
    let again = Store::open(&cairn.config).await.unwrap();
    is_refused(again.check_deployment().await, "does not say whose it is");
    again.adopt_blob_store(None, "me").await.unwrap();
    again.check_deployment().await.unwrap();
}

#[tokio::test]
async fn a_mark_that_is_not_understood_is_refused() {
    let cairn = Setup::on(Bytes::Files).start().await;
    cairn.put_blob("v1/_deployment_id", b"what is this").await;
    is_refused(cairn.store.check_deployment().await, "not understood");
}

/// A blob store that is adopted refuses the database that had it.
#[tokio::test]
async fn adopted_blob_store_refuses_its_old_database() {
    let (old, new) = (Cairn::start().await, Cairn::start().await);
    with_due_bytes(&old).await;
    let adopting = mixed(&new, &old).await;
    let theirs = old
        .store
        .deployment_status()
        .await
        .unwrap()
        .database
        .unwrap();
    let unnamed = adopting.adopt_blob_store(None, "me").await;
    assert!(matches!(unnamed, Err(Error::Invalid(_))), "{unnamed:?}");
    old.store.check_deployment().await.unwrap();

    let adopted = adopting
        .adopt_blob_store(Some(theirs.id), "me")
        .await
        .unwrap();
    assert!(adopted.epoch > theirs.epoch);
    adopting.check_deployment().await.unwrap();
    let paused = adopting.gc_pause().await.unwrap().unwrap();
    assert_eq!(paused.by, "me");
    is_refused(old.store.check_deployment().await, "is of deployment");
    let report = old.collect().await;
    assert_eq!((report.count("reclaimed"), report.failures.len()), (0, 1));
    // Even its own database is refused, now that the epoch differs.
    let same = old.store.deployment_status().await.unwrap();
    assert_ne!(same.database, same.blob_store);
}

/// A run that deletes stops when another database adopts the blob store.
#[tokio::test]
async fn run_stops_when_the_blob_store_is_adopted() {
    // One batch of ten is deleted at once, and the next one has to wait for ten seconds.
    let slowly = Setup::on(Bytes::Files).config(|config| config.gc.deletes_per_second = 1);
    let (old, new) = (slowly.start().await, Cairn::start().await);
    let uploads = (0..11).map(async |i| {
        let made = old
            .client
            .upload(spec(&format!("{i}")), content(40_000 + i));
        old.client.delete(&made.await.unwrap().artifact_id).await
    });
    for deleted in join_all(uploads).await {
        deleted.unwrap();
    }
    old.let_time_pass().await;
    old.collect().await;
    old.let_time_pass().await;
    let run = old
        .collector
        .run_passes(Policy::default(), Pass::named("reclaim"));
    let adopt = async {
        eventually("the first batch is deleted", async || {
            old.stored().await.len() == 1
        })
        .await;
        let theirs = old
            .store
            .deployment_status()
            .await
            .unwrap()
            .database
            .unwrap();
        let adopting = mixed(&new, &old).await;
        adopting
            .adopt_blob_store(Some(theirs.id), "me")
            .await
            .unwrap();
    };
    let (report, ()) = tokio::join!(run, adopt);
    assert_eq!(report.count("reclaimed"), 10);
    assert!(report.failures[0].error.contains("gc adopt"), "{report:?}");
    assert_eq!(old.stored().await.len(), 1, "the last one is theirs now");
}

/// A copy of a database from before its blob store was adopted is refused.
#[tokio::test]
async fn database_copy_from_before_adopt_is_refused() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let before = cairn
        .store
        .deployment_status()
        .await
        .unwrap()
        .database
        .unwrap();
    let after = cairn.store.adopt_blob_store(None, "me").await.unwrap();
    assert_eq!((after.id, after.epoch), (before.id, before.epoch + 1));
    cairn.sql("UPDATE gc_control SET epoch = epoch - 1").await;
    is_refused(cairn.store.check_deployment().await, "epoch 2");
}

/// A copy of the database in another Postgres deletes nothing until it has adopted the blob store.
#[tokio::test]
async fn database_copy_deletes_nothing_before_adopt() {
    let cairn = Setup::on(Bytes::Files).start().await;
    with_due_bytes(&cairn).await;
    assert!(cairn.pass("orphans").await.failures.is_empty());
    cairn
        .sql("UPDATE gc_control SET cluster_id = cluster_id + 1")
        .await;
    for pass in ["reclaim", "orphans"] {
        let report = cairn.pass(pass).await;
        assert_eq!(report.failures.len(), 1, "{report:?}");
        assert!(report.failures[0].error.contains("of a copy"), "{report:?}");
    }
    assert_eq!(cairn.stored().await.len(), 1);
    cairn.store.ping().await.unwrap();
    cairn.store.adopt_blob_store(None, "me").await.unwrap();
    cairn.store.resume_gc().await.unwrap();
    cairn.let_time_pass().await;
    assert_eq!(cairn.pass("reclaim").await.count("reclaimed"), 1);
}

/// While it is paused the collector does nothing, but a dry run says what it would do.
#[tokio::test]
async fn paused_collector_only_answers_dry_runs() {
    let cairn = Cairn::start().await;
    with_due_bytes(&cairn).await;
    cairn
        .client
        .upload(short_lived("b"), content(100_001))
        .await
        .unwrap();
    cairn.let_time_pass().await;
    cairn
        .store
        .pause_gc("kim", "moving the bucket")
        .await
        .unwrap();
    let report = cairn.collector.run(Policy::default()).await;
    let paused = report.paused.clone().unwrap();
    assert_eq!((&*paused.by, &*paused.reason), ("kim", "moving the bucket"));
    assert!(report.is_idle(), "{report:?}");
    assert_eq!(cairn.stored().await.len(), 2);
    let dry = Policy {
        dry_run: true,
        ..Policy::default()
    };
    let told = cairn.collector.run(dry).await;
    assert_eq!((told.count("expired"), told.count("reclaimed")), (1, 1));
    for would in &told.planned {
        assert!(!would.why.is_empty() && !would.id.is_empty(), "{would:?}");
    }

    // A second pause changes by whom and why, and not since when.
    cairn.store.pause_gc("lee", "still").await.unwrap();
    let again = cairn.store.gc_pause().await.unwrap().unwrap();
    assert_eq!((again.at, &*again.by), (paused.at, "lee"));
    assert!(cairn.store.resume_gc().await.unwrap());
    assert!(!cairn.store.resume_gc().await.unwrap());
    let report = cairn.collect().await;
    assert_eq!((report.count("expired"), report.count("reclaimed")), (1, 1));
}

#[tokio::test]
async fn a_pause_holds_from_the_next_batch_on() {
    let cairn = Setup::on(Bytes::Files).start().await;
    for name in ["a", "b", "c"] {
        cairn.client.create(short_lived(name), name).await.unwrap();
    }
    cairn.let_time_pass().await;
    // The first batch pauses the collector itself.
    cairn
        .sql(
            "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 UPDATE gc_control SET paused_at = now(), paused_by = 'it', paused_reason = 'test';
                 RETURN NULL; END $$;
             CREATE TRIGGER stop AFTER UPDATE ON artifacts EXECUTE FUNCTION stop()",
        )
        .await;
    let one = Policy {
        batch: 1,
        ..Policy::default()
    };
    let report = cairn.collector.run_passes(one, Pass::named("expire")).await;
    assert_eq!(report.count("expired"), 1);
    assert!(report.paused.is_some());
}

#[tokio::test]
async fn one_pass_alone_does_its_own_work_and_no_other() {
    let cairn = Cairn::start().await;
    with_due_bytes(&cairn).await;
    cairn
        .client
        .upload(short_lived("b"), content(100_001))
        .await
        .unwrap();
    cairn.let_time_pass().await;
    let report = cairn.pass("expire").await;
    assert_eq!(report.count("expired"), 1);
    assert!(!report.counts.contains_key("reclaimed"));
    assert_eq!(cairn.stored().await.len(), 2);
    assert_eq!(cairn.pass("reclaim").await.count("reclaimed"), 1);
}

#[tokio::test]
async fn one_bad_row_holds_up_nothing_but_itself_and_is_reported() {
    let cairn = Setup::on(Bytes::Files).start().await;
    for i in 0..40 {
        let made = cairn.client.create(short_lived(&i.to_string()), "x").await;
        made.unwrap();
    }
    cairn.let_time_pass().await;
    cairn
        .sql(
            "ALTER TABLE artifacts ADD CONSTRAINT broken
             CHECK (filename NOT IN ('7', '23') OR state = 'live') NOT VALID",
        )
        .await;
    let report = cairn.collect().await;
    assert_eq!(report.count("expired"), 38);
    let passes: Vec<_> = report.failures.iter().map(|failure| failure.pass).collect();
    assert_eq!(passes, ["expire", "expire"], "{report:?}");
    assert!(report.failures[0].error.contains("broken"));
    cairn
        .sql("ALTER TABLE artifacts DROP CONSTRAINT broken")
        .await;
    assert_eq!(cairn.collect().await.count("expired"), 2);
}

#[tokio::test]
async fn how_each_pass_went_is_there_to_be_seen() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    with_due_bytes(&cairn).await;
    cairn.s3_proxy().cut();
    cairn.collector.run(Policy::default()).await;
    cairn.s3_proxy().restore();
    let status = cairn.store.gc_status().await.unwrap();
    assert_eq!(status.passes.len(), PASSES.len());
    assert_eq!((status.backlog.condemned, status.backlog.failing), (1, 1));
    for pass in &status.passes {
        let failed = ["reclaim", "orphans", "unfinished_uploads", "ghosts"].contains(&&*pass.name);
        assert_eq!(pass.failures, u32::from(failed), "{pass:?}");
        assert_eq!(pass.last_error.is_some(), failed, "{pass:?}");
    }
    cairn.let_time_pass().await;
    cairn.collector.run(Policy::default()).await;
    let status = cairn.store.gc_status().await.unwrap();
    for pass in &status.passes {
        assert_eq!(pass.failures, 0, "{pass:?}");
        assert!(pass.succeeded_at.is_some(), "{pass:?}");
    }
    let reclaim = status.passes.iter().find(|pass| pass.name == "reclaim");
    let reclaim = reclaim.unwrap();
    assert_eq!(reclaim.counts["reclaimed"], 1);
    assert!(
        reclaim.last_error.is_some(),
        "the last failure is remembered"
    );
}
