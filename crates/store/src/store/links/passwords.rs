//! Passwords of links, compared a few at a time: each takes 19 MiB of memory and some 20 ms of a processor.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
    time::timeout,
};

use crate::model::{
    digest::ContentHash,
    error::{Error, Result},
    id::LinkId,
    link_password::{self, LinkPassword},
};

/// How many are compared at once in a process.
const AT_ONCE: usize = 2;
/// How long a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a right password need not be compared again: a player asks for many ranges of a film.
const KNOWN_FOR: Duration = Duration::from_secs(60);
const KNOWN: u64 = 10_000;

#[derive(Clone)]
pub(in crate::store) struct LinkPasswords {
    /// Hashes of links with what was given for them and was right.
    known: Cache<ContentHash, ()>,
    turns: Arc<Semaphore>,
}

impl LinkPasswords {
    pub(in crate::store) fn new() -> Self {
        Self {
            known: Cache::builder()
                .max_capacity(KNOWN)
                .time_to_live(KNOWN_FOR)
                .build(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Whether this was compared a moment ago, and was right.
    pub(super) fn is_known(&self, link: &LinkId, stored: &[u8], given: &str) -> bool {
        self.known.contains_key(&entry(link, stored, given))
    }

    /// Waits for a turn to hash or compare.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(super) async fn turn(&self) -> Result<Turn<'_>> {
        match timeout(PATIENCE, self.turns.acquire()).await {
            Ok(Ok(permit)) => Ok(Turn {
                passwords: self,
                _permit: permit,
            }),
            Ok(Err(_)) | Err(_) => Err(Error::RateLimited("passwords of links to compare")),
        }
    }
}

/// One of the few calls that may hash a password or compare one.
pub(super) struct Turn<'a> {
    passwords: &'a LinkPasswords,
    _permit: SemaphorePermit<'a>,
}

impl Turn<'_> {
    /// What is stored of a new password.
    ///
    /// # Errors
    /// `Internal`.
    pub(super) async fn hash(self, password: LinkPassword) -> Result<Vec<u8>> {
        let hash = spawn_blocking(move || password.hash()).await;
        hash.map_err(|e| Error::Internal(e.into()))?
    }

    /// As `LinkPasswords::is_known`.
    pub(super) fn is_known(&self, link: &LinkId, stored: &[u8], given: &str) -> bool {
        self.passwords.is_known(link, stored, given)
    }

    /// Whether this is the link's password.
    ///
    /// # Errors
    /// `Internal`.
    pub(super) async fn is_right(
        &self,
        link: &LinkId,
        stored: Vec<u8>,
        given: String,
    ) -> Result<bool> {
        let entry = entry(link, &stored, &given);
        let right = spawn_blocking(move || link_password::is_right(&given, &stored)).await;
        let right = right.map_err(|e| Error::Internal(e.into()))??;
        if right {
            self.passwords.known.insert(entry, ());
        }
        Ok(right)
    }
}

fn entry(link: &LinkId, stored: &[u8], given: &str) -> ContentHash {
    ContentHash::of(&[link.as_str().as_bytes(), stored, given.as_bytes()].concat())
}
