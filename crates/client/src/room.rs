//! A bound on the memory of transfers that run at the same time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many bytes are in transfer at a time, in KiB, and how many of them a large content counts for.
const ROOM: u32 = 8 << 10;
const LARGE: u32 = 2 << 10;

/// Room for the contents that are in transfer: many small ones or a few large ones, 8 MiB in all. A clone shares the room.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM as usize)))
    }
}

impl Room {
    /// Waits for room for content of this length in bytes, which is taken until the permit is dropped. `None` is never
    /// returned, because the room is never closed. Holding one permit while waiting for another may wait without an end.
    pub async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let needed = u32::try_from(bytes >> 10).unwrap_or(LARGE).clamp(1, LARGE);
        self.0.clone().acquire_many_owned(needed).await.ok()
    }
}
