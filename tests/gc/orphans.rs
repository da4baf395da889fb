//! The scan for bytes that no object has.

use std::time::Duration;

use cairn_store::{
    config::StoreConfig,
    gc::{Collector, Pass, Policy, Report},
};
use futures_util::future::join_all;

use super::with_due_bytes;
use harness::{Bytes, Cairn, Setup, content, eventually, spec};

harness::on_s3_and_files!(
    what_no_object_has_is_deleted_at_its_second_sighting,
    bytes_that_land_after_their_object_is_gone_are_deleted,
    what_was_written_lately_is_not_suspected,
    what_is_no_key_of_ours_is_left_alone,
);

/// Settings without any waits.
fn impatient(config: &mut StoreConfig) {
    config.gc.orphan_age = Duration::ZERO;
    config.gc.orphan_confirm = Duration::ZERO;
    config.gc.orphan_round = Duration::ZERO;
}

async fn start(bytes: Bytes) -> Cairn {
    Setup::on(bytes).config(impatient).start().await
}

/// Stores something whose rows are then lost.
async fn orphan(cairn: &Cairn, size: usize) -> String {
    let before = cairn.stored().await;
    let made = cairn
        .client
        .upload(spec("lost"), content(size))
        .await
        .unwrap();
    let key = cairn.stored().await;
    let key = key.into_iter().find(|key| !before.contains(key)).unwrap();
    let id = &made.artifact_id;
    cairn
        .sql(&format!(
            "WITH lost AS (DELETE FROM artifacts WHERE id = '{id}' RETURNING tenant_id, object_id)
             SELECT FROM lost;
             DELETE FROM objects o WHERE state = 'live'
                 AND NOT EXISTS (SELECT FROM artifacts a WHERE a.object_id = o.id)"
        ))
        .await;
    key
}

async fn scan(cairn: &Cairn) -> Report {
    cairn.pass("orphans").await
}

#[track_caller]
fn found(report: &Report) -> (u64, u64) {
    assert!(report.failures.is_empty(), "{report:?}");
    (report.count("suspects"), report.count("orphans"))
}

async fn what_no_object_has_is_deleted_at_its_second_sighting(bytes: Bytes) {
    let cairn = start(bytes).await;
    let live = cairn
        .client
        .upload(spec("live"), content(100_002))
        .await
        .unwrap();
    with_due_bytes(&cairn).await;
    let orphan = orphan(&cairn, 100_001).await;
    assert_eq!(found(&scan(&cairn).await), (1, 0), "seen once");
    assert!(cairn.stored().await.contains(&orphan));
    let report = scan(&cairn).await;
    assert_eq!(found(&report), (1, 1), "seen twice");
    assert_eq!(
        (report.count("listed"), report.count("orphan_bytes")),
        (3, 100_001)
    );
    let stored = cairn.stored().await;
    assert!(
        !stored.contains(&orphan) && stored.len() == 2,
        "what has a row stays"
    );
    assert_eq!(found(&scan(&cairn).await), (0, 0));
    let deletions = cairn.store.deletions(None, 10).await.unwrap();
    assert_eq!(deletions.len(), 1);
    assert_eq!(
        (&*deletions[0].reason, deletions[0].key.as_ref()),
        ("orphan", Some(&orphan))
    );
    let back = cairn.client.download(&live.artifact_id).await.unwrap();
    assert!(back == content(100_002));
}

async fn bytes_that_land_after_their_object_is_gone_are_deleted(bytes: Bytes) {
    let cairn = start(bytes).await;
    with_due_bytes(&cairn).await;
    let key = cairn.stored().await.remove(0);
    cairn.collect().await;
    assert!(cairn.stored().await.is_empty());
    cairn.put_blob(&key, b"late").await;
    scan(&cairn).await;
    assert_eq!(scan(&cairn).await.count("orphans"), 1);
    assert!(cairn.stored().await.is_empty());
}

async fn what_was_written_lately_is_not_suspected(bytes: Bytes) {
    let setup = Setup::on(bytes).config(|config| {
        impatient(config);
        config.gc.orphan_age = Duration::from_secs(3600);
    });
    let cairn = setup.start().await;
    orphan(&cairn, 100_000).await;
    for _ in 0..3 {
        assert_eq!(found(&scan(&cairn).await), (0, 0));
    }
    assert_eq!(cairn.stored().await.len(), 1);
}

#[tokio::test]
async fn two_sightings_must_be_far_apart() {
    let setup = Setup::on(Bytes::Files).config(|config| {
        impatient(config);
        config.gc.orphan_confirm = Duration::from_secs(24 * 3600);
    });
    let cairn = setup.start().await;
    orphan(&cairn, 100_000).await;
    for _ in 0..3 {
        assert_eq!(found(&scan(&cairn).await), (1, 0));
    }
    cairn
        .sql("UPDATE orphan_suspects SET first_seen = now() - interval '25 hours'")
        .await;
    assert_eq!(found(&scan(&cairn).await), (1, 1));
}

