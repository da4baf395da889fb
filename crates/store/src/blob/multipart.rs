//! Multipart uploads.

use super::key::ObjectKey;
pub(crate) use crate::model::open_upload::Part;

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

impl Multipart {
    /// A running upload of numbered parts, which may have been requested by several writers.
    pub(crate) fn numbered(key: ObjectKey, id: String) -> Self {
        Self {
            key,
            id,
            part_size: 0,
            asked_again: true,
        }
    }
}
