//! A replica that can die or be paused at any step: after its n-th request to Postgres or S3 nothing more is executed,
//! or not for a while, and it gets no answer. From outside a death looks exactly like this.

mod postgres;
mod s3;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use cairn_store::{
    Store,
    config::{BlobConfig, StoreConfig},
    gc::Collector,
};
use tokio::sync::watch;

use super::Cairn;

pub use s3::{Fault, FaultyS3, Operation};

/// How many steps a replica has taken, how many it may take, and what happens then.
#[derive(Debug)]
pub struct Life {
    made: AtomicUsize,
    allowed: AtomicUsize,
    pauses: AtomicBool,
    dead: watch::Sender<bool>,
    paused: watch::Sender<bool>,
}

impl Life {
    /// One without end.
    fn eternal() -> Arc<Self> {
        Arc::new(Self {
            made: AtomicUsize::new(0),
            allowed: AtomicUsize::new(usize::MAX),
            pauses: AtomicBool::new(false),
            dead: watch::channel(false).0,
            paused: watch::channel(false).0,
        })
    }

    /// Starts another one, of so many steps.
    pub fn begin(&self, allowed: usize) {
        self.made.store(0, Ordering::SeqCst);
        self.allowed.store(allowed, Ordering::SeqCst);
        self.pauses.store(false, Ordering::SeqCst);
        self.dead.send_replace(false);
    }

    /// Starts one that pauses after so many steps, until `resume`.
    pub fn begin_with_a_pause(&self, after: usize) {
        self.begin(after);
        self.pauses.store(true, Ordering::SeqCst);
    }

    /// Waits until it pauses.
    pub async fn pause(&self) {
        let _ = self.paused.subscribe().wait_for(|paused| *paused).await;
    }

    /// Ends the pause.
    pub fn resume(&self) {
        self.paused.send_replace(false);
    }

    /// What happens after the last step.
    async fn last(&self) {
        if !self.pauses.load(Ordering::SeqCst) {
            self.dead.send_replace(true);
            return;
        }
        self.paused.send_replace(true);
        let _ = self.paused.subscribe().wait_for(|paused| !paused).await;
    }

    /// Whether its steps are used up.
    pub fn is_over(&self) -> bool {
        *self.dead.borrow()
    }

    /// Waits for the end.
    pub async fn end(&self) {
        let _ = self.dead.subscribe().wait_for(|dead| *dead).await;
    }

    /// Takes a step, if there is one left.
    fn step(&self) -> Step {
        if self.is_over() {
            return Step::None;
        }
        let allowed = self.allowed.load(Ordering::SeqCst);
        match (self.made.fetch_add(1, Ordering::SeqCst) + 1).cmp(&allowed) {
            std::cmp::Ordering::Less => Step::More,
            std::cmp::Ordering::Equal => Step::Last,
            std::cmp::Ordering::Greater if self.pauses.load(Ordering::SeqCst) => Step::More,
            std::cmp::Ordering::Greater => Step::None,
        }
    }

    fn die(&self) {
        self.dead.send_replace(true);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    More,
    /// This request is the last one, for a while or permanently.
    Last,
    None,
}

/// A replica on another Cairn's database and bucket. It is only the store, because the rest of a process takes steps
/// too.
pub struct Mortal {
    /// The store that the test calls.
    pub store: Store,
    /// A collector on this store.
    pub collector: Collector,
    /// How many steps it may still take.
    pub life: Arc<Life>,
    /// The S3 server that it sees.
    pub s3: FaultyS3,
}

impl Mortal {
    /// A replica that lives until [`Life::begin`].
    pub async fn beside(cairn: &Cairn) -> Self {
        let life = Life::eternal();
        let BlobConfig::S3(bucket) = &cairn.config.blobs else {
            panic!("its bytes are in S3");
        };
        let endpoint = bucket.endpoint.as_ref().unwrap();
        let address = endpoint.trim_start_matches("http://");
        let s3 = FaultyS3::before(address, Arc::clone(&life)).await;
        let database_url = postgres::before(&cairn.config.database_url, Arc::clone(&life)).await;
        let mut bucket = bucket.clone();
        bucket.endpoint = Some(format!("http://{}", s3.address));
        let config = StoreConfig {
            database_url,
            blobs: BlobConfig::S3(bucket),
            database_connections: 4,
            ..cairn.config.clone()
        };
        let store = Store::open(&config).await.unwrap();
        Self {
            collector: Collector::new(store.clone(), config.gc),
            store,
            life,
            s3,
        }
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.life.die();
    }
}
