//! The memory that all uploads of a process share, and the order in which it is granted.
//!
//! A part of an upload grows by one block at a time, as its bytes arrive. A block is granted only if afterwards all
//! parts could still be filled one after another, with the blocks of each returning before the next one needs them (the
//! banker's algorithm). So uploads never deadlock. No tenant holds more than its share, and the tenant that holds least
//! is served first; within a tenant, the part that needs least.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use crate::model::{
    error::{Error, Result},
    id::TenantId,
};

/// The size of a block, in bytes.
pub(super) const BLOCK: usize = 256 * 1024;
/// How long a part waits for its next block.
const WAIT: Duration = Duration::from_secs(60);

/// A handle on the memory of all uploads; clones share it.
#[derive(Clone)]
pub(crate) struct Budget {
    state: Arc<Mutex<State>>,
}

struct State {
    /// How many blocks there are, and how many of them one tenant may hold.
    blocks: usize,
    share: usize,
    free: usize,
    /// The blocks that each tenant holds, if any.
    tenants: HashMap<TenantId, usize>,
    /// The parts that are being filled, by age. Blocks of full parts return by themselves.
    parts: BTreeMap<u64, Filling>,
    next: u64,
}

struct Filling {
    tenant: TenantId,
    /// Blocks that the full part needs, and that were granted so far.
    wanted: usize,
    given: usize,
    /// It waits for its next block.
    waiting: Option<oneshot::Sender<()>>,
}

impl Filling {
    fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.given)
    }
}

/// The claim of a part that is being filled. It is dropped when the part is full or given up, and needs no more blocks.
pub(super) struct PartClaim {
    budget: Budget,
    tenant: TenantId,
    number: u64,
    taken: usize,
}

/// A block of memory, returned when it is dropped.
pub(super) struct Block {
    bytes: Vec<u8>,
    budget: Budget,
    tenant: TenantId,
}

impl Budget {
    /// A budget of so many bytes, of which one part may take `largest_part`.
    pub(crate) fn new(bytes: usize, largest_part: usize) -> Self {
        let blocks = bytes / BLOCK;
        let three_quarters = blocks - blocks / 4;
        let state = State {
            blocks,
            share: three_quarters.max(largest_part / BLOCK).min(blocks),
            free: blocks,
            tenants: HashMap::new(),
            parts: BTreeMap::new(),
            next: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Begins a part of at most so many bytes.
    pub(super) fn part(&self, tenant: TenantId, bytes: usize) -> PartClaim {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        let filling = Filling {
            tenant,
            wanted: bytes.div_ceil(BLOCK),
            given: 0,
            waiting: None,
        };
        state.parts.insert(number, filling);
        PartClaim {
            budget: self.clone(),
            tenant,
            number,
            taken: 0,
        }
    }

    /// Nothing that is done under the lock can panic half-way.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartClaim {
    /// The next block, which is empty; at most as many as the part's announced size needs.
    ///
    /// # Errors
    /// `Unavailable` when none is free for a minute.
    pub(super) async fn block(&mut self) -> Result<Block> {
        let given = {
            let mut state = self.budget.lock();
            let (sender, given) = oneshot::channel();
            if let Some(part) = state.parts.get_mut(&self.number) {
                if part.given > self.taken {
                    // It was granted to a call that was dropped before it received it.
                    let _ = sender.send(());
                } else {
                    part.waiting = Some(sender);
                    state.give();
                }
            }
            given
        };
        match timeout(WAIT, given).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return Err(Error::Internal(e.into())),
            Err(e) => {
                return Err(Error::Unavailable {
                    dependency: "upload buffer",
                    source: e.into(),
                });
            }
        }
        self.taken += 1;
        Ok(Block {
            bytes: Vec::with_capacity(BLOCK),
            budget: self.budget.clone(),
            tenant: self.tenant,
        })
    }
}

impl State {
    /// Grants free blocks to waiting parts, as long as one may have one.
    fn give(&mut self) {
        while self.free > 0 {
            let Some(number) = self.first_in_turn() else {
                return;
            };
            let Some(part) = self.parts.get_mut(&number) else {
                return;
            };
            if part.waiting.take().is_some_and(|w| w.send(()).is_ok()) {
                part.given += 1;
                self.free -= 1;
                *self.tenants.entry(part.tenant).or_default() += 1;
            }
        }
    }

    /// The part that gets the next block.
    fn first_in_turn(&self) -> Option<u64> {
        let mut waiting: Vec<_> = self
            .parts
            .iter()
            .filter(|(_, part)| part.waiting.is_some())
            .map(|(number, part)| {
                let begun = part.given > 0;
                let missing = if begun { part.missing() } else { 0 };
                (self.held_by(part.tenant), !begun, missing, *number)
            })
            .collect();
        waiting.sort_unstable();
        let mut numbers = waiting.into_iter().map(|(.., number)| number);
        numbers.find(|number| self.may_have_one_more(*number))
    }

    fn held_by(&self, tenant: TenantId) -> usize {
        self.tenants.get(&tenant).copied().unwrap_or(0)
    }

    /// Whether all parts can still be filled, in some order, if this one gets one more block.
    fn may_have_one_more(&self, number: u64) -> bool {
        let Some(candidate) = self.parts.get(&number) else {
            return false;
        };
        if self.held_by(candidate.tenant) >= self.share {
            return false;
        }
        let mut left = self.blocks;
        let mut left_to: HashMap<TenantId, usize> = HashMap::new();
        let mut unfilled = Vec::with_capacity(self.parts.len());
        for (at, part) in &self.parts {
            let more = usize::from(*at == number);
            let (given, missing) = (part.given + more, part.missing().saturating_sub(more));
            left = left.saturating_sub(given);
            let of_tenant = left_to.entry(part.tenant).or_insert(self.share);
            *of_tenant = of_tenant.saturating_sub(given);
            unfilled.push((missing, given, part.tenant));
        }
        unfilled.sort_unstable_by_key(|(missing, ..)| *missing);
        while !unfilled.is_empty() {
            let before = unfilled.len();
            unfilled.retain(|(missing, given, tenant)| {
                let of_tenant = left_to.entry(*tenant).or_insert(self.share);
                let fits = *missing <= left && missing <= of_tenant;
                if fits {
                    left += given;
                    *of_tenant += given;
                }
                !fits
            });
            if unfilled.len() == before {
                return false;
            }
        }
        true
    }

    fn take_back(&mut self, tenant: TenantId, blocks: usize) {
        self.free += blocks;
        if let Entry::Occupied(mut held) = self.tenants.entry(tenant) {
            *held.get_mut() = held.get().saturating_sub(blocks);
            if *held.get() == 0 {
                held.remove();
            }
        }
        self.give();
    }
}

impl Drop for PartClaim {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        let part = state.parts.remove(&self.number);
        let untaken = part.map_or(0, |part| part.given.saturating_sub(self.taken));
        state.take_back(self.tenant, untaken);
    }
}

impl Block {
    /// Takes as much from the front of a piece as fits; returns whether the block is full now.
    pub(super) fn take_from(&mut self, piece: &mut bytes::Bytes) -> bool {
        let room = BLOCK - self.bytes.len();
        let taken = piece.split_to(room.min(piece.len()));
        self.bytes.extend_from_slice(&taken);
        self.bytes.len() == BLOCK
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // Not before the memory is free.
        drop(std::mem::take(&mut self.bytes));
        self.budget.lock().take_back(self.tenant, 1);
    }
}

#[cfg(test)]
mod tests;
