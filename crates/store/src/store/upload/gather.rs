//! Batches small commits of a tenant that arrive while others of it are running: one transaction, one flush of the log,
//! one round trip of each kind.
//!
//! A commit that arrives alone runs at once. Tenants do not wait for each other.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, timeout},
};

use crate::{
    meta::{
        Meta,
        commit::{self, Attempt, NewArtifact, Outcome, together},
    },
    model::{
        error::{Error, Result},
        id::TenantId,
    },
};

/// The maximum bytes of one transaction.
const MOST_BYTES: u64 = 4 << 20;
/// The maximum waiting commits of one tenant.
const MOST_WAITING: usize = 4096;
/// How many transactions of one tenant run at a time: one is written while the next one gathers.
const AT_ONCE: usize = 1;

/// The small commits of a process.
#[derive(Clone, Default)]
pub(crate) struct CommitBatcher(Arc<Mutex<HashMap<TenantId, TenantQueue>>>);

/// Those of one tenant.
#[derive(Default)]
struct TenantQueue {
    waiting: VecDeque<Waiting>,
    running: usize,
    /// Notified of each new waiting commit.
    came: Arc<Notify>,
}

struct Waiting {
    new: NewArtifact,
    answer: oneshot::Sender<Result<Outcome>>,
}

impl CommitBatcher {
    /// Commits, alone or with others.
    ///
    /// # Errors
    /// As `commit::commit`; `RateLimited`.
    pub(crate) async fn commit(&self, meta: &Meta, new: NewArtifact) -> Result<Outcome> {
        if !new.fits_together() {
            return commit::commit(meta, &new, Attempt::First).await;
        }
        let tenant = new.tenant;
        let (answer, answered) = oneshot::channel();
        if self.join(tenant, Waiting { new, answer })? {
            tokio::spawn(self.clone().run(meta.clone(), tenant));
        }
        answered
            .await
            .map_err(|_| Error::internal("a commit ended without an answer"))?
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<TenantId, TenantQueue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enqueues the commit; true: the caller must start the lane.
    fn join(&self, tenant: TenantId, waiting: Waiting) -> Result<bool> {
        let mut lanes = self.lanes();
        let lane = lanes.entry(tenant).or_default();
        if lane.waiting.len() >= MOST_WAITING {
            return Err(Error::RateLimited("small writes of this tenant under way"));
        }
        lane.waiting.push_back(waiting);
        lane.came.notify_one();
        let idle = lane.running < AT_ONCE;
        lane.running += usize::from(idle);
        Ok(idle)
    }

    /// Commits until nothing waits.
    async fn run(self, meta: Meta, tenant: TenantId) {
        while let Some(batch) = self.next(tenant) {
            let (made, began) = (batch.len(), Instant::now());
            // A task of its own, so that a panic ends one transaction and not the lane.
            let _ = tokio::spawn(commit_batch(meta.clone(), batch)).await;
            self.let_gather(tenant, made, began.elapsed() / 4).await;
        }
    }

    /// Waits briefly for as many again as were just answered: a caller that writes much sends its next write then, and
    /// one transaction for all of them achieves more than two of half as many. After a single commit it does not wait.
    async fn let_gather(&self, tenant: TenantId, made: usize, patience: Duration) {
        let waiting = || {
            let lanes = self.lanes();
            let lane = lanes.get(&tenant)?;
            Some((lane.waiting.len(), Arc::clone(&lane.came)))
        };
        let Some((left, came)) = waiting().filter(|_| made > 1) else {
            return;
        };
        let gathered = async {
            while waiting().is_some_and(|(now, _)| now < (left + made).min(together::MOST)) {
                came.notified().await;
            }
        };
        let _ = timeout(patience, gathered).await;
    }

    /// The next commits; `None`: nothing waits, and the lane is closed. A key can be in one transaction only once.
    fn next(&self, tenant: TenantId) -> Option<Vec<Waiting>> {
        let mut lanes = self.lanes();
        let lane = lanes.get_mut(&tenant)?;
        let (mut batch, mut keys, mut bytes) = (Vec::new(), HashSet::new(), 0);
        while let Some(first) = lane.waiting.front() {
            if first.answer.is_closed() {
                lane.waiting.pop_front();
                continue;
            }
            bytes += first.new.size;
            let key = first.new.claim.as_ref().map(|claim| claim.key.clone());
            let full = batch.len() >= together::MOST || bytes > MOST_BYTES;
            if (full && !batch.is_empty()) || !key.is_none_or(|key| keys.insert(key)) {
                break;
            }
            batch.extend(lane.waiting.pop_front());
        }
        if batch.is_empty() {
            lane.running -= 1;
            if lane.running == 0 {
                lanes.remove(&tenant);
            }
            return None;
        }
        Some(batch)
    }
}

async fn commit_batch(meta: Meta, batch: Vec<Waiting>) {
    let (new, answers): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|waiting| (waiting.new, waiting.answer))
        .unzip();
    let (outcomes, attempt) = match together::commit(&meta, &new).await {
        Ok(outcomes) => (outcomes, Attempt::First),
        Err(_) => (new.iter().map(|_| None).collect(), Attempt::InDoubt),
    };
    for ((new, mut answer), outcome) in new.into_iter().zip(answers).zip(outcomes) {
        match outcome {
            Some(outcome) => {
                let _ = answer.send(Ok(outcome));
            }
            // A commit that waits for a lock must not delay the others.
            None => {
                let meta = meta.clone();
                tokio::spawn(async move {
                    let outcome = tokio::select! {
                        outcome = commit::commit(&meta, &new, attempt) => outcome,
                        () = answer.closed() => return,
                    };
                    let _ = answer.send(outcome);
                });
            }
        }
    }
}
