//! Caches accepted credentials, so that most calls need not ask Postgres, and allows one lookup at a time for each
//! credential.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use moka::sync::Cache;
use tokio::{
    sync::{Mutex as Turn, Semaphore},
    time::timeout,
};
use uuid::Uuid;

use crate::model::{
    digest::ContentHash,
    error::{Error, Result},
    tenant::Caller,
};

/// The maximum entries of the cache. An entry takes some hundred bytes.
const REMEMBERED: u64 = 50_000;
/// How many credentials are looked up at once: invented ones cost the database no more than this.
const LOOKING: usize = 8;
/// How many more credentials wait for that.
const WAITING: usize = 256;
/// How many calls wait, including those with the same credential.
const CALLS: usize = 16_384;
/// How long each of them waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// The proof of a caller's identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Proof {
    /// The hash of an API key.
    Key(ContentHash),
    /// A token that was checked.
    Token { issuer: String, subject: String },
    /// A delegated token that was checked, by its key's row.
    OfKey(Uuid),
    /// The same of a workload.
    OfWorkload { row: Uuid, subject: String },
}

/// Postgres' answer for a credential.
#[derive(Clone)]
struct Known {
    asked_at: Instant,
    /// `None`: it is refused.
    caller: Option<Caller>,
}

/// The lookups of one credential: the holder of this lock looks it up, and the others wait. It records when the last
/// failed lookup began.
type LookUps = Arc<Turn<Option<Instant>>>;

/// Postgres' recent answers, including refusals: an invented key costs one query.
#[derive(Clone)]
pub(crate) struct CredentialCache {
    known: Cache<Proof, Known>,
    time: Duration,
    under_way: Arc<Mutex<HashMap<Proof, LookUps>>>,
    looking: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    calls: Arc<Semaphore>,
}

impl CredentialCache {
    /// Keeps entries for so long; zero: every call gets an answer that was requested after it arrived.
    pub(crate) fn new(time: Duration) -> Self {
        Self {
            known: Cache::new(REMEMBERED),
            time,
            under_way: Arc::default(),
            looking: Arc::new(Semaphore::new(LOOKING)),
            waiting: Arc::new(Semaphore::new(LOOKING + WAITING)),
            calls: Arc::new(Semaphore::new(CALLS)),
        }
    }

    /// The caller of this proof. Calls that arrive during a lookup wait for the next one, and share it.
    ///
    /// # Errors
    /// `RateLimited` when too many wait; those of `look_up`.
    pub(crate) async fn caller(
        &self,
        proof: Proof,
        look_up: impl Future<Output = Result<Option<Caller>>>,
    ) -> Result<Option<Caller>> {
        let came = Instant::now();
        if let Some(caller) = self.recall(&proof, came) {
            return Ok(caller);
        }
        let _call = self.calls.try_acquire().map_err(|_| limited())?;
        let turns = self.turns(&proof);
        let turn = timeout(PATIENCE, turns.0.lock()).await;
        let mut failed = turn.map_err(|_| limited())?;
        if let Some(caller) = self.recall(&proof, came) {
            return Ok(caller);
        }
        if failed.is_some_and(|began| began >= came) {
            return Err(Error::Unavailable {
                dependency: "database",
                source: "the credential was looked up for another call, in vain".into(),
            });
        }
        let _waits = self.waiting.try_acquire().map_err(|_| limited())?;
        let looks = timeout(PATIENCE, self.looking.acquire()).await;
        let _looks = looks.map_err(|_| limited())?;
        let asked_at = Instant::now();
        let caller = look_up.await.inspect_err(|_| *failed = Some(asked_at))?;
        let known = Known {
            asked_at,
            caller: caller.clone(),
        };
        self.known.insert(proof, known);
        Ok(caller)
    }

    /// The cached answer that is valid for a call that arrived then; `None`: ask Postgres.
    fn recall(&self, proof: &Proof, came: Instant) -> Option<Option<Caller>> {
        let known = self.known.get(proof)?;
        let holds = known.asked_at >= came || known.asked_at.elapsed() < self.time;
        holds.then_some(known.caller)
    }

    fn turns(&self, proof: &Proof) -> Turns<'_> {
        let mut all = lock(&self.under_way);
        let turns = all.entry(proof.clone()).or_default();
        Turns(turns.clone(), proof.clone(), &self.under_way)
    }
}

fn limited() -> Error {
    Error::RateLimited("credentials to look at")
}

fn lock(
    under_way: &Mutex<HashMap<Proof, LookUps>>,
) -> std::sync::MutexGuard<'_, HashMap<Proof, LookUps>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call's share in the lookups of a credential, which are removed with the last share.
struct Turns<'a>(LookUps, Proof, &'a Mutex<HashMap<Proof, LookUps>>);

impl Drop for Turns<'_> {
    fn drop(&mut self) {
        let mut all = lock(self.2);
        // Its own and that of the map.
        if Arc::strong_count(&self.0) == 2 {
            all.remove(&self.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::{future::join_all, join};
    use tokio::task::yield_now;

    use super::*;

    fn proof(of: &str) -> Proof {
        Proof::Key(ContentHash::of(of.as_bytes()))
    }

    #[tokio::test]
    async fn first_calls_of_one_credential_share_a_look_up() {
        let (trust, asked) = (CredentialCache::new(Duration::ZERO), AtomicUsize::new(0));
        let call = async || {
            let look_up = async {
                asked.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
                Ok(None)
            };
            trust.caller(proof("same"), look_up).await
        };
        let calls = join_all((0..1001).map(|_| call())).await;
        assert!(calls.iter().all(Result::is_ok));
        // The first is asked alone; all others came before the second.
        assert!(asked.load(Ordering::Relaxed) <= 2);
        assert!(lock(&trust.under_way).is_empty());
        call().await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 3, "nothing is trusted");
    }

    #[tokio::test]
    async fn a_look_up_that_fails_fails_for_those_that_wait_for_it() {
        let (trust, asked) = (
            CredentialCache::new(Duration::from_secs(60)),
            AtomicUsize::new(0),
        );
        let call = async || {
            let look_up = async {
                asked.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
                Err(Error::internal("no"))
            };
            trust.caller(proof("same"), look_up).await
        };
        let calls = join_all((0..1001).map(|_| call())).await;
        assert!(calls.iter().all(Result::is_err));
        assert!(asked.load(Ordering::Relaxed) <= 2);
    }

    #[tokio::test]
    async fn a_call_that_goes_away_leaves_the_look_up_to_the_next() {
        let trust = CredentialCache::new(Duration::ZERO);
        let never = trust.caller(proof("same"), std::future::pending());
        let gone = async {
            tokio::select! {
                biased;
                _ = never => unreachable!(),
                () = async { for _ in 0..10 { yield_now().await } } => {}
            }
        };
        let next = trust.caller(proof("same"), async { Ok(None) });
        let (next, ()) = join!(next, gone);
        assert!(next.unwrap().is_none());
    }

    #[tokio::test]
    async fn only_so_many_credentials_wait_to_be_looked_up() {
        let trust = CredentialCache::new(Duration::ZERO);
        let calls = (0..LOOKING + WAITING + 1).map(|n| {
            let trust = trust.clone();
            async move {
                let never = std::future::pending();
                trust.caller(proof(&n.to_string()), never).await
            }
        });
        let mut calls: futures_util::stream::FuturesUnordered<_> = calls.collect();
        // None of the others ends.
        let refused = futures_util::StreamExt::next(&mut calls).await;
        assert!(matches!(refused, Some(Err(Error::RateLimited(_)))));
    }
}
