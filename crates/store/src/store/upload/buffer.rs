//! The bytes of an upload that have arrived and were not yet sent to the blob store.

use bytes::{Bytes, BytesMut};

use super::budget::{Block, Budget, PartClaim};
use crate::{
    blob::Pieces,
    model::{error::Result, id::TenantId},
};

/// The part that is being filled. Content that may still fit into a row is kept separately, because it is small and
/// needs no claim on memory.
#[derive(Default)]
pub(in crate::store) struct Buffer {
    small: Small,
    full: Vec<Bytes>,
    filling: Option<Block>,
    claim: Option<PartClaim>,
    len: usize,
}

/// One piece is kept as it came; more are joined.
#[derive(Default)]
enum Small {
    #[default]
    None,
    One(Bytes),
    Joined(BytesMut),
}

impl Buffer {
    /// How many bytes the part has.
    pub(in crate::store) fn len(&self) -> usize {
        self.len
    }

    /// Keeps a piece of content that may fit into a row.
    pub(in crate::store) fn keep_small(&mut self, piece: Bytes) {
        self.small = match std::mem::take(&mut self.small) {
            Small::None => Small::One(piece),
            Small::One(first) => {
                let mut joined = BytesMut::with_capacity(first.len() + piece.len());
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&piece);
                Small::Joined(joined)
            }
            Small::Joined(mut joined) => {
                joined.extend_from_slice(&piece);
                Small::Joined(joined)
            }
        };
    }

    /// All that `keep_small` was given.
    pub(in crate::store) fn take_small(&mut self) -> Bytes {
        match std::mem::take(&mut self.small) {
            Small::None => Bytes::new(),
            Small::One(piece) => piece,
            Small::Joined(joined) => joined.freeze(),
        }
    }

    /// Uses content that is completely in memory as the part.
    pub(in crate::store) fn keep_whole(&mut self, content: Bytes) {
        self.len = content.len();
        self.full = vec![content];
    }

    /// Takes from a piece what fits into one block of a part with at most `wanted` bytes. Returns a block that is full
    /// now, to be hashed.
    pub(in crate::store) async fn fill(
        &mut self,
        budget: &Budget,
        tenant: TenantId,
        wanted: usize,
        piece: &mut Bytes,
    ) -> Result<Option<Bytes>> {
        let mut block = match self.filling.take() {
            Some(block) => block,
            None => {
                let claim = self
                    .claim
                    .get_or_insert_with(|| budget.part(tenant, wanted));
                claim.block().await?
            }
        };
        let before = piece.len();
        let is_full = block.take_from(piece);
        self.len += before - piece.len();
        if !is_full {
            self.filling = Some(block);
            return Ok(None);
        }
        let block = Bytes::from_owner(block);
        self.full.push(block.clone());
        Ok(Some(block))
    }

    /// The incomplete block, which becomes the last of its part.
    pub(in crate::store) fn end_block(&mut self) -> Option<Bytes> {
        let block = Bytes::from_owner(self.filling.take()?);
        self.full.push(block.clone());
        Some(block)
    }

    /// Takes the part out; its memory is free again when its bytes are dropped.
    pub(in crate::store) fn take_part(&mut self) -> Pieces {
        self.claim = None;
        self.len = 0;
        Pieces::new(std::mem::take(&mut self.full))
    }
}
