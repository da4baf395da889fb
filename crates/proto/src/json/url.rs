//! A URL of a content.

use jiff::Timestamp;
use serde::Serialize;

use super::value::timestamp;
use crate::v1;

/// A URL from which any program can read an artifact for a short time; the fields are those of
/// [`v1::CreateDownloadUrlResponse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DownloadUrl {
    /// The URL.
    pub url: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Whether it is a URL of S3.
    pub direct: bool,
    /// The artifact that it reads.
    pub artifact_id: String,
    /// Its filename.
    pub filename: String,
    /// Its content type.
    pub content_type: String,
    /// Its size.
    pub size_bytes: i64,
    /// Its hash.
    pub content_hash: String,
}

impl From<v1::CreateDownloadUrlResponse> for DownloadUrl {
    fn from(signed: v1::CreateDownloadUrlResponse) -> Self {
        Self {
            url: signed.url,
            expires_at: timestamp(signed.expire_time),
            direct: signed.direct,
            artifact_id: signed.artifact_id,
            filename: signed.filename,
            content_type: signed.content_type,
            size_bytes: signed.size_bytes,
            content_hash: signed.content_hash,
        }
    }
}
