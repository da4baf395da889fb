//! A ZIP archive of many artifacts, which is never in memory: its plan is, and the bytes are read as they are sent.
//!
//! The sizes are known, so every offset and the length of the whole are known before the first byte. The CRC-32 of an object
//! is known from its upload, or else computed by reading the object once more, and then recorded. So the archive's bytes are
//! a function of its plan, and a part of them can be read without what is before it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use crate::{
    blob::Blobs,
    meta::archive::{self as rows, ArchivedFile},
    model::{
        archive::{
            MOST_FILES,
            names::safe_names,
            zip::{DosTime, End, Entry},
        },
        digest::ContentHash,
        error::{Error, Result},
        id::{ArtifactId, ObjectId, TenantId},
        link::SessionFolder,
    },
    store::{
        Store,
        audit::queue::ReadLine,
        hashing::Hashing,
        read::{Place, Reading},
    },
};

/// What a plan may take while it is made, in KiB: names of 1 KiB each, as rows and as they will be.
const LARGEST_PLAN: u32 = 24 << 10;
/// The least that is counted for a plan, in KiB.
const SMALLEST_PLAN: u32 = 64;
/// How long an archive waits until others have ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pieces shorter than this are joined, in bytes.
const SHORT: usize = 64 << 10;
/// How many bytes that are in Postgres are read at once, and of how many objects.
const TOGETHER: u64 = 512 << 10;
const MOST_TOGETHER: usize = 256;

/// The latest visible versions of the files of a folder, as one archive.
pub struct Archive {
    store: Store,
    tenant: TenantId,
    files: Vec<File>,
    end: End,
    hash: ContentHash,
    line: ReadLine,
    /// For the memory of the plan.
    _permit: OwnedSemaphorePermit,
}

/// A file of the plan.
struct File {
    name: String,
    artifact: ArtifactId,
    size: u64,
    hash: ContentHash,
    modified: DosTime,
    object: ObjectId,
    crc32: Option<u32>,
    is_inline: bool,
    /// Where its header begins.
    offset: u64,
}

impl File {
    fn entry(&self) -> Entry<'_> {
        Entry {
            name: &self.name,
            size: self.size,
            modified: self.modified,
            offset: self.offset,
        }
    }
}

impl Archive {
    /// Plans the archive of a folder; `None` if it has too many files.
    ///
    /// # Errors
    /// `FilterTooCostly`; `RateLimited` when too many archives are being sent; `Unavailable`.
    pub(super) async fn of(
        store: &Store,
        tenant: TenantId,
        folder: &SessionFolder,
        line: ReadLine,
    ) -> Result<Option<Self>> {
        let turn = Arc::clone(&store.archives).acquire_many_owned(LARGEST_PLAN);
        let Ok(Ok(mut permit)) = timeout(PATIENCE, turn).await else {
            return Err(Error::RateLimited("archives being sent"));
        };
        let client = store.meta.client().await?;
        let found = rows::files(&client, tenant, folder, MOST_FILES + 1).await?;
        drop(client);
        if found.len() > MOST_FILES {
            return Ok(None);
        }
        let (files, end) = plan(found, folder.folder().len());
        // What was reserved for making it is free now.
        let bytes: usize = files.iter().map(|f| f.name.len() + size_of::<File>()).sum();
        let kept = u32::try_from(bytes >> 10).unwrap_or(LARGEST_PLAN);
        let kept = kept.clamp(SMALLEST_PLAN, LARGEST_PLAN) as usize;
        let permit = permit.split(kept).unwrap_or(permit);
        Ok(Some(Self {
            hash: identity(&files),
            store: store.clone(),
            tenant,
            files,
            end,
            line,
            _permit: permit,
        }))
    }

    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.end.offset + self.end.len + self.end.records_len()
    }

    /// How many files it has.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// What tells it from every archive of other bytes.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// Reads from `offset`, at most `limit` bytes, or to the end.
    #[must_use]
    pub fn read(self, offset: u64, limit: Option<u64>) -> ArchiveContent {
        let size = self.size();
        let at = offset.min(size);
        let end = at.saturating_add(limit.unwrap_or(size)).min(size);
        ArchiveContent {
            at,
            end,
            // The last file that begins at or before this byte.
            file: (self.files.partition_point(|file| file.offset <= at)).saturating_sub(1),
            reading: None,
            inline: HashMap::new(),
            header: 0,
            header_offset: self.end.offset,
            archive: self,
        }
    }
}

/// The files with their names and offsets, and the end of the archive.
fn plan(found: Vec<ArchivedFile>, prefix: usize) -> (Vec<File>, End) {
    let paths = found.iter().map(|file| &file.filename[prefix..]);
    let names = safe_names(paths);
    let mut offset = 0;
    let mut files = Vec::with_capacity(found.len());
    for (found, name) in found.into_iter().zip(names) {
        let file = File {
            name,
            artifact: found.artifact,
            size: found.size,
            hash: found.hash,
            modified: DosTime::of(found.created_at),
            object: found.object,
            crc32: found.crc32,
            is_inline: found.is_inline,
            offset,
        };
        offset += file.entry().local_len() + file.size;
        files.push(file);
    }
    let len = files.iter().map(|file| file.entry().central_len()).sum();
    let end = End {
        entries: files.len() as u64,
        offset,
        len,
    };
    (files, end)
}

/// The hash of all that the archive's bytes depend on: its headers, and the hashes of the contents.
fn identity(files: &[File]) -> ContentHash {
    let mut hasher = Sha256::new_with_prefix(b"cairn zip 1");
    for file in files {
        hasher.update(file.entry().central(0));
        hasher.update(file.hash.as_bytes());
    }
    ContentHash::from(hasher)
}

