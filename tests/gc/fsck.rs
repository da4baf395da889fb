//! The comparison of all records with all bytes.

use cairn_store::{Error, gc::Fsck};

use harness::{Bytes, Cairn, Setup, content, spec};

harness::on_s3_and_files!(finds_what_is_wrong_in_both_directions_and_changes_nothing);

async fn made(cairn: &Cairn, size: usize) -> String {
    let made = cairn.client.upload(spec("a"), content(size)).await;
    made.unwrap().artifact_id
}

async fn finds_what_is_wrong_in_both_directions_and_changes_nothing(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let small = made(&cairn, 10).await;
    let hit = made(&cairn, 100_000).await;
    let hit_key = cairn.stored().await.remove(0);
    made(&cairn, 100_001).await;
    let sound = cairn.store.fsck(Fsck::default()).await.unwrap();
    assert!(sound.sound);
    assert_eq!(
        (sound.listed, sound.objects),
        (3, 3),
        "with the mark of the deployment"
    );
    let wrong = [sound.orphan_count, sound.unknown_count, sound.ghost_count];
    assert_eq!(wrong, [0, 0, 0]);

    let (start, _) = hit_key.rsplit_once('/').unwrap();
    cairn.put_blob("notes/readme.txt", b"not ours").await;
    cairn.put_blob(&format!("{start}/x"), b"nor this").await;
    cairn.put_blob(&hit_key, &vec![7; 100_000]).await;
    cairn
        .sql("UPDATE objects SET inline_data = 'other byte' WHERE size_bytes = 10")
        .await;
    let shallow = cairn.store.fsck(Fsck::default()).await.unwrap();
    assert_eq!((shallow.ghost_count, shallow.unknown_count), (0, 2));
    let deep = Fsck {
        hash: true,
        ..Fsck::default()
    };
    let deep = cairn.store.fsck(deep).await.unwrap();
    assert!(!deep.sound);
    let mut damaged: Vec<_> = deep
        .ghosts
        .iter()
        .flat_map(|ghost| &ghost.artifacts)
        .collect();
    damaged.sort();
    let mut expected = [&small, &hit];
    expected.sort();
    assert_eq!(damaged, expected);

    cairn.remove_blob(&hit_key).await;
    let gone = cairn.store.fsck(Fsck::default()).await.unwrap();
    assert_eq!((gone.sound, gone.ghost_count), (false, 1));
    assert!(gone.ghosts[0].problem.contains("gone"));
    assert_eq!(gone.ghosts[0].artifacts, std::slice::from_ref(&hit));

    // The record is lost, the bytes come back.
    cairn.put_blob(&hit_key, &content(100_000)).await;
    cairn
        .sql(&format!(
            "DELETE FROM artifacts WHERE id = '{hit}'; DELETE FROM objects WHERE size_bytes = 100000"
        ))
        .await;
    let before = cairn.stored().await;
    let orphaned = cairn.store.fsck(Fsck::default()).await.unwrap();
    assert!(orphaned.sound, "space is no damage");
    assert_eq!((orphaned.orphan_count, orphaned.orphan_bytes), (1, 100_000));
    assert_eq!(orphaned.orphans[0].key, hit_key);
    assert_eq!(cairn.stored().await, before);
    assert_eq!(cairn.count("SELECT count(*) FROM orphan_suspects").await, 0);
}

#[tokio::test]
async fn finds_usage_that_is_not_what_is_stored() {
    let cairn = Setup::on(Bytes::Files).start().await;
    made(&cairn, 10).await;
    cairn
        .sql("INSERT INTO usage_changes (tenant_id, stored_bytes) SELECT id, 7 FROM tenants")
        .await;
    let report = cairn.store.fsck(Fsck::default()).await.unwrap();
    assert!(!report.sound);
    let [miscount] = report.miscounts.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(miscount.tenant, "acme");
    assert_eq!(
        (miscount.counted.stored_bytes, miscount.found.stored_bytes),
        (17, 10)
    );
}

#[tokio::test]
async fn a_listing_that_breaks_off_is_no_comparison() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    made(&cairn, 100_000).await;
    cairn
        .s3_proxy()
        .answer_itself("list-type=2", "500 Internal Server Error", "<Error/>");
    let failed = cairn.store.fsck(Fsck::default()).await;
    assert!(
        matches!(failed, Err(Error::Unavailable { .. })),
        "{failed:?}"
    );
}

#[tokio::test]
async fn bytes_that_cannot_be_looked_at_are_not_sound_and_not_gone() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    made(&cairn, 100_000).await;
    cairn
        .s3_proxy()
        .answer_itself("HEAD /", "403 Forbidden", "");
    let report = cairn.store.fsck(Fsck::default()).await.unwrap();
    assert_eq!((report.sound, report.ghost_count), (false, 0));
    assert_eq!(report.failures.len(), 1);
}

#[tokio::test]
async fn a_listing_of_many_keys_is_whole() {
    let cairn = Cairn::start().await;
    // Servers differ in which of these comes first.
    for key in ["order/a/b", "order/a.txt"] {
        cairn.bucket().put(key, b"x").await;
    }
    let puts = (0..1234).map(|i| {
        let bucket = cairn.bucket();
        async move { bucket.put(&format!("other/{i:05}"), b"x").await }
    });
    futures_util::future::join_all(puts).await;
    let report = cairn
        .store
        .fsck(Fsck {
            names: 5,
            ..Fsck::default()
        })
        .await
        .unwrap();
    assert_eq!((report.unknown_count, report.unknown.len()), (1236, 5));
}
