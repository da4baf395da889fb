//! Who was let in a moment ago, so that most calls need not ask Postgres.

use std::time::{Duration, Instant};

use moka::sync::Cache;

use crate::{digest::ContentHash, tenant::Caller};

/// How many credentials a process remembers. An entry takes some hundred bytes.
const REMEMBERED: u64 = 50_000;

/// What a caller proves itself by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Proof {
    /// The hash of an API key.
    Key(ContentHash),
    /// A token that was checked.
    Token { issuer: String, subject: String },
}

/// What Postgres said of credentials lately, refusals included: invented keys cost one query each, and no more.
#[derive(Clone)]
pub(crate) struct Trust {
    known: Cache<Proof, (Instant, Option<Caller>)>,
    time: Duration,
}

impl Trust {
    /// Remembers for so long at most; zero: not at all.
    pub(crate) fn new(time: Duration) -> Self {
        let known = Cache::new(REMEMBERED);
        Self { known, time }
    }

    /// `None`: Postgres must be asked.
    pub(crate) fn recall(&self, proof: &Proof) -> Option<Option<Caller>> {
        let (since, caller) = self.known.get(proof)?;
        (since.elapsed() < self.time).then_some(caller)
    }

    pub(crate) fn remember(&self, proof: Proof, caller: Option<Caller>) {
        self.known.insert(proof, (Instant::now(), caller));
    }
}
