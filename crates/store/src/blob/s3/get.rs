//! Reading a part of an object.

use aws_sdk_s3::error::ProvideErrorMetadata;

use super::{S3, failed};
use crate::blob::{BlobError, BlobReader, BlobResult, ObjectKey};

impl S3 {
    pub(in crate::blob) async fn get(
        &self,
        key: &ObjectKey,
        offset: u64,
        length: u64,
    ) -> BlobResult<BlobReader> {
        let last = (offset + length).saturating_sub(1);
        let got = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .range(format!("bytes={offset}-{last}"))
            .send()
            .await;
        let got = match got {
            Ok(got) => got,
            Err(e) => {
                return Err(match e.as_service_error() {
                    Some(answer) if answer.is_no_such_key() => BlobError::NotFound,
                    Some(answer) if answer.code() == Some("InvalidRange") => BlobError::NotFound,
                    _ => failed("GetObject", e),
                });
            }
        };
        match got.content_range().map(range) {
            Some(Some((first, end))) if first == offset && end == last => {}
            // The object ends before the range does.
            Some(Some((first, end))) if first == offset && end < last => {
                return Err(BlobError::NotFound);
            }
            // A range that is the whole object may be answered with the object.
            None if offset == 0 && got.content_length().map(i64::unsigned_abs) == Some(length) => {}
            answered => {
                let words = match answered {
                    None => "S3 ignored the range that was asked for",
                    Some(_) => "S3 answered another range than the one that was asked for",
                };
                return Err(BlobError::failed("GetObject", words));
            }
        }
        Ok(BlobReader::s3(got.body, length))
    }
}

/// The first and the last byte of a `Content-Range`, such as `bytes 0-99/1000`.
fn range(header: &str) -> Option<(u64, u64)> {
    let (range, _) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}
