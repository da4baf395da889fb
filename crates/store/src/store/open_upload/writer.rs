//! Receives the bytes of a resumable upload.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;
use tokio_util::task::AbortOnDropHandle;

use super::known::{ENDED, Under, not_open, shown};
use crate::{
    blob::{BlobResult, Multipart, Part, Pieces, unavailable},
    config::StoreConfig,
    meta::{
        quotas,
        uploads::{self as rows, Progress, UploadRow},
    },
    model::{
        error::{Error, Result},
        open_upload::OpenUpload,
        tenant::{Caller, Tenant},
        text::{ContentType, Filename},
    },
    store::{
        Store,
        hashing::Hashing,
        upload::{Buffer, PART_SIZES, too_large},
    },
};

/// How many parts of one upload are being sent to the blob store at once.
pub(super) const IN_FLIGHT: usize = 2;
/// The last number of a part that a writer sends. Each write takes numbers, so a finish needs some that are left.
const LAST_NUMBER: i32 = StoreConfig::MAX_PARTS as i32 - 500;
/// The smallest part that every S3 server accepts before the last one.
const SMALLEST_PART: usize = 5 << 20;

/// A call that writes an upload. Dropped, it leaves what was recorded.
pub struct UploadWriter {
    store: Store,
    caller: Caller,
    row: UploadRow,
    fence: i64,
    filename: Filename,
    content_type: Option<ContentType>,
    /// How much has arrived, and how much of that was sent in parts.
    size: u64,
    sent: u64,
    /// The largest content for which there was room in the quota.
    room: u64,
    hashing: Hashing,
    buffer: Buffer,
    /// Numbers for parts that are this writer's own.
    numbers: VecDeque<i32>,
    sending: VecDeque<Sending>,
    multipart: Option<Multipart>,
    checked: Instant,
}

/// A part on its way to the blob store.
struct Sending {
    part: AbortOnDropHandle<BlobResult<Part>>,
    size: u64,
    /// The sum of all parts including this one, and the hash of their bytes.
    end: u64,
    hash_state: Vec<u8>,
}

impl Store {
    /// Continues an upload at this offset, and takes it over from its present writer.
    ///
    /// # Errors
    /// `OpenUploadNotFound`, `UploadExpired` for one that has ended, `UploadTakenOver` for one that is being finished,
    /// `UploadOffsetMismatch` with the right offset, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn write_upload(
        &self,
        caller: &Caller,
        id: &str,
        offset: u64,
    ) -> Result<UploadWriter> {
        let (row, spec) = self.known_upload(caller, id).await?;
        let client = self.meta.client().await?;
        let taken = rows::take(
            &client,
            caller.tenant.id,
            &row.id,
            Some(offset),
            IN_FLIGHT as i32,
            self.times.upload_window,
        );
        let Some(held) = taken.await? else {
            drop(client);
            let (row, _) = self.known_upload(caller, id).await?;
            if row.presigned_part.is_some() && row.reserved.is_some() {
                let rule = "must be of an upload whose parts do not go to signed URLs";
                return Err(Error::invalid("position.upload_id", rule));
            }
            return Err(match (row.reserved, row.finishing) {
                (Some(_), None) => Error::UploadOffsetMismatch {
                    id: id.to_owned(),
                    offset: row.committed(),
                },
                _ => not_open(&row),
            });
        };
        drop(client);
        if held.first_part > LAST_NUMBER {
            return Err(too_large(row.committed()));
        }
        let hashing = match &held.hash_state {
            None => Hashing::new(),
            Some(state) => Hashing::restore(state).ok_or(ENDED)?,
        };
        let numbers = held.first_part..held.first_part + IN_FLIGHT as i32;
        let mut writer = UploadWriter {
            store: self.clone(),
            caller: caller.clone(),
            fence: held.fence,
            filename: spec.filename,
            content_type: spec.content_type,
            size: held.parts_bytes,
            sent: held.parts_bytes,
            room: row.reserved.unwrap_or(0),
            hashing,
            buffer: Buffer::default(),
            numbers: numbers.collect(),
            sending: VecDeque::new(),
            multipart: None,
            checked: Instant::now(),
            row,
        };
        writer.write(held.tail.into()).await?;
        Ok(writer)
    }
}

impl UploadWriter {
    /// Takes the next piece of the content.
    ///
    /// # Errors
    /// `FileTooLarge`, `ContentMismatch` and `QuotaExceeded` as soon as there is more than was declared or there is room
    /// for; `UploadTakenOver`; `UploadExpired`; `Unavailable`.
    pub async fn write(&mut self, mut piece: Bytes) -> Result<()> {
        self.count(piece.len()).await?;
        if self.checked.elapsed() > self.store.check_after() {
            self.record(Progress::Alive).await?;
        }
        while !piece.is_empty() {
            if self.buffer.len() >= self.part_size() {
                self.send_part().await?;
            }
            let wanted = self.part_size();
            let (budget, tenant) = (&self.store.uploads, self.caller.tenant.id);
            let filled = self.buffer.fill(budget, tenant, wanted, &mut piece);
            if let Some(block) = filled.await? {
                self.hash(block).await?;
            }
        }
        Ok(())
    }

