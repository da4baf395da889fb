//! What this process knows about where lines begin.

use std::sync::Arc;

use moka::sync::Cache;

use crate::{blob::ObjectKey, model::reads::index::LineIndex};

/// The memory of all indexes, in bytes. An index of a text of 1 GiB has 100 KiB.
const MEMORY: u64 = 16 << 20;

/// The indexes of texts that were read lately. Losing one costs a read of the text and no correctness.
#[derive(Clone)]
pub(crate) struct LineIndexes(Cache<ObjectKey, Arc<LineIndex>>);

impl LineIndexes {
    pub(crate) fn new() -> Self {
        let weight = |_: &ObjectKey, index: &Arc<LineIndex>| index.weight();
        let cache = Cache::builder().max_capacity(MEMORY).weigher(weight);
        Self(cache.build())
    }

    pub(super) fn get(&self, key: &ObjectKey) -> Option<Arc<LineIndex>> {
        self.0.get(key)
    }

    /// Keeps an index, unless the one that is kept knows more.
    pub(super) fn put(&self, key: &ObjectKey, index: LineIndex) {
        let known = self.0.get(key);
        if known.is_none_or(|known| index.knows_more_than(&known)) {
            self.0.insert(key.clone(), Arc::new(index));
        }
    }
}
