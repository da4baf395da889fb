use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    digest::ContentHash,
    error::{Error, Result},
};

/// From this size on, hashing is worth a thread of its own: below it, the hand-over costs more.
const WORTH_A_THREAD: usize = 256 * 1024;

/// The hash of content that arrives part by part. A part is hashed while the next one is being received.
pub(super) enum Hashing {
    Here(Sha256),
    Elsewhere(JoinHandle<Sha256>),
}

impl Hashing {
    pub(super) fn new() -> Self {
        Self::Here(Sha256::new())
    }

    /// Takes the next part, once the one before it has been hashed.
    pub(super) async fn update(&mut self, part: Bytes) -> Result<()> {
        let mut hasher = std::mem::replace(self, Self::new()).state().await?;
        *self = if part.len() < WORTH_A_THREAD {
            hasher.update(&part);
            Self::Here(hasher)
        } else {
            Self::Elsewhere(spawn_blocking(move || {
                hasher.update(&part);
                hasher
            }))
        };
        Ok(())
    }

    pub(super) async fn finish(self) -> Result<ContentHash> {
        self.state().await.map(ContentHash::from)
    }

    async fn state(self) -> Result<Sha256> {
        match self {
            Self::Here(hasher) => Ok(hasher),
            Self::Elsewhere(task) => task.await.map_err(|e| Error::Internal(e.into())),
        }
    }
}
