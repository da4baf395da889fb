//! What is deleted from the blob store, how fast, and what is recorded of it.

use std::time::{Duration, Instant};

use cairn_store::gc::{self, Deletion, Policy};
use futures_util::future::join_all;

use super::with_due_bytes;
use harness::{Bytes, Cairn, OpenUpload, Setup, content, eventually, spec};

harness::on_s3_and_files!(every_deletion_is_in_the_ledger);

async fn ledger(cairn: &Cairn) -> Vec<Deletion> {
    cairn.store.deletions(None, 100).await.unwrap()
}

async fn every_deletion_is_in_the_ledger(bytes: Bytes) {
    let setup = Setup::on(bytes).config(|config| config.gc.worker = "w-1".to_owned());
    let cairn = setup.start().await;
    with_due_bytes(&cairn).await;
    let key = cairn.stored().await.remove(0);
    assert!(ledger(&cairn).await.is_empty(), "nothing is deleted yet");
    cairn.collect().await;
    let small = cairn.client.create(spec("small"), "x").await.unwrap();
    cairn.client.delete(&small.artifact_id).await.unwrap();
    cairn.collect_everything().await;

    let deletions = ledger(&cairn).await;
    let [inline, stored] = deletions.as_slice() else {
        panic!("{deletions:?}");
    };
    for deletion in &deletions {
        assert_eq!(
            (&*deletion.reason, &*deletion.tenant, &*deletion.worker),
            ("unreferenced", "acme", "w-1")
        );
    }
    assert_eq!(
        (&stored.key, stored.size_bytes),
        (&Some(key.clone()), Some(100_000))
    );
    assert!(key.ends_with(&stored.object.to_string()));
    assert_eq!((&inline.key, inline.size_bytes), (&None, Some(1)));
    let of_one = cairn
        .store
        .deletions(Some(inline.object), 100)
        .await
        .unwrap();
    assert_eq!(of_one.len(), 1);
}

/// An upload that was given up is in the ledger as never committed.
#[tokio::test]
async fn abandoned_upload_is_in_the_ledger_uncommitted() {
    let cairn = Cairn::start().await;
    let upload = OpenUpload::begin(&cairn.client, spec("a")).await;
    for _ in 0..10 {
        upload.send(content(1 << 20)).await;
    }
    eventually("its row is there", async || {
        cairn
            .count("SELECT count(*) FROM objects WHERE state = 'staging'")
            .await
            == 1
    })
    .await;
    upload.call.abort();
    eventually("its row is given up", async || {
        cairn
            .count("SELECT count(*) FROM objects WHERE state = 'condemned'")
            .await
            == 1
    })
    .await;
    cairn.collect_everything().await;
    let deletions = ledger(&cairn).await;
    assert_eq!(deletions.len(), 1);
    assert_eq!(
        (&*deletions[0].reason, deletions[0].size_bytes),
        ("uncommitted", None)
    );
}

