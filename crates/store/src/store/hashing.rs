//! Hashes content while it passes through.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::model::{
    digest::ContentHash,
    error::{Error, Result},
};

/// From this size on, hashing is worth its own thread: below it, the hand-over costs more.
const WORTH_A_THREAD: usize = 256 * 1024;

/// The hash of content that passes through piece by piece. A large piece is hashed while the next one arrives.
pub(crate) enum Hashing {
    Here(Sha256),
    Elsewhere(JoinHandle<Sha256>),
}

impl Hashing {
    pub(crate) fn new() -> Self {
        Self::Here(Sha256::new())
    }

    /// Takes the next piece, once the one before it has been hashed.
    pub(crate) async fn update(&mut self, piece: Bytes) -> Result<()> {
        let mut hasher = std::mem::replace(self, Self::new()).state().await?;
        *self = if piece.len() < WORTH_A_THREAD {
            hasher.update(&piece);
            Self::Here(hasher)
        } else {
            Self::Elsewhere(spawn_blocking(move || {
                hasher.update(&piece);
                hasher
            }))
        };
        Ok(())
    }

    pub(crate) async fn finish(self) -> Result<ContentHash> {
        self.state().await.map(ContentHash::from)
    }

    async fn state(self) -> Result<Sha256> {
        match self {
            Self::Here(hasher) => Ok(hasher),
            Self::Elsewhere(task) => task.await.map_err(|e| Error::Internal(e.into())),
        }
    }
}
