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

/// The hash of content that passes through piece by piece, and its CRC-32 where that is wanted. A large piece is hashed
/// while the next one arrives.
pub(crate) enum Hashing {
    Here(State),
    Elsewhere(JoinHandle<State>),
}

/// What has been hashed so far.
#[derive(Default)]
pub(crate) struct State {
    sha256: Sha256,
    crc32: Option<crc32fast::Hasher>,
}

impl State {
    fn update(&mut self, piece: &[u8]) {
        self.sha256.update(piece);
        if let Some(crc32) = &mut self.crc32 {
            crc32.update(piece);
        }
    }
}

impl Hashing {
    pub(crate) fn new() -> Self {
        Self::Here(State::default())
    }

    /// The same, with the CRC-32.
    pub(crate) fn with_crc32() -> Self {
        Self::Here(State {
            crc32: Some(crc32fast::Hasher::new()),
            ..State::default()
        })
    }

    /// Takes the next piece, once the one before it has been hashed.
    pub(crate) async fn update(&mut self, piece: Bytes) -> Result<()> {
        let mut state = std::mem::replace(self, Self::new()).state().await?;
        *self = if piece.len() < WORTH_A_THREAD {
            state.update(&piece);
            Self::Here(state)
        } else {
            Self::Elsewhere(spawn_blocking(move || {
                state.update(&piece);
                state
            }))
        };
        Ok(())
    }

    pub(crate) async fn finish(self) -> Result<ContentHash> {
        Ok(self.finish_both().await?.0)
    }

    /// The hash, and the CRC-32 if it is known: not after `restore`.
    pub(crate) async fn finish_both(self) -> Result<(ContentHash, Option<u32>)> {
        let state = self.state().await?;
        let crc32 = state.crc32.map(crc32fast::Hasher::finalize);
        Ok((ContentHash::from(state.sha256), crc32))
    }

    /// The state after all pieces so far, for `restore`. It contains up to 63 bytes of the content.
    pub(crate) async fn save(&mut self) -> Result<Vec<u8>> {
        let state = std::mem::replace(self, Self::new()).state().await?;
        let mut saved = vec![STATE_FORMAT];
        saved.extend_from_slice(&state.sha256.serialize());
        *self = Self::Here(state);
        Ok(saved)
    }

    /// Continues from a saved state; `None` for one in another format. A state has no CRC-32: the previous release could
    /// not continue from it.
    pub(crate) fn restore(saved: &[u8]) -> Option<Self> {
        let (format, state) = saved.split_first()?;
        let state = state.try_into().ok().filter(|_| *format == STATE_FORMAT)?;
        let sha256 = Sha256::deserialize(state).ok()?;
        Some(Self::Here(State {
            sha256,
            crc32: None,
        }))
    }

    async fn state(self) -> Result<State> {
        match self {
            Self::Here(state) => Ok(state),
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