#[tokio::test]
async fn what_could_not_be_deleted_is_not_in_the_ledger() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    with_due_bytes(&cairn).await;
    cairn.s3_proxy().cut();
    cairn.collect().await;
    assert!(ledger(&cairn).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_workers_enter_each_deletion_once() {
    let cairn = Setup::on(Bytes::Files).start().await;
    for i in 0..30 {
        let made = cairn
            .client
            .upload(spec(&i.to_string()), content(40_000 + i))
            .await;
        cairn
            .client
            .delete(&made.unwrap().artifact_id)
            .await
            .unwrap();
    }
    cairn.let_time_pass().await;
    cairn.collect().await;
    cairn.let_time_pass().await;
    // As if every claim had run out in the middle.
    cairn
        .sql(
            "CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN NEW.next_attempt_at = now() - interval '1 s'; RETURN NEW; END $$;
             CREATE TRIGGER again BEFORE UPDATE OF attempts ON objects
                 FOR EACH ROW EXECUTE FUNCTION again()",
        )
        .await;
    let workers = (0..4).map(|_| {
        let collector = cairn.collector.clone();
        tokio::spawn(async move { collector.run(Policy::default()).await.count("reclaimed") })
    });
    let reclaimed: u64 = join_all(workers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    assert_eq!((reclaimed, ledger(&cairn).await.len()), (30, 30));
}

#[tokio::test]
async fn the_ledger_is_kept_for_its_time() {
    let cairn = Setup::on(Bytes::Files).start().await;
    with_due_bytes(&cairn).await;
    cairn.collect().await;
    cairn
        .sql("UPDATE gc_ledger SET deleted_at = now() - interval '399 days'")
        .await;
    assert_eq!(cairn.pass("ledger").await.count("ledger_entries"), 0);
    cairn
        .sql("UPDATE gc_ledger SET deleted_at = now() - interval '401 days'")
        .await;
    assert_eq!(cairn.pass("ledger").await.count("ledger_entries"), 1);
    assert!(ledger(&cairn).await.is_empty());
}

#[tokio::test]
async fn deletions_keep_below_the_rate_that_is_set() {
    let setup = Setup::on(Bytes::Files).config(|config| config.gc.deletes_per_second = 10);
    let cairn = setup.start().await;
    for i in 0..9 {
        let made = cairn
            .client
            .upload(spec(&i.to_string()), content(40_000 + i))
            .await;
        cairn
            .client
            .delete(&made.unwrap().artifact_id)
            .await
            .unwrap();
    }
    cairn.let_time_pass().await;
    cairn.collect().await;
    cairn.let_time_pass().await;
    let small = Policy {
        batch: 3,
        ..Policy::default()
    };
    let began = Instant::now();
    let report = cairn
        .collector
        .run_passes(small, gc::Pass::named("reclaim"))
        .await;
    assert_eq!(report.count("reclaimed"), 9);
    // The last three wait for the previous six.
    assert!(
        began.elapsed() >= Duration::from_millis(600),
        "{:?}",
        began.elapsed()
    );
}

/// What each program does when the server refuses DeleteObjects with these words.
const DELETE_OBJECTS: &str = "?delete";

#[tokio::test]
async fn where_a_server_refuses_batches_keys_are_deleted_one_by_one() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    with_due_bytes(&cairn).await;
    let body = "<Error><Code>NotImplemented</Code><Message>no</Message></Error>";
    cairn
        .s3_proxy()
        .answer_itself(DELETE_OBJECTS, "501 Not Implemented", body);
    let report = cairn.collect().await;
    assert_eq!(report.count("reclaimed"), 1, "{report:?}");
    assert!(cairn.stored().await.is_empty());
}

/// A successful answer that names a key as failed is a failure of that key.
#[tokio::test]
async fn key_error_in_a_successful_delete_counts() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    for i in 0..2 {
        let made = cairn
            .client
            .upload(spec(&i.to_string()), content(40_000 + i))
            .await;
        cairn
            .client
            .delete(&made.unwrap().artifact_id)
            .await
            .unwrap();
    }
    cairn.let_time_pass().await;
    cairn.collect().await;
    cairn.let_time_pass().await;
    let key = cairn.stored().await.remove(0);
    let body = format!(
        "<DeleteResult><Error><Key>{key}</Key><Code>InternalError</Code><Message>later</Message></Error></DeleteResult>"
    );
    cairn
        .s3_proxy()
        .answer_itself(DELETE_OBJECTS, "200 OK", &body);
    let report = cairn.collect().await;
    assert_eq!((report.count("reclaimed"), report.failures.len()), (1, 1));
    assert!(
        report.failures[0].error.contains("InternalError"),
        "{report:?}"
    );
    let entered = ledger(&cairn).await;
    assert_eq!(entered.len(), 1);
    assert_ne!(entered[0].key.as_ref(), Some(&key));
    // The failed key is due again.
    cairn.s3_proxy().answer_nothing();
    cairn.let_time_pass().await;
    assert_eq!(cairn.collect().await.count("reclaimed"), 1);
}

/// Multipart uploads to the key of a dead upload are aborted until none is left.
#[tokio::test]
async fn multiparts_of_a_dead_upload_are_all_aborted() {
    let cairn = Cairn::start().await;
    cairn
        .client
        .upload(spec("a"), content(100_000))
        .await
        .unwrap();
    let key = cairn.stored().await.remove(0);
    // An upload that died: its row exists, and uploads whose ids were recorded never or wrongly.
    cairn
        .sql(
            "UPDATE artifacts SET state = 'purged', object_live = NULL, deleted_at = now(), purge_after = now();
             DELETE FROM gc_queue;
             DELETE FROM artifact_metadata;
             INSERT INTO objects (tenant_id, id, state, lease_until, multipart_id)
                 SELECT tenant_id, gen_random_uuid(), 'staging', now(), 'no-such-upload' FROM objects",
        )
        .await;
    let row = cairn.database().await;
    let row = row.query_one(
        "SELECT tenant_id::text, id::text FROM objects WHERE state = 'staging'",
        &[],
    );
    let row = row.await.unwrap();
    let (tenant, object): (String, String) = (row.get(0), row.get(1));
    let shard = {
        use sha2::{Digest, Sha256};
        let id: Vec<u8> = hex::decode(object.replace('-', "")).unwrap();
        format!("{:02x}", Sha256::digest(&id)[0])
    };
    let dead = format!("v1/{shard}/{tenant}/{object}");
    let bucket = cairn.bucket();
    for _ in 0..3 {
        let begun = bucket.client.create_multipart_upload();
        let begun = begun.bucket(&bucket.name).key(&dead).send().await.unwrap();
        let part = bucket.client.upload_part().bucket(&bucket.name).key(&dead);
        let part = part.upload_id(begun.upload_id().unwrap()).part_number(1);
        part.body(content(5 << 20).into()).send().await.unwrap();
    }
    assert_eq!(cairn.stored().await.len(), 4);
    cairn.pass("stale_uploads").await;
    cairn.let_time_pass().await;
    let report = cairn.pass("reclaim").await;
    assert_eq!(
        (report.count("reclaimed"), report.failures.len()),
        (1, 0),
        "{report:?}"
    );
    assert_eq!(cairn.stored().await, [key]);
}
