//! Uploads that began in the blob store for an object that is gone.

use std::time::Duration;

use cairn_store::gc::{Pass, Policy};

use super::with_due_bytes;
use harness::{Bytes, Cairn, OpenUpload, Setup, content, eventually, spec};

harness::on_s3_and_files!(
    what_is_begun_after_its_object_is_gone_is_aborted,
    what_was_begun_lately_is_left_alone,
    an_upload_under_way_is_left_alone_however_long_it_takes,
);

/// More than one part.
const LARGE: usize = 9 << 20;

async fn start(bytes: Bytes, age: Duration) -> Cairn {
    let setup = Setup::on(bytes).config(move |config| config.gc.orphan_age = age);
    setup.start().await
}

/// How many uploads the pass listed, and how many it aborted.
async fn look(cairn: &Cairn) -> (u64, u64) {
    let report = cairn.pass("unfinished_uploads").await;
    assert!(report.failures.is_empty(), "{report:?}");
    (report.count("unfinished"), report.count("aborted_uploads"))
}

/// An upload that began to the key of an object whose bytes are gone.
async fn late_upload(cairn: &Cairn) {
    with_due_bytes(cairn).await;
    let key = cairn.stored().await.remove(0);
    assert_eq!(cairn.collect().await.count("reclaimed"), 1);
    cairn.begin_blob(&key, b"late").await;
    assert_eq!(cairn.stored().await.len(), 1);
}

async fn what_is_begun_after_its_object_is_gone_is_aborted(bytes: Bytes) {
    let cairn = start(bytes, Duration::ZERO).await;
    late_upload(&cairn).await;
    assert_eq!(look(&cairn).await, (1, 1));
    assert!(cairn.stored().await.is_empty());
    assert_eq!(look(&cairn).await, (0, 0));
}

async fn what_was_begun_lately_is_left_alone(bytes: Bytes) {
    let cairn = start(bytes, Duration::from_secs(3600)).await;
    late_upload(&cairn).await;
    assert_eq!(look(&cairn).await, (1, 0));
}

async fn an_upload_under_way_is_left_alone_however_long_it_takes(bytes: Bytes) {
    let cairn = start(bytes, Duration::ZERO).await;
    let upload = OpenUpload::begin(&cairn.client, spec("slow")).await;
    for piece in content(LARGE).chunks(1 << 18) {
        upload.send(piece.to_vec()).await;
    }
    eventually("the upload is begun in the blob store", async || {
        look(&cairn).await == (1, 0)
    })
    .await;
    let made = upload.finish().await.unwrap();
    let back = cairn.client.download(&made.artifact_id).await.unwrap();
    assert!(back == content(LARGE));
    assert_eq!(look(&cairn).await, (0, 0));
}

#[tokio::test]
async fn more_uploads_than_one_listing_has_are_all_found() {
    let cairn = start(Bytes::S3, Duration::ZERO).await;
    with_due_bytes(&cairn).await;
    let key = cairn.stored().await.remove(0);
    cairn.collect().await;
    let folder = key.rsplit_once('/').unwrap().0;
    for _ in 0..1001 {
        cairn.bucket().begin(&format!("{folder}/a"), b"x").await;
    }
    cairn.bucket().begin(&key, b"late").await;
    let (listed, aborted) = look(&cairn).await;
    assert_eq!((listed, aborted), (1002, 1), "unknown keys stay");
}

#[tokio::test]
async fn a_rehearsal_says_what_would_be_aborted_and_aborts_nothing() {
    let cairn = start(Bytes::Files, Duration::ZERO).await;
    late_upload(&cairn).await;
    let policy = Policy {
        dry_run: true,
        ..Policy::default()
    };
    let pass = Pass::named("unfinished_uploads");
    let report = cairn.collector.run_passes(policy, pass).await;
    assert_eq!(report.count("aborted_uploads"), 1);
    assert_eq!(report.planned[0].action, "abort upload");
    assert_eq!(cairn.stored().await.len(), 1);
}