#[tokio::test]
async fn a_key_that_was_written_anew_since_it_was_seen_begins_anew() {
    let cairn = start(Bytes::Files).await;
    let key = orphan(&cairn, 100_000).await;
    assert_eq!(found(&scan(&cairn).await), (1, 0));
    cairn.put_blob(&key, b"other bytes").await;
    assert_eq!(found(&scan(&cairn).await), (1, 0));
    assert_eq!(found(&scan(&cairn).await), (1, 1));
}

#[tokio::test]
async fn a_suspect_that_is_not_seen_again_is_none_any_more() {
    let cairn = start(Bytes::Files).await;
    let key = orphan(&cairn, 100_000).await;
    scan(&cairn).await;
    cairn.remove_blob(&key).await;
    assert_eq!(found(&scan(&cairn).await), (0, 0));
    assert_eq!(cairn.count("SELECT count(*) FROM orphan_suspects").await, 0);
}

async fn what_is_no_key_of_ours_is_left_alone(bytes: Bytes) {
    let cairn = start(bytes).await;
    let own = orphan(&cairn, 100_000).await;
    let segments: Vec<&str> = own.split('/').collect();
    let [_, shard, tenant, object] = segments[..] else {
        panic!("{own}");
    };
    let stranger = "11111111-1111-7111-8111-111111111111";
    let others = [
        format!("v1/{shard}/{tenant}/{}", object.to_uppercase()),
        format!("v1/{shard}/{tenant}/{object}.part"),
        format!("v1/{shard}/{tenant}/deeper/{object}"),
        format!("v1/{shard}/notes.txt"),
        // Of an unknown tenant: of another deployment, or of one from before a restore.
        format!("v1/{shard}/{stranger}/{object}"),
        // Under another shard than its hash gives.
        format!(
            "v1/{}/{tenant}/{object}",
            if shard == "00" { "01" } else { "00" }
        ),
    ];
    let elsewhere = ["backup/of/something".to_owned(), "v2/a".to_owned()];
    for key in others.iter().chain(&elsewhere) {
        cairn.put_blob(key, b"not ours").await;
    }
    for _ in 0..3 {
        let report = scan(&cairn).await;
        assert!(report.failures.is_empty(), "{report:?}");
        assert_eq!(report.count("unknown_keys"), others.len() as u64);
    }
    let stored = cairn.stored().await;
    assert!(!stored.contains(&own));
    for key in others.iter().chain(&elsewhere) {
        assert!(stored.contains(key), "{key} is gone");
    }
}

#[tokio::test]
async fn when_too_much_looks_like_nobodys_nothing_is_deleted() {
    let setup = Setup::on(Bytes::Files).config(|config| {
        impatient(config);
        config.gc.orphan_limit = 2;
    });
    let cairn = setup.start().await;
    for i in 0..4 {
        orphan(&cairn, 100_000 + i).await;
    }
    for _ in 0..3 {
        let report = scan(&cairn).await;
        assert_eq!(report.count("orphans"), 0);
        assert_eq!(report.failures.len(), 1, "{report:?}");
        assert!(report.failures[0].error.contains("CAIRN_GC_ORPHAN_LIMIT"));
    }
    assert_eq!(cairn.stored().await.len(), 4);
    let mut config = cairn.config.clone();
    config.gc.orphan_limit = 4;
    let permitted = Collector::new(cairn.store.clone(), config.gc);
    for _ in 0..2 {
        permitted
            .run_passes(Policy::default(), Pass::named("orphans"))
            .await;
    }
    assert!(cairn.stored().await.is_empty());
}

#[tokio::test]
async fn suspects_whose_rows_are_there_again_are_suspected_no_more() {
    let setup = Setup::on(Bytes::Files).config(|config| {
        impatient(config);
        config.gc.orphan_limit = 0;
    });
    let cairn = setup.start().await;
    let made = cairn
        .client
        .upload(spec("a"), content(100_000))
        .await
        .unwrap();
    // As if the database were one from before the upload.
    cairn
        .sql(
            "INSERT INTO orphan_suspects (key, shard, tenant_id, object_id, size_bytes, version, sightings, deleting)
             SELECT id::text, 0, tenant_id, id, 1, '', 9, deleting
             FROM objects, (VALUES (false), (true)) v (deleting) LIMIT 1",
        )
        .await;
    assert_eq!(found(&scan(&cairn).await), (0, 0));
    assert_eq!(cairn.count("SELECT count(*) FROM orphan_suspects").await, 0);
    let back = cairn.client.download(&made.artifact_id).await.unwrap();
    assert!(back == content(100_000));
}

