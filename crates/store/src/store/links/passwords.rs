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

    /// What is stored of a new password.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(super) async fn hash(&self, password: LinkPassword) -> Result<Vec<u8>> {
        let _turn = self.turn().await?;
        let hash = spawn_blocking(move || password.hash()).await;
        hash.map_err(|e| Error::Internal(e.into()))?
    }

    /// Whether this was compared a moment ago, and was right.
    pub(super) fn is_known(&self, link: &LinkId, stored: &[u8], given: &str) -> bool {
        self.known.contains_key(&entry(link, stored, given))
    }

    /// Whether this is the link's password.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(super) async fn is_right(
        &self,
        link: &LinkId,
        stored: Vec<u8>,
        given: String,
    ) -> Result<bool> {
        let _turn = self.turn().await?;
        let entry = entry(link, &stored, &given);
        let right = spawn_blocking(move || link_password::is_right(&given, &stored)).await;
        let right = right.map_err(|e| Error::Internal(e.into()))??;
        if right {
            self.known.insert(entry, ());
        }
        Ok(right)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        match timeout(PATIENCE, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Error::RateLimited("passwords of links to compare")),
        }
    }
}

fn entry(link: &LinkId, stored: &[u8], given: &str) -> ContentHash {
    ContentHash::of(&[link.as_str().as_bytes(), stored, given.as_bytes()].concat())
}
