//! The search for live objects whose bytes are gone or differ.

use cairn_store::gc::{Collector, Pass, Policy, Report};

use harness::{Bytes, Cairn, Setup, content, spec};

harness::on_s3_and_files!(finds_what_is_gone_or_differs);

async fn search(cairn: &Cairn) -> Report {
    cairn.pass("ghosts").await
}

async fn made(cairn: &Cairn, size: usize) -> (String, String) {
    let before = cairn.stored().await;
    let made = cairn.client.upload(spec("a"), content(size)).await.unwrap();
    let mut stored = cairn.stored().await;
    stored.retain(|key| !before.contains(key));
    (made.artifact_id, stored.pop().unwrap_or_default())
}

/// Checks that the search raises the alarm about an artifact, for this reason, and changes nothing.
async fn alarms(cairn: &Cairn, id: &str, problem: &str) {
    for _ in 0..2 {
        let report = search(cairn).await;
        assert_eq!(
            (report.count("ghosts"), report.failures.len()),
            (1, 1),
            "{report:?}"
        );
        let told = &report.failures[0].error;
        assert!(told.contains(id) && told.contains(problem), "{told}");
    }
    let status = cairn.store.gc_status().await.unwrap();
    assert_eq!(status.ghosts.len(), 1);
    assert_eq!(status.ghosts[0].artifacts, [id]);
    assert_eq!(cairn.client.get(id).await.unwrap().artifact_id, id);
    assert!(cairn.collect().await.is_idle(), "nothing is done about it");
    assert_eq!(
        cairn.count("SELECT count(*) FROM objects WHERE live").await,
        2
    );
}

async fn finds_what_is_gone_or_differs(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    made(&cairn, 100_000).await;
    let (id, key) = made(&cairn, 100_001).await;
    let report = search(&cairn).await;
    assert!(report.is_idle(), "{report:?}");
    assert_eq!(
        (report.count("looked_at"), report.count("rehashed")),
        (4, 2)
    );

    cairn.remove_blob(&key).await;
    alarms(&cairn, &id, "gone").await;
    // Shorter.
    cairn.put_blob(&key, &content(100_000)).await;
    alarms(&cairn, &id, "not those").await;
    // As long, but other bytes.
    cairn.put_blob(&key, &vec![7; 100_001]).await;
    alarms(&cairn, &id, "not those").await;
    // And restored.
    cairn.put_blob(&key, &content(100_001)).await;
    assert!(search(&cairn).await.is_idle());
    assert!(cairn.store.gc_status().await.unwrap().ghosts.is_empty());
    assert!(cairn.client.download(&id).await.unwrap() == content(100_001));
}

#[tokio::test]
async fn finds_small_content_that_differs_in_postgres() {
    let cairn = Setup::on(Bytes::Files).start().await;
    made(&cairn, 10).await;
    let (id, _) = made(&cairn, 11).await;
    assert!(search(&cairn).await.is_idle());
    cairn
        .sql("UPDATE objects SET inline_data = 'other bytes' WHERE size_bytes = 11")
        .await;
    alarms(&cairn, &id, "not those").await;
}

#[tokio::test]
async fn bytes_that_cannot_be_looked_at_are_a_failure_and_not_gone() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    made(&cairn, 100_000).await;
    for status in [
        "500 Internal Server Error",
        "403 Forbidden",
        "503 Slow Down",
    ] {
        cairn.s3_proxy().answer_itself("HEAD /", status, "");
        let report = search(&cairn).await;
        assert_eq!(report.count("ghosts"), 0, "{status}");
        assert!(!report.failures.is_empty(), "{status}");
        assert_eq!(cairn.count("SELECT count(*) FROM gc_ghosts").await, 0);
    }
    cairn.s3_proxy().answer_nothing();
    assert!(search(&cairn).await.is_idle());
}

#[tokio::test]
async fn what_is_collected_in_the_meantime_is_no_ghost() {
    let cairn = Setup::on(Bytes::Files).start().await;
    made(&cairn, 100_001).await;
    let (id, key) = made(&cairn, 100_000).await;
    cairn.remove_blob(&key).await;
    alarms(&cairn, &id, "gone").await;
    cairn.client.delete(&id).await.unwrap();
    cairn.collect_everything().await;
    assert!(search(&cairn).await.is_idle());
    assert!(cairn.store.gc_status().await.unwrap().ghosts.is_empty());
}

#[tokio::test]
async fn a_few_at_a_time_it_comes_by_all_of_them_and_begins_again() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let mut keys = Vec::new();
    for i in 0..5 {
        keys.push(made(&cairn, 100_000 + i).await.1);
    }
    let few = Policy {
        heads: 2,
        ..Policy::default()
    };
    let search = async || cairn.collector.run_passes(few, Pass::named("ghosts")).await;
    for looked_at in [4, 4, 2, 4] {
        let report = search().await;
        assert_eq!(
            report.count("looked_at"),
            looked_at,
            "by size and by content"
        );
    }
    for key in &keys {
        cairn.remove_blob(key).await;
    }
    for _ in 0..3 {
        search().await;
    }
    assert_eq!(cairn.count("SELECT count(*) FROM gc_ghosts").await, 5);
}

#[tokio::test]
async fn it_reads_no_more_than_it_may_but_always_one() {
    let setup = Setup::on(Bytes::Files).config(|config| config.gc.rehash_bytes = 250_000);
    let cairn = setup.start().await;
    for i in 0..5 {
        made(&cairn, 100_000 + i).await;
    }
    for rehashed in [2, 2, 1, 2] {
        assert_eq!(search(&cairn).await.count("rehashed"), rehashed);
    }
    let mut config = cairn.config.clone();
    config.gc.rehash_bytes = 1;
    let collector = Collector::new(cairn.store.clone(), config.gc);
    let report = collector
        .run_passes(Policy::default(), Pass::named("ghosts"))
        .await;
    assert_eq!(report.count("rehashed"), 1);
}
