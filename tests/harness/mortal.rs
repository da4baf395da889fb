//! A replica that can die or be paused at any step: after the n-th thing that it has Postgres or S3 do, nothing it does is
//! done any more, or not for a while, and it hears nothing. Seen from outside there is no other way to die.

mod postgres;
mod s3;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use cairn_store::{
    Store,
    config::{BlobConfig, StoreConfig},
};
use tokio::sync::watch;

use super::Cairn;

pub use s3::{Fault, FaultyS3, Operation};

/// How many steps a replica has made, how many it may, and what happens then.
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

    /// Begins another one, of so many steps.
    pub fn begin(&self, allowed: usize) {
        self.made.store(0, Ordering::SeqCst);
        self.allowed.store(allowed, Ordering::SeqCst);
        self.pauses.store(false, Ordering::SeqCst);
        self.dead.send_replace(false);
    }

    /// Begins one that pauses after so many steps, until `resume`.
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

    /// What is to happen after the last step.
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

    /// Makes a step, if there is one left.
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
    /// What is done now is the last thing that is, for a while or for ever.
    Last,
    None,
}

/// A replica on another Cairn's database and bucket; only its store, for whatever else a process does takes steps, too.
pub struct Mortal {
    /// What the test calls.
    pub store: Store,
    /// How many steps it may still take.
    pub life: Arc<Life>,
    /// The S3 server that it sees.
    pub s3: FaultyS3,
}

impl Mortal {
    /// One that lives on until [`Life::begin`].
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
        Self {
            store: Store::open(&config).await.unwrap(),
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
