//! What content was: its hash and its length, as the server names them.

use std::fmt;

use cairn_proto::v1;
use sha2::{Digest as _, Sha256};

use crate::Error;

/// The hash and the length of some content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// "sha256:" and 64 lower-case hex digits.
    pub content_hash: String,
    /// In bytes.
    pub size_bytes: i64,
}

impl Digest {
    /// The digest of this content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut hashing = Hashing::default();
        hashing.update(content);
        hashing.finish()
    }

    /// What the artifact is recorded to be.
    #[must_use]
    pub fn recorded(artifact: &v1::Artifact) -> Self {
        Self {
            content_hash: artifact.content_hash.clone(),
            size_bytes: artifact.size_bytes,
        }
    }

    /// Compares this with what the artifact is recorded to be.
    ///
    /// # Errors
    ///
    /// [`Error::BadAnswer`] when they differ.
    pub fn check(&self, artifact: &v1::Artifact) -> Result<(), Error> {
        let recorded = Self::recorded(artifact);
        if *self == recorded {
            return Ok(());
        }
        Err(Error::BadAnswer(format!(
            "{} is recorded as {recorded}, but what passed here is {self}",
            artifact.artifact_id
        )))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.content_hash, self.size_bytes)
    }
}

/// Computes a [`Digest`] of content that comes piece by piece.
#[derive(Debug, Default)]
pub struct Hashing {
    hasher: Sha256,
    size_bytes: i64,
}

impl Hashing {
    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        self.size_bytes += piece.len() as i64;
    }

    /// How much has come so far, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size_bytes as u64
    }

    /// The digest of all pieces.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest {
            content_hash: format!("sha256:{}", hex::encode(self.hasher.finalize())),
            size_bytes: self.size_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Hashing};

    #[test]
    fn pieces_and_the_whole_have_the_same_digest() {
        let mut hashing = Hashing::default();
        hashing.update(b"a");
        hashing.update(b"");
        hashing.update(b"bc");
        let digest = hashing.finish();
        assert_eq!(digest, Digest::of(b"abc"));
        assert_eq!(digest.size_bytes, 3);
        assert_eq!(
            digest.content_hash,
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
