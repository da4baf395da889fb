//! Uploads that can be resumed, as their callers see them.

use jiff::Timestamp;

use super::{
    error::{Error, Result},
    id::UploadId,
};

/// A part that the blob store has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) etag: String,
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadState {
    /// It takes bytes.
    Open,
    /// Its parts may be combined already; it can be finished or aborted.
    Finishing,
    /// It is an artifact.
    Finished,
    /// It has ended without one.
    Ended,
}

/// A resumable upload.
#[derive(Debug, Clone)]
pub struct OpenUpload {
    /// Its id.
    pub id: UploadId,
    /// How far it is.
    pub state: UploadState,
    /// How many bytes are stored durably.
    pub committed_bytes: u64,
    /// The declared size of the content.
    pub size_bytes: Option<u64>,
    /// The declared hash of the content; empty: none.
    pub content_hash: String,
    /// The name of the artifact to be.
    pub filename: String,
    /// Its session; empty: none.
    pub session_id: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends if no more bytes are stored.
    pub expires_at: Timestamp,
    /// The size of every part but the last, if its parts go to signed URLs.
    pub presigned_part_bytes: Option<u64>,
    /// The id of the artifact, once it is finished.
    pub artifact_id: Option<String>,
}

impl OpenUpload {
    /// The most bytes of one in a page, roughly.
    pub(crate) const WEIGHT: usize = 2048;
}

/// Reads an id; nothing has a malformed one.
///
/// # Errors
/// `OpenUploadNotFound`.
pub(crate) fn upload_id(text: &str) -> Result<UploadId> {
    text.parse()
        .map_err(|_| Error::OpenUploadNotFound(text.to_owned()))
}
