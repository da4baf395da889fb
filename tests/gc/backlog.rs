//! One worker counts the backlog for all, and every worker can tell when the count is old.

use std::time::Duration;

use cairn_store::{Store, gc::Status};

use super::with_due_bytes;
use harness::Cairn;

const MINUTE: Duration = Duration::from_secs(60);

async fn known(store: &Store) -> Option<Status> {
    store.gc_status_within(MINUTE).await.unwrap()
}

#[tokio::test]
async fn one_worker_counts_what_waits_and_the_others_tell_it() {
    let cairn = Cairn::start().await;
    let other = Store::open(&cairn.config).await.unwrap();
    let first = known(&cairn.store).await.unwrap();
    assert_eq!(first.backlog.condemned, 0);
    with_due_bytes(&cairn).await;
    for store in [&cairn.store, &other] {
        let same = known(store).await.unwrap();
        assert_eq!(same.counted_at, first.counted_at);
        assert_eq!(same.backlog.condemned, 0);
    }
    cairn
        .sql("UPDATE gc_backlog SET attempted_at = now() - interval '61 s'")
        .await;
    let fresh = known(&other).await.unwrap();
    assert!(fresh.counted_at > first.counted_at);
    assert_eq!(fresh.backlog.condemned, 1);
    let asked = cairn.store.gc_status().await.unwrap();
    assert_eq!(asked.backlog.condemned, 1, "an operator hears what is now");
}

#[tokio::test]
async fn a_count_that_fails_leaves_the_last_one_with_its_time() {
    let cairn = Cairn::start().await;
    let first = known(&cairn.store).await.unwrap();
    cairn
        .sql(
            "ALTER TABLE gc_queue RENAME TO elsewhere;
             UPDATE gc_backlog SET attempted_at = now() - interval '61 s'",
        )
        .await;
    let same = known(&cairn.store).await.unwrap();
    assert_eq!(same.counted_at, first.counted_at);
    // The next worker does not count it again at once.
    cairn.sql("ALTER TABLE elsewhere RENAME TO gc_queue").await;
    let same = known(&cairn.store).await.unwrap();
    assert_eq!(same.counted_at, first.counted_at);
}
