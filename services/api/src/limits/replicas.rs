//! What the replicas tell each other: that they are alive, and the calls that they have counted.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use cairn_store::{DayOfCalls, Result, Store, describe};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::limiter::{Limiter, today};

/// How often.
const EVERY: Duration = Duration::from_secs(10);
/// The most days of calls of one statement.
const AT_ONCE: usize = 1000;

/// Saves and learns until the server stops, then saves the rest. Without Postgres the last known number of replicas holds.
pub(crate) async fn keep_up(limiter: Arc<Limiter>, store: Store, stopping: CancellationToken) {
    let replica = Uuid::now_v7();
    let mut turns = interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(turns.tick()).await.is_some() {
        match store.replica_alive(replica).await {
            Ok(replicas) => limiter.replicas.store(replicas, Ordering::Relaxed),
            Err(e) => tracing::debug!(error = describe(&e), "the replicas were not counted"),
        }
        limiter.save(&store).await;
        limiter.forget_idle();
    }
    limiter.save(&store).await;
    if let Err(e) = store.replica_leaves(replica).await {
        tracing::debug!(
            error = describe(&e),
            "this replica counts for 30 more seconds"
        );
    }
}

impl Limiter {
    /// Adds the calls that were counted here to those of all replicas.
    async fn save(&self, store: &Store) {
        let subjects: Vec<_> = self.lock().values().cloned().collect();
        let calls: Vec<_> = subjects
            .iter()
            .flat_map(|subject| subject.counts.take(subject.id))
            .collect();
        for some in calls.chunks(AT_ONCE) {
            if let Err(e) = self.save_some(store, some).await {
                tracing::debug!(error = describe(&e), "calls are counted later");
                let subjects = self.lock();
                for calls in some {
                    if let Some(subject) = subjects.get(&calls.tenant) {
                        subject.counts.put_back(calls);
                    }
                }
            }
        }
    }

    async fn save_some(&self, store: &Store, calls: &[DayOfCalls]) -> Result<()> {
        let months = store.add_calls(calls).await?;
        let subjects = self.lock();
        for (tenant, calls) in months {
            if let Some(subject) = subjects.get(&tenant) {
                subject.counts.month_is(today(), calls);
            }
        }
        Ok(())
    }
}
