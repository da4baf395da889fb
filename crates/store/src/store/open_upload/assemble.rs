//! Combines the parts that strangers have put, and finds out what they are.
//!
//! What counts is read under the key once the parts are combined: from then on no URL can change it. A check of the
//! parts before that would be one of bytes that may be replaced a moment later.

use std::{pin::pin, time::Instant};

use tokio::{sync::SemaphorePermit, time::timeout};

use super::{
    finish::Whole,
    known::{ENDED, Under},
};
use crate::{
    blob::{BlobError, Blobs, Multipart, Part, unavailable},
    meta::uploads::{Held, Progress},
    model::{
        error::{Error, Result},
        text::{ContentType, Filename},
    },
    store::{Store, hashing::Hashing},
};

/// After so many bytes what was read is recorded, so that a repeated finish need not read them again.
const STEP: u64 = 256 << 20;

impl Store {
    /// Combines the parts unless an earlier finish has, then reads and hashes the whole.
    pub(super) async fn assemble(
        &self,
        under: &Under<'_>,
        held: &Held,
        part_bytes: u64,
        filename: &Filename,
    ) -> Result<Whole> {
        let row = under.row;
        let size = row.declared.unwrap_or(0);
        let key = Blobs::key(under.caller.tenant.id, row.object);
        let Some(id) = row.multipart_id.clone() else {
            // No URL was ever signed.
            of_parts(under, Vec::new(), size, part_bytes)?;
            return Err(ENDED);
        };
        let multipart = Multipart::numbered(key, id);
        if !self.was_combined(row, &multipart, size).await?
            && let Some(stored) = self.stored_parts(under, &multipart, size).await?
        {
            let parts = of_parts(under, stored, size, part_bytes)?;
            self.combine_parts(under, held, &multipart, &parts, size)
                .await?;
            self.check_combined(under, &multipart, size).await?;
        }
        self.read_back(under, held, &multipart, size, filename)
            .await
    }

    /// The parts that are in S3 now, and their sizes; `None` if they have been combined. Without either, the upload has
    /// ended: S3 takes no part of it any more.
    async fn stored_parts(
        &self,
        under: &Under<'_>,
        multipart: &Multipart,
        size: u64,
    ) -> Result<Option<Vec<(Part, u64)>>> {
        let s3 = self.blobs.s3().ok_or(Error::PresignUnsupported)?;
        let stored = s3.parts_of(multipart).await.map_err(unavailable)?;
        if stored.is_some() {
            return Ok(stored);
        }
        // The request of an earlier finish may have taken effect after this one looked for it.
        let combined = self.blobs.size_of(&multipart.key).await;
        if combined.map_err(unavailable)? == Some(size) {
            return Ok(None);
        }
        self.give_up(under).await?;
        Err(Error::UploadExpired("S3 has dropped its parts"))
    }

    /// Ends the upload if the combined parts have another size than was declared.
    async fn check_combined(
        &self,
        under: &Under<'_>,
        multipart: &Multipart,
        size: u64,
    ) -> Result<()> {
        let stored = self.blobs.size_of(&multipart.key).await;
        match stored.map_err(unavailable)? {
            Some(stored) if stored == size => Ok(()),
            Some(other) => {
                self.give_up(under).await?;
                Err(Error::ContentMismatch {
                    field: "size_bytes",
                    declared: size.to_string(),
                    actual: other.to_string(),
                })
            }
            // It has just said that they are combined: it may show them later.
            None => Err(unavailable(BlobError::NotFound)),
        }
    }

    /// Waits until this finish may read, and keeps its upload open meanwhile.
    async fn turn(&self, under: &Under<'_>, held: &Held) -> Result<SemaphorePermit<'_>> {
        let mut turn = pin!(self.read_backs.acquire());
        loop {
            if let Ok(turn) = timeout(self.check_after(), turn.as_mut()).await {
                return turn.map_err(|e| Error::Internal(e.into()));
            }
            self.record(under, held.fence, Progress::Alive, None)
                .await?;
        }
    }

    /// Reads and hashes the combined parts from where an earlier finish has come, until a later one takes over.
    async fn read_back(
        &self,
        under: &Under<'_>,
        held: &Held,
        multipart: &Multipart,
        size: u64,
        filename: &Filename,
    ) -> Result<Whole> {
        let mut at = held.parts_bytes;
        let mut hashing = match &held.hash_state {
            None => Hashing::with_crc32(),
            Some(state) => Hashing::restore(state).ok_or(ENDED)?,
        };
        let mut guessed = under.row.content_type.clone();
        let mut checked = Instant::now();
        let _turn = self.turn(under, held).await?;
        while at < size {
            let step = STEP.min(size - at);
            let mut reading = self
                .blobs
                .get(&multipart.key, at, step)
                .await
                .map_err(unavailable)?;
            while let Some(piece) = reading.next().await.map_err(unavailable)? {
                let guess = || ContentType::guess(filename, &piece).as_str().to_owned();
                guessed.get_or_insert_with(guess);
                at += piece.len() as u64;
                hashing.update(piece).await?;
                if checked.elapsed() > self.check_after() {
                    self.record(under, held.fence, Progress::Alive, None)
                        .await?;
                    checked = Instant::now();
                }
            }
            let hash_state = hashing.save().await?;
            let read = Progress::Read {
                bytes: at,
                hash_state: &hash_state,
            };
            self.record(under, held.fence, read, guessed.as_deref())
                .await?;
            checked = Instant::now();
        }
        let (hash, crc32) = hashing.finish_both().await?;
        Ok(Whole {
            size,
            hash,
            crc32,
            content_type: guessed,
        })
    }
}

/// The parts of a whole content, if all of them are stored with their sizes.
fn of_parts(
    under: &Under<'_>,
    stored: Vec<(Part, u64)>,
    size: u64,
    part_bytes: u64,
) -> Result<Vec<Part>> {
    let (mut parts, mut missing) = (Vec::new(), Vec::new());
    let mut stored = stored.into_iter().peekable();
    for place in 0..size.div_ceil(part_bytes) {
        let number = i32::try_from(place + 1).map_err(|e| Error::Internal(e.into()))?;
        let wanted = part_bytes.min(size - place * part_bytes);
        while stored.next_if(|(part, _)| part.number < number).is_some() {}
        match stored.next_if(|(part, _)| part.number == number) {
            Some((part, bytes)) if bytes == wanted => parts.push(part),
            _ => missing.push(number),
        }
    }
    match missing.is_empty() {
        true => Ok(parts),
        false => Err(Error::UploadPartsMissing {
            id: under.row.id.to_string(),
            parts: missing,
        }),
    }
}
