//! Reads an object's bytes, with retries.

use bytes::Bytes;

use crate::{
    blob::{BlobError, BlobReader, Blobs, ObjectKey, unavailable},
    model::error::Result,
};

/// How often in a row an interrupted read is resumed before it fails.
const RESUMPTIONS: u32 = 3;

/// A range of an object, read from its start to its end.
pub(super) struct Source {
    blobs: Blobs,
    key: ObjectKey,
    /// How far it has been read.
    position: u64,
    end: u64,
    reader: Option<BlobReader>,
    resumptions: u32,
}

impl Source {
    pub(super) fn new(blobs: Blobs, key: ObjectKey, start: u64, end: u64) -> Self {
        Self {
            blobs,
            key,
            position: start,
            end,
            reader: None,
            resumptions: 0,
        }
    }

    /// Whether the range has been read to its end.
    pub(super) fn is_at_end(&self) -> bool {
        self.position == self.end
    }

    /// The next piece; `None` if there is none, at the end of the range or before it. An interrupted read is resumed
    /// where it stopped.
    ///
    /// # Errors
    /// `Unavailable` when the blob store does not answer.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.is_at_end() {
            match self.try_next().await {
                Ok(Some(piece)) => {
                    self.resumptions = 0;
                    self.position += piece.len() as u64;
                    return Ok(Some(piece));
                }
                Ok(None) | Err(BlobError::NotFound) => return Ok(None),
                Err(e) if self.resumptions < RESUMPTIONS => {
                    tracing::debug!(key = %self.key, position = self.position, error = %e, "reading is taken up again");
                    self.resumptions += 1;
                    self.reader = None;
                }
                Err(e) => return Err(unavailable(e)),
            }
        }
        Ok(None)
    }

    async fn try_next(&mut self) -> Result<Option<Bytes>, BlobError> {
        if self.reader.is_none() {
            let length = self.end - self.position;
            self.reader = Some(self.blobs.get(&self.key, self.position, length).await?);
        }
        match &mut self.reader {
            Some(reader) => reader.next().await,
            None => Ok(None),
        }
    }
}
