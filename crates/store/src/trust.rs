//! Who was let in a moment ago, so that most calls need not ask Postgres.

use std::time::Duration;

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
pub(crate) struct Trust(Cache<Proof, Option<Caller>>);

impl Trust {
    /// Remembers for so long at most; zero: not at all.
    pub(crate) fn new(time: Duration) -> Self {
        let remembered = if time.is_zero() { 0 } else { REMEMBERED };
        let cache = Cache::builder().max_capacity(remembered);
        Self(
            cache
                .time_to_live(time.max(Duration::from_millis(1)))
                .build(),
        )
    }

    /// `None`: Postgres must be asked.
    pub(crate) fn recall(&self, proof: &Proof) -> Option<Option<Caller>> {
        self.0.get(proof)
    }

    pub(crate) fn remember(&self, proof: Proof, caller: Option<Caller>) {
        self.0.insert(proof, caller);
    }
}
