//! The bytes of a read, a piece at a time and within its budget.

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::{
    model::{
        error::{Error, Result},
        reads::budget::{ReadBudget, ReadStop},
    },
    store::read::{Content, Download},
};

/// The first range that is asked of the blob store, in bytes. Each further one is twice as long.
const FIRST_RANGE: u64 = 256 << 10;
/// The longest.
const LONGEST_RANGE: u64 = 32 << 20;

/// Pieces of a content from an offset on. It asks the blob store for ranges that grow, so that a read which soon has enough
/// leaves little unread.
pub(super) struct Source {
    download: Download,
    /// The bytes of the range that is being read.
    content: Option<Content>,
    position: u64,
    size: u64,
    range: u64,
    /// How much may still be read.
    left: u64,
    scanned: u64,
    deadline: Instant,
}

impl Source {
    pub(super) fn new(download: Download, offset: u64, budget: &ReadBudget) -> Self {
        let size = download.artifact().size_bytes;
        Self {
            position: offset.min(size),
            size,
            download,
            content: None,
            range: FIRST_RANGE,
            left: budget.bytes_scanned,
            scanned: 0,
            deadline: Instant::now() + budget.time,
        }
    }

    /// How many bytes were read.
    pub(super) fn scanned(&self) -> u64 {
        self.scanned
    }

    /// How many bytes follow.
    pub(super) fn unread(&self) -> u64 {
        self.size - self.position
    }

    /// The next piece, or why there is none.
    ///
    /// # Errors
    /// `DataCorrupted`, `Unavailable`.
    pub(super) async fn next(&mut self) -> Result<Result<Bytes, ReadStop>> {
        if self.position == self.size {
            return Ok(Err(ReadStop::End));
        }
        if self.left == 0 {
            return Ok(Err(ReadStop::BytesScanned));
        }
        match timeout_at(self.deadline, self.read()).await {
            Err(_) => Ok(Err(ReadStop::Time)),
            Ok(piece) => Ok(Ok(piece?)),
        }
    }

    async fn read(&mut self) -> Result<Bytes> {
        loop {
            if let Some(content) = &mut self.content
                && let Some(piece) = content.next().await?
            {
                self.position += piece.len() as u64;
                self.scanned += piece.len() as u64;
                self.left = self.left.saturating_sub(piece.len() as u64);
                return Ok(piece);
            }
            if self.content.is_some() {
                self.range = (self.range * 2).min(LONGEST_RANGE);
            }
            let length = self.range.min(self.left);
            let content = self.download.clone().look_at(self.position, length);
            if content.remaining() == 0 {
                let id = self.download.artifact().id.to_string();
                return Err(Error::DataCorrupted(id));
            }
            self.content = Some(content);
        }
    }
}