#[tokio::test]
async fn a_listing_that_fails_is_a_failure_and_never_an_absence() {
    let cairn = Setup::on(Bytes::S3)
        .proxied()
        .config(impatient)
        .start()
        .await;
    let key = orphan(&cairn, 100_000).await;
    scan(&cairn).await;
    cairn
        .s3_proxy()
        .answer_itself("list-type=2", "500 Internal Server Error", "<Error/>");
    let report = scan(&cairn).await;
    assert_eq!((report.count("orphans"), report.failures.len()), (0, 1));
    // It stays suspected, and is not forgotten because nothing was listed.
    assert_eq!(cairn.count("SELECT count(*) FROM orphan_suspects").await, 1);
    cairn.s3_proxy().answer_itself(
        "list-type=2",
        "200 OK",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    );
    let report = scan(&cairn).await;
    assert_eq!(
        (report.count("orphans"), report.failures.len()),
        (0, 1),
        "{report:?}"
    );
    let told = &report.failures[0].error;
    assert!(told.contains("nothing to go on from"), "{told}");
    cairn.s3_proxy().answer_nothing();
    assert_eq!(scan(&cairn).await.count("orphans"), 1);
    assert!(!cairn.stored().await.contains(&key));
}

#[tokio::test]
async fn a_standby_is_not_asked_whose_a_key_is() {
    let cairn = start(Bytes::Files).await;
    orphan(&cairn, 100_000).await;
    scan(&cairn).await;
    let row = cairn.database().await;
    let row = row
        .query_one("SELECT current_database()", &[])
        .await
        .unwrap();
    let name: String = row.get(0);
    cairn
        .sql(&format!(
            "CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true';
             ALTER DATABASE {name} SET search_path = public, pg_catalog"
        ))
        .await;
    let standby = cairn_store::Store::open(&cairn.config).await.unwrap();
    let collector = Collector::new(standby, cairn.config.gc.clone());
    let report = collector.run(Policy::default()).await;
    assert_eq!((report.count("orphans"), report.count("listed")), (0, 0));
    assert!(
        report.failures.iter().any(|f| f.pass == "orphans"),
        "{report:?}"
    );
    assert_eq!(cairn.stored().await.len(), 1);
}

#[tokio::test]
async fn a_scan_that_is_cut_off_is_gone_on_with() {
    let cairn = start(Bytes::Files).await;
    for i in 0..5 {
        orphan(&cairn, 100_000 + i).await;
    }
    let short = Policy {
        max_pages: 100,
        ..Policy::default()
    };
    let mut listed = 0;
    for _ in 0..3 {
        let report = cairn
            .collector
            .run_passes(short, Pass::named("orphans"))
            .await;
        listed += report.count("listed");
    }
    let all = "SELECT count(*) FROM orphan_shards WHERE scanned_at IS NOT NULL";
    assert_eq!(cairn.count(all).await, 256);
    assert!(listed >= 5);
}

/// A part that was scanned a short while ago is not scanned again.
#[tokio::test]
async fn recently_scanned_part_is_skipped() {
    let setup = Setup::on(Bytes::Files).config(|config| {
        impatient(config);
        config.gc.orphan_round = Duration::from_secs(3600);
    });
    let cairn = setup.start().await;
    cairn
        .client
        .upload(spec("a"), content(100_000))
        .await
        .unwrap();
    assert_eq!(scan(&cairn).await.count("listed"), 1);
    assert_eq!(scan(&cairn).await.count("listed"), 0);
    cairn
        .sql("UPDATE orphan_shards SET scanned_at = now() - interval '61 min'")
        .await;
    assert_eq!(scan(&cairn).await.count("listed"), 1);
}

/// A deletion that was ordered before a crash is finished, and entered into the ledger.
#[tokio::test]
async fn deletion_ordered_before_a_crash_is_finished() {
    let cairn = start(Bytes::Files).await;
    let key = orphan(&cairn, 100_000).await;
    scan(&cairn).await;
    // The worker died after it deleted the bytes and before it recorded that.
    cairn
        .sql("UPDATE orphan_suspects SET deleting = true")
        .await;
    cairn.remove_blob(&key).await;
    assert_eq!(scan(&cairn).await.count("orphans"), 1);
    let deletions = cairn.store.deletions(None, 10).await.unwrap();
    assert_eq!(deletions[0].key.as_ref(), Some(&key));
}

