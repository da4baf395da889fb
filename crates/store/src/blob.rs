//! The bytes: in S3, or in files. The only S3 client and the only file I/O of the store are below this module.
//!
//! A key is written by one upload, once, and never reused. The protocol needs nothing else: a write or a delete that
//! was given up and takes effect later can only touch bytes that nothing refers to, or write the same bytes again.

use std::time::Duration;

use crate::model::id::{ObjectId, TenantId};

mod error;
mod fs;
mod key;
mod listing;
mod multipart;
pub(crate) mod pace;
mod pieces;
mod reader;
mod s3;

pub(crate) use error::{BlobError, BlobResult, unavailable};
pub(crate) use fs::Fs;
pub(crate) use key::ObjectKey;
pub(crate) use listing::{Entry, Listed, ListedUnfinished, Unfinished};
pub(crate) use multipart::{Multipart, Part};
pub(crate) use pieces::Pieces;
pub(crate) use reader::BlobReader;
pub(crate) use s3::{S3, Signer};

/// The blob stores: a closed set.
#[derive(Clone)]
pub(crate) enum Blobs {
    S3(S3),
    Fs(Fs),
}

impl Blobs {
    /// The path of the mark that names the deployment.
    pub(crate) const MARKER: &str = key::MARKER;

    /// The setting that configures the blob store.
    pub(crate) fn setting(&self) -> &'static str {
        match self {
            Self::S3(_) => "CAIRN_S3_BUCKET",
            Self::Fs(_) => "CAIRN_BLOB_DIR",
        }
    }

    /// The S3 in which contents are, if they are in one.
    pub(crate) fn s3(&self) -> Option<&S3> {
        match self {
            Self::S3(s3) => Some(s3),
            Self::Fs(_) => None,
        }
    }

    /// What signs URLs of S3, if contents are in one that callers can reach.
    pub(crate) fn signer(&self) -> Option<&Signer> {
        self.s3().and_then(S3::signer)
    }

    /// The beginning of the paths of one of the 256 shards, over which the hash spreads all keys.
    pub(crate) fn shard(number: u8) -> String {
        format!("v1/{number:02x}/")
    }

    /// The key of an object's bytes.
    pub(crate) fn key(tenant: TenantId, object: ObjectId) -> ObjectKey {
        ObjectKey::new(tenant, object)
    }

    /// Stores bytes as a whole; durable when it returns.
    pub(crate) async fn put(&self, key: &ObjectKey, bytes: Pieces) -> BlobResult<()> {
        match self {
            Self::S3(s3) => s3.put(key, bytes).await,
            Self::Fs(fs) => fs.put(key, bytes).await,
        }
    }

    /// Begins to store bytes in parts.
    pub(crate) async fn begin(&self, key: ObjectKey, part_size: usize) -> BlobResult<Multipart> {
        let (id, asked_again) = match self {
            Self::S3(s3) => s3.begin(&key).await?,
            Self::Fs(fs) => (fs.begin(&key).await?, false),
        };
        Ok(Multipart {
            key,
            id,
            part_size,
            asked_again,
        })
    }

    /// Stores one part; numbers start at 1.
    pub(crate) async fn put_part(
        &self,
        upload: &Multipart,
        number: i32,
        bytes: Pieces,
    ) -> BlobResult<Part> {
        match self {
            Self::S3(s3) => s3.put_part(upload, number, bytes).await,
            Self::Fs(fs) => fs.put_part(upload, number, bytes).await,
        }
    }

    /// Combines the parts; durable when it returns. Called once: after a failure nothing more may be sent to this
    /// upload.
    pub(crate) async fn complete(
        &self,
        upload: &Multipart,
        parts: &[Part],
        size: u64,
    ) -> BlobResult<()> {
        match self {
            Self::S3(s3) => s3.complete(upload, parts, size).await,
            Self::Fs(fs) => fs.complete(upload).await,
        }
    }

    /// Stores one part of an upload that may have several writers. Each part has a number of its own, so a late request
    /// of one writer overwrites nothing of another. Durable when it returns.
    pub(crate) async fn put_numbered(
        &self,
        upload: &Multipart,
        number: i32,
        bytes: Pieces,
    ) -> BlobResult<Part> {
        match self {
            Self::S3(s3) => s3.put_part(upload, number, bytes).await,
            Self::Fs(fs) => fs.put_numbered(upload, number, bytes).await,
        }
    }

    /// Combines these numbered parts; durable when it returns. One call at a time: after a failure other than
    /// `NotDone`, `was_combined` says whether it may be called again.
    pub(crate) async fn combine(
        &self,
        upload: &Multipart,
        parts: &[Part],
        size: u64,
    ) -> BlobResult<()> {
        match self {
            Self::S3(s3) => s3.complete(upload, parts, size).await,
            Self::Fs(fs) => fs.combine(upload, parts, size).await,
        }
    }

    /// Whether an earlier call, which began so long ago, has combined the parts. An error if it may still be running.
    pub(crate) async fn was_combined(
        &self,
        upload: &Multipart,
        size: u64,
        began: Duration,
    ) -> BlobResult<bool> {
        match self {
            Self::S3(s3) => s3.was_completed(upload, size, began).await,
            Self::Fs(fs) => Ok(fs.size_of(&upload.key).await? == Some(size)),
        }
    }

    /// Aborts the upload with this id, and no other to its key.
    pub(crate) async fn abort_one(&self, upload: &Multipart) -> BlobResult<()> {
        match self {
            Self::S3(s3) => s3.abort_one(&upload.key, &upload.id).await,
            Self::Fs(_) => Ok(()),
        }
    }

    /// Removes all parts of uploads to this key; having none is not an error.
    pub(crate) async fn abort(&self, key: &ObjectKey, id: Option<&str>) -> BlobResult<()> {
        match self {
            Self::S3(s3) => s3.abort(key, id).await,
            Self::Fs(fs) => fs.abort(key).await,
        }
    }

    /// Reads `length` bytes from `offset`.
    pub(crate) async fn get(
        &self,
        key: &ObjectKey,
        offset: u64,
        length: u64,
    ) -> BlobResult<BlobReader> {
        match self {
            Self::S3(s3) => s3.get(key, offset, length).await,
            Self::Fs(fs) => fs.get(key, offset, length).await,
        }
    }

    /// Deletes keys, and returns for each whether it is now gone; a key that was already gone counts.
    pub(crate) async fn delete(&self, keys: &[ObjectKey]) -> Vec<BlobResult<()>> {
        match self {
            Self::S3(s3) => s3.delete(keys).await,
            Self::Fs(fs) => fs.delete(keys).await,
        }
    }

    /// The size of the bytes under a key; `None` only if the blob store says that there is nothing.
    pub(crate) async fn size_of(&self, key: &ObjectKey) -> BlobResult<Option<u64>> {
        match self {
            Self::S3(s3) => s3.size_of(key).await,
            Self::Fs(fs) => fs.size_of(key).await,
        }
    }

    /// Lists complete entries under paths with this beginning, after a path, at most a thousand. An answer that is not
    /// fully understood is an error: no entry is ever left out.
    pub(crate) async fn list(&self, start: &str, after: &str) -> BlobResult<Listed> {
        match self {
            Self::S3(s3) => s3.list(start, after).await,
            Self::Fs(fs) => fs.list(start, after).await,
        }
    }

    /// Lists unfinished uploads, at most a thousand. MinIO and similar servers return nothing here, because they list
    /// uploads for exact keys only.
    pub(crate) async fn list_unfinished(
        &self,
        after: Option<(String, String)>,
    ) -> BlobResult<ListedUnfinished> {
        match self {
            Self::S3(s3) => s3.list_unfinished(after).await,
            Self::Fs(fs) => fs.list_unfinished().await,
        }
    }

    /// The mark of the deployment; `None` only if the blob store says that there is none.
    pub(crate) async fn marker(&self) -> BlobResult<Option<String>> {
        match self {
            Self::S3(s3) => s3.marker().await,
            Self::Fs(fs) => fs.marker().await,
        }
    }

    /// Writes the mark if there is none. Only a read shows whether it was written.
    pub(crate) async fn claim(&self, text: &str) -> BlobResult<()> {
        match self {
            Self::S3(s3) => s3.claim(text).await,
            Self::Fs(fs) => fs.mark(text, false).await,
        }
    }

    /// Overwrites the mark.
    pub(crate) async fn mark(&self, text: &str) -> BlobResult<()> {
        match self {
            Self::S3(s3) => s3.mark(text).await,
            Self::Fs(fs) => fs.mark(text, true).await,
        }
    }

    /// Descriptions of the rules by which the blob store itself would delete or archive objects. `None` if it does not
    /// show them.
    pub(crate) async fn dangerous_rules(&self) -> BlobResult<Option<Vec<String>>> {
        match self {
            Self::S3(s3) => s3.dangerous_rules().await,
            Self::Fs(_) => Ok(Some(Vec::new())),
        }
    }

    /// Whether the blob store answers.
    pub(crate) async fn ping(&self) -> BlobResult<()> {
        match self {
            Self::S3(s3) => s3.ping().await,
            Self::Fs(fs) => fs.ping().await,
        }
    }
}