    /// Ends the write: what has arrived is stored and recorded. Returns the upload.
    ///
    /// # Errors
    /// `UploadTakenOver`, `UploadExpired`, `Unavailable`.
    pub async fn pause(mut self) -> Result<OpenUpload> {
        if let Some(block) = self.buffer.end_block() {
            self.hash(block).await?;
        }
        if self.buffer.len() >= SMALLEST_PART {
            self.send_part().await?;
        }
        while !self.sending.is_empty() {
            self.settle().await?;
        }
        let tail = self.buffer.take_part();
        let tail: Vec<u8> = tail
            .iter()
            .flat_map(|piece| piece.iter().copied())
            .collect();
        self.record(Progress::Tail(&tail)).await?;
        let (row, _) = self
            .store
            .known_upload(&self.caller, self.row.id.as_str())
            .await?;
        Ok(shown(&row))
    }

    /// The error for a caller that sent too little for too long.
    #[must_use]
    pub fn stalled(&self) -> Error {
        Error::UploadStalled(self.row.id.to_string())
    }

    /// Counts bytes that arrive, and refuses too many.
    async fn count(&mut self, bytes: usize) -> Result<()> {
        self.size += bytes as u64;
        let limit = self.limit();
        if self.size > limit {
            return Err(too_large(limit));
        }
        if let Some(declared) = self.row.declared
            && self.size > declared
        {
            return Err(Error::ContentMismatch {
                field: "size_bytes",
                declared: declared.to_string(),
                actual: format!("{} or more", self.size),
            });
        }
        if self.size > self.room {
            self.room = self.find_room().await?;
        }
        Ok(())
    }

    /// The largest content for which the quota has room now, at least what has arrived.
    async fn find_room(&self) -> Result<u64> {
        let tenant: &Tenant = &self.caller.tenant;
        let client = self.store.meta.client().await?;
        let Some(quota) = quotas::look(&client, tenant.id).await? else {
            return Ok(u64::MAX);
        };
        let Some(row) = rows::find(&client, tenant.id, &self.row.id).await? else {
            return Err(ENDED);
        };
        let quota = quota.without(row.reserved);
        quota.admit(1, self.size)?;
        Ok(quota.room())
    }

    /// The largest content that the caller may store.
    fn limit(&self) -> u64 {
        self.caller.max_file_bytes(self.store.limits().upload_bytes)
    }

    /// The size of the part that is being filled: the smallest with which the rest fits into the numbers that are left.
    fn part_size(&self) -> usize {
        let limit = self.limit();
        let rest = self.row.declared.unwrap_or(limit).saturating_sub(self.sent);
        let next = self.numbers.front().copied().unwrap_or(1);
        let left = u64::from(LAST_NUMBER.saturating_sub(next).unsigned_abs());
        let fits = |size: &usize| *size as u64 * left >= rest;
        let size = PART_SIZES.into_iter().find(fits);
        size.unwrap_or(StoreConfig::MAX_PART)
    }

    async fn hash(&mut self, block: Bytes) -> Result<()> {
        if self.content_type.is_none() && self.sent == 0 {
            self.content_type = Some(ContentType::guess(&self.filename, &block));
        }
        self.hashing.update(block).await
    }

    /// Sends what is buffered as the next part.
    async fn send_part(&mut self) -> Result<()> {
        if self.sending.len() == IN_FLIGHT {
            self.settle().await?;
        }
        let number = self.numbers.pop_front();
        let number = number.ok_or_else(|| Error::internal("a writer has no part numbers"))?;
        if number > LAST_NUMBER {
            return Err(too_large(self.sent));
        }
        let multipart = self.multipart().await?;
        let content: Pieces = self.buffer.take_part();
        let size = content.len() as u64;
        self.sent += size;
        let blobs = self.store.blobs.clone();
        let part =
            tokio::spawn(async move { blobs.put_numbered(&multipart, number, content).await });
        self.sending.push_back(Sending {
            part: AbortOnDropHandle::new(part),
            size,
            end: self.sent,
            hash_state: self.hashing.save().await?,
        });
        Ok(())
    }

    /// Waits for the oldest part, and records it.
    async fn settle(&mut self) -> Result<()> {
        let Some(sending) = self.sending.pop_front() else {
            return Ok(());
        };
        let part = sending.part.await.map_err(|e| Error::Internal(e.into()))?;
        let part = part.map_err(unavailable)?;
        let number = self
            .record(Progress::Part {
                part: &part,
                size: sending.size,
                bytes: sending.end,
                hash_state: &sending.hash_state,
            })
            .await?;
        self.numbers.push_back(number);
        Ok(())
    }

    async fn record(&mut self, progress: Progress<'_>) -> Result<i32> {
        let (caller, row) = (&self.caller, &self.row);
        let kind = self.content_type.as_ref().map(ContentType::as_str);
        let under = Under { caller, row };
        let recorded = self.store.record(&under, self.fence, progress, kind);
        let number = recorded.await?;
        self.checked = Instant::now();
        Ok(number)
    }

    /// The blob store's upload, which the first part begins.
    async fn multipart(&mut self) -> Result<Multipart> {
        if let Some(multipart) = &self.multipart {
            return Ok(multipart.clone());
        }
        let known = self.row.multipart_id.clone();
        let multipart = self
            .store
            .multipart_of(&self.caller, self.row.object, known);
        Ok(self.multipart.insert(multipart.await?).clone())
    }
}