/// A dry run of the scan names what is due, and records nothing.
#[tokio::test]
async fn scan_dry_run_names_due_keys_only() {
    let cairn = start(Bytes::S3).await;
    let key = orphan(&cairn, 100_000).await;
    let dry = Policy {
        dry_run: true,
        ..Policy::default()
    };
    let told = cairn
        .collector
        .run_passes(dry, Pass::named("orphans"))
        .await;
    assert_eq!(found(&told), (1, 0), "the first sighting is still to come");
    scan(&cairn).await;
    for _ in 0..2 {
        let told = cairn
            .collector
            .run_passes(dry, Pass::named("orphans"))
            .await;
        assert_eq!(found(&told), (1, 1));
        assert_eq!(
            (&told.planned[0].id, told.planned[0].bytes),
            (&key, Some(100_000))
        );
    }
    assert_eq!(cairn.stored().await, [key]);
    assert_eq!(scan(&cairn).await.count("orphans"), 1);
}

/// Bytes that are not yet committed have no artifact, and are not orphans.
#[tokio::test]
async fn uncommitted_bytes_are_not_orphans() {
    let setup = Setup::on(Bytes::Files).config(|config| {
        impatient(config);
        config.gc.orphan_round = Duration::from_secs(3600);
    });
    let cairn = setup.start().await;
    let mut database = cairn.database().await;
    // The commit waits for this lock, when the bytes already exist.
    let held = database.transaction().await.unwrap();
    let lock = "LOCK TABLE filenames IN EXCLUSIVE MODE";
    held.batch_execute(lock).await.unwrap();
    let client = cairn.client.clone();
    let upload = tokio::spawn(async move { client.upload(spec("a"), content(100_000)).await });
    eventually("the bytes are there", async || {
        let stored = cairn.stored().await;
        stored.len() == 1 && stored[0].starts_with("v1/")
    })
    .await;
    // The commit waits for half a minute at most, so only the part of the key is scanned.
    let part = "UPDATE orphan_shards SET
            started_at = NULL,
            scanned_at = CASE WHEN shard <> get_byte(sha256(uuid_send(id)), 0) THEN now() END
        FROM objects";
    for _ in 0..3 {
        cairn.sql(part).await;
        let report = scan(&cairn).await;
        assert_eq!((found(&report), report.count("listed")), ((0, 0), 1));
    }
    held.rollback().await.unwrap();
    let made = upload.await.unwrap().unwrap();
    assert!(cairn.client.download(&made.artifact_id).await.unwrap() == content(100_000));
}

#[tokio::test]
async fn what_is_uploaded_while_a_listing_is_on_its_way_is_no_orphan() {
    let setup = Setup::on(Bytes::S3).proxied().config(|config| {
        impatient(config);
        config.inline_max_bytes = 0;
    });
    let cairn = setup.start().await;
    cairn.s3_proxy().hold("list-type=2");
    let collector = cairn.collector.clone();
    let scan = tokio::spawn(async move {
        collector
            .run_passes(Policy::default(), Pass::named("orphans"))
            .await
    });
    eventually("the listing is on its way", async || {
        cairn.s3_proxy().holds()
    })
    .await;
    // Until one is in the part that is listed first.
    let in_it = "SELECT count(*) FROM objects WHERE get_byte(sha256(uuid_send(id)), 0) = 0";
    let mut size = 1;
    while cairn.count(in_it).await == 0 {
        let uploads = (size..size + 50).map(|size| cairn.client.upload(spec("a"), content(size)));
        for made in join_all(uploads).await {
            made.unwrap();
        }
        size += 50;
    }
    cairn.s3_proxy().release();
    let report = scan.await.unwrap();
    assert_eq!(found(&report), (0, 0));
    assert_eq!(report.count("listed"), size as u64 - 1, "it was listed");
}

/// Uploads from several clients while scans without any waits run.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_that_is_being_written_is_ever_an_orphan() {
    let setup = Setup::on(Bytes::Files).config(|config| {
        impatient(config);
        config.database_connections = 24;
        config.inline_max_bytes = 0;
    });
    let cairn = setup.start().await;
    let done = tokio_util::sync::CancellationToken::new();
    let scans: Vec<_> = (0..2)
        .map(|_| {
            let (collector, done) = (cairn.collector.clone(), done.clone());
            tokio::spawn(async move {
                while !done.is_cancelled() {
                    let report = collector
                        .run_passes(Policy::default(), Pass::named("orphans"))
                        .await;
                    assert_eq!(found(&report), (0, 0));
                }
            })
        })
        .collect();
    let agents = (0..4).map(|agent| {
        let client = cairn.client.clone();
        tokio::spawn(async move {
            for round in 0..40 {
                let bytes = content(1000 + agent * 100 + round);
                let made = client.upload(spec("a"), bytes.clone()).await.unwrap();
                assert!(client.download(&made.artifact_id).await.unwrap() == bytes);
            }
        })
    });
    for agent in join_all(agents.collect::<Vec<_>>()).await {
        agent.unwrap();
    }
    done.cancel();
    for scan in join_all(scans).await {
        scan.unwrap();
    }
    assert_eq!(cairn.stored().await.len(), 160);
}
