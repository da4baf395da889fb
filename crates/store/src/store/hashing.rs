//! Hashes content while it passes through.

use bytes::Bytes;
use sha2::{Digest, Sha256, digest::common::hazmat::SerializableState};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::model::{
    digest::ContentHash,
    error::{Error, Result},
};

/// From this size on, hashing is worth its own thread: below it, the hand-over costs more.
const WORTH_A_THREAD: usize = 256 * 1024;

/// The layout of saved states. The crate that makes them calls it an implementation detail.
const STATE_FORMAT: u8 = 1;

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

    /// The state after all pieces so far, for `restore`. It contains up to 63 bytes of the content.
    pub(crate) async fn save(&mut self) -> Result<Vec<u8>> {
        let hasher = std::mem::replace(self, Self::new()).state().await?;
        let mut saved = vec![STATE_FORMAT];
        saved.extend_from_slice(&hasher.serialize());
        *self = Self::Here(hasher);
        Ok(saved)
    }

    /// Continues from a saved state; `None` for one in another format.
    pub(crate) fn restore(saved: &[u8]) -> Option<Self> {
        let (format, state) = saved.split_first()?;
        let state = state.try_into().ok().filter(|_| *format == STATE_FORMAT)?;
        Sha256::deserialize(state).ok().map(Self::Here)
    }

    async fn state(self) -> Result<Sha256> {
        match self {
            Self::Here(hasher) => Ok(hasher),
            Self::Elsewhere(task) => task.await.map_err(|e| Error::Internal(e.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_saved_hash_continues_where_it_was() {
        let whole: Vec<u8> = (0..1000_u32).map(|n| n as u8).collect();
        for at in [0, 1, 63, 64, 65, 1000] {
            let mut hashing = Hashing::new();
            let (first, rest) = whole.split_at(at);
            hashing.update(first.to_vec().into()).await.expect("hashed");
            let saved = hashing.save().await.expect("saved");
            let mut restored = Hashing::restore(&saved).expect("a state");
            for hashing in [&mut hashing, &mut restored] {
                hashing.update(rest.to_vec().into()).await.expect("hashed");
            }
            let expected = ContentHash::of(&whole);
            assert_eq!(hashing.finish().await.expect("a hash"), expected);
            assert_eq!(restored.finish().await.expect("a hash"), expected);
        }
    }

    #[tokio::test]
    async fn a_state_in_another_format_is_not_restored() {
        let saved = Hashing::new().save().await.expect("saved");
        let other = [&[STATE_FORMAT + 1], &saved[1..]].concat();
        for wrong in [&other[..], &saved[..50], &[]] {
            assert!(Hashing::restore(wrong).is_none());
        }
    }
}
