//! Multipart uploads.

use super::key::ObjectKey;

/// A part that the blob store has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) etag: String,
}

/// A running multipart upload: its key and the blob store's id for it.
#[derive(Debug, Clone)]
pub(crate) struct Multipart {
    pub(crate) key: ObjectKey,
    pub(crate) id: String,
    /// Every part but the last has this size.
    pub(crate) part_size: usize,
    /// It was requested more than once, so there may be other uploads to the same key with unknown ids.
    pub(crate) asked_again: bool,
}
