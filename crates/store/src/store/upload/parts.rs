use tokio::task::JoinSet;

use crate::{
    blob::{BlobResult, Blobs, Multipart, Part, Pieces, unavailable},
    model::error::{Error, Result},
};

/// How many parts of one upload are being sent to the blob store at once.
const IN_FLIGHT: usize = 2;

/// A multipart upload: a bounded number of parts is sent in parallel. Dropping it cancels them.
pub(super) struct Parts {
    blobs: Blobs,
    upload: Multipart,
    sent: i32,
    in_flight: JoinSet<BlobResult<Part>>,
    stored: Vec<Part>,
}

impl Parts {
    pub(super) fn new(blobs: Blobs, upload: Multipart) -> Self {
        Self {
            blobs,
            upload,
            sent: 0,
            in_flight: JoinSet::new(),
            stored: Vec::new(),
        }
    }

    /// Sends the next part, whose memory is returned when it is stored.
    pub(super) async fn send(&mut self, part: Pieces) -> Result<()> {
        while self.in_flight.len() >= IN_FLIGHT {
            self.wait_for_one().await?;
        }
        self.sent += 1;
        let (blobs, upload, number) = (self.blobs.clone(), self.upload.clone(), self.sent);
        self.in_flight
            .spawn(async move { blobs.put_part(&upload, number, part).await });
        Ok(())
    }

    /// Waits for every part, and completes the upload.
    pub(super) async fn complete(mut self, size: u64) -> Result<()> {
        while !self.in_flight.is_empty() {
            self.wait_for_one().await?;
        }
        self.stored.sort_by_key(|part| part.number);
        self.blobs
            .complete(&self.upload, &self.stored, size)
            .await
            .map_err(unavailable)
    }

    async fn wait_for_one(&mut self) -> Result<()> {
        match self.in_flight.join_next().await {
            None => {}
            Some(Ok(part)) => self.stored.push(part.map_err(unavailable)?),
            Some(Err(e)) => return Err(Error::Internal(e.into())),
        }
        Ok(())
    }
}