/// The bytes of an archive, or of a part of it, a piece at a time.
pub struct ArchiveContent {
    archive: Archive,
    /// The next byte, and the one behind the last.
    at: u64,
    end: u64,
    /// The file whose header or content is next.
    file: usize,
    reading: Option<Reading>,
    /// Contents that are in Postgres, read for the next files.
    inline: HashMap<ObjectId, Bytes>,
    /// The next header of the directory, and where it begins.
    header: usize,
    header_offset: u64,
}

impl ArchiveContent {
    /// The total length of the pieces that are left.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.end - self.at
    }

    /// The next piece, at most 320 KiB; `None` at the end.
    ///
    /// # Errors
    /// `DataCorrupted` when a content is gone or is not what was committed; `Unavailable`.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.archive.line.note();
        let mut joined = BytesMut::new();
        while joined.len() < SHORT && self.at < self.end {
            let mut piece = self.piece().await?;
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            piece.truncate(left);
            self.at += piece.len() as u64;
            if joined.is_empty() && piece.len() >= SHORT {
                return Ok(Some(piece));
            }
            joined.extend_from_slice(&piece);
        }
        Ok((!joined.is_empty()).then(|| joined.freeze()))
    }

    /// What begins at this byte, and may go beyond the end.
    async fn piece(&mut self) -> Result<Bytes> {
        while let Some(file) = self.archive.files.get(self.file) {
            let entry = file.entry();
            let content = file.offset + entry.local_len();
            if self.at < content {
                let crc32 = self.crc32(self.file).await?;
                let file = &self.archive.files[self.file];
                return Ok(behind(file.entry().local(crc32), self.at - file.offset));
            }
            if self.at < content + file.size {
                if self.reading.is_none() {
                    let size = file.size;
                    let (from, limit) = (self.at - content, self.end - self.at);
                    let reading = self.reading(self.file, from, limit).await?;
                    self.reading = Some(reading.checked(size));
                }
                let Some(reading) = &mut self.reading else {
                    continue;
                };
                return match reading.next().await? {
                    Some(piece) => Ok(piece),
                    None => Err(reading.corrupted()),
                };
            }
            self.reading = None;
            self.file += 1;
        }
        while let Some(file) = self.archive.files.get(self.header) {
            let len = file.entry().central_len();
            if self.at < self.header_offset + len {
                let crc32 = self.crc32(self.header).await?;
                let file = &self.archive.files[self.header];
                let piece = file.entry().central(crc32);
                return Ok(behind(piece, self.at - self.header_offset));
            }
            self.header_offset += len;
            self.header += 1;
        }
        let end = self.archive.end;
        Ok(behind(end.records(), self.at - end.offset - end.len))
    }

    /// Reads a part of a file's content.
    async fn reading(&mut self, file: usize, offset: u64, limit: u64) -> Result<Reading> {
        let inline = self.inline(file).await?;
        let file = &self.archive.files[file];
        let store = &self.archive.store;
        let place = Place {
            artifact: file.artifact.clone(),
            hash: file.hash,
            size: file.size,
            key: Blobs::key(self.archive.tenant, file.object),
            inline,
        };
        let read_ahead = Arc::clone(&store.read_ahead);
        Ok(Reading::new(
            place,
            store.blobs.clone(),
            read_ahead,
            offset,
            limit,
        ))
    }

    /// The content of a file that is in Postgres, which is read with those of the files behind it.
    async fn inline(&mut self, file: usize) -> Result<Option<Bytes>> {
        let wanted = &self.archive.files[file];
        if !wanted.is_inline {
            return Ok(None);
        }
        if let Some(bytes) = self.inline.get(&wanted.object) {
            return Ok(Some(bytes.clone()));
        }
        let mut bytes = 0;
        let next = self.archive.files[file..].iter().filter(|f| f.is_inline);
        let objects: Vec<_> = next
            .take(MOST_TOGETHER)
            .take_while(|next| {
                let is_first = bytes == 0;
                bytes += next.size.max(1);
                is_first || bytes <= TOGETHER
            })
            .map(|next| next.object)
            .collect();
        let client = self.archive.store.meta.client().await?;
        self.inline = rows::inline(&client, self.archive.tenant, &objects).await?;
        // Without it the reading finds no bytes, and says so.
        let bytes = self.inline.get(&wanted.object).cloned();
        Ok(Some(bytes.unwrap_or_default()))
    }

    /// The CRC-32 of a file's content. An object that was stored without one is read for it, once and for all.
    async fn crc32(&mut self, file: usize) -> Result<u32> {
        let wanted = &self.archive.files[file];
        if let Some(crc32) = wanted.crc32 {
            return Ok(crc32);
        }
        let (object, hash, size) = (wanted.object, wanted.hash, wanted.size);
        let mut reading = self.reading(file, 0, size).await?;
        let mut hashing = Hashing::with_crc32();
        while let Some(piece) = reading.next().await? {
            hashing.update(piece).await?;
        }
        let (found, Some(crc32)) = hashing.finish_both().await? else {
            return Err(Error::internal("a hash without its CRC-32"));
        };
        if found != hash {
            return Err(reading.corrupted());
        }
        let client = self.archive.store.meta.client().await?;
        rows::record_crc32(&client, self.archive.tenant, object, crc32).await?;
        for file in &mut self.archive.files {
            if file.object == object {
                file.crc32 = Some(crc32);
            }
        }
        Ok(crc32)
    }
}

/// The bytes of a header from one of them on.
fn behind(header: Vec<u8>, skipped: u64) -> Bytes {
    let header = Bytes::from(header);
    let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
    header.slice(skipped.min(header.len())..)
}
