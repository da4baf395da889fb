//! The stored contents.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use cairn_store::ContentHash;
use rand::{RngExt, rngs::StdRng};

/// How many contents are stored repeatedly, by size: few enough that one is often uploaded while its last copy is
/// condemned, and enough that most have no copy most of the time.
const POOL: [(usize, std::ops::Range<usize>); 3] = [
    (12, 0..4_096),
    (30, 4_097..60_000),
    // More than one part.
    (2, (8 << 20) + 1..(8 << 20) + 200_000),
];

pub(super) struct Content {
    pub(super) bytes: Bytes,
    /// As the API writes it.
    pub(super) hash: String,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of {}", self.bytes.len(), self.hash)
    }
}

impl Content {
    fn random(rng: &mut StdRng, size: std::ops::Range<usize>) -> Arc<Self> {
        let mut bytes = vec![0; rng.random_range(size)];
        rng.fill(&mut bytes[..]);
        Arc::new(Self {
            hash: ContentHash::of(&bytes).to_string(),
            bytes: bytes.into(),
        })
    }
}

#[derive(Debug)]
pub(super) struct Pool(Vec<Arc<Content>>);

impl Pool {
    pub(super) fn new(rng: &mut StdRng) -> Self {
        let all = POOL.into_iter().flat_map(|(count, size)| {
            let contents = (0..count).map(|_| Content::random(rng, size.clone()));
            contents.collect::<Vec<_>>()
        });
        Self(all.collect())
    }

    /// Mostly a content of the pool, else a unique one.
    pub(super) fn any(&self, rng: &mut StdRng) -> Arc<Content> {
        let small = POOL[0].0 + POOL[1].0;
        if rng.random_bool(0.2) {
            return Content::random(rng, 1..20_000);
        }
        Arc::clone(&self.0[rng.random_range(..small)])
    }

    /// A content that is stored in its row.
    pub(super) fn small(&self) -> Arc<Content> {
        Arc::clone(&self.0[0])
    }

    pub(super) fn large(&self, rng: &mut StdRng) -> Arc<Content> {
        let small = POOL[0].0 + POOL[1].0;
        Arc::clone(&self.0[rng.random_range(small..self.0.len())])
    }
}
