//! Deleting objects.

use aws_sdk_s3::{
    error::SdkError,
    types::{Delete, ObjectIdentifier},
};
use futures_util::future::join_all;

use super::{S3, failed, is_404, status};
use crate::blob::{BlobError, BlobResult, ObjectKey};

/// The maximum number of keys of DeleteObjects.
const BATCH: usize = 1000;
/// The number of parallel requests for the keys, unless these would be too large: servers process the keys of one
/// request one by one.
const BATCHES_AT_ONCE: usize = 4;
/// Fewer keys than this do not get a request of their own.
const SMALLEST_BATCH: usize = 100;
/// How many keys of one batch are deleted in parallel on a server without batches.
const SINGLES_AT_ONCE: usize = 4;

impl S3 {
    pub(in crate::blob) async fn delete(&self, keys: &[ObjectKey]) -> Vec<BlobResult<()>> {
        let share = keys.len().div_ceil(BATCHES_AT_ONCE);
        let batches = keys.chunks(share.clamp(SMALLEST_BATCH, BATCH));
        join_all(batches.map(|batch| self.delete_batch(batch)))
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    /// An answer of 200 contains an error for every key that was not deleted.
    async fn delete_batch(&self, keys: &[ObjectKey]) -> Vec<BlobResult<()>> {
        let objects = keys
            .iter()
            .filter_map(|key| ObjectIdentifier::builder().key(key.as_str()).build().ok())
            .collect();
        let request = Delete::builder()
            .set_objects(Some(objects))
            .quiet(true)
            .build();
        let Ok(request) = request else {
            return self.delete_singly(keys).await;
        };
        let deleted = self
            .client
            .delete_objects()
            .bucket(&self.bucket)
            .delete(request)
            .send()
            .await;
        match deleted {
            Ok(answer) => {
                let refused = answer.errors();
                keys.iter()
                    .map(
                        |key| match refused.iter().find(|e| e.key() == Some(key.as_str())) {
                            Some(e) if e.code() != Some("NoSuchKey") => Err(BlobError::failed(
                                "DeleteObjects",
                                format!(
                                    "{}: {}",
                                    e.code().unwrap_or("?"),
                                    e.message().unwrap_or("")
                                ),
                            )),
                            _ => Ok(()),
                        },
                    )
                    .collect()
            }
            Err(e) if takes_no_batches(&e) => self.delete_singly(keys).await,
            Err(e) => {
                let cause = failed("DeleteObjects", e).to_string();
                let unknown = || Err(BlobError::failed("DeleteObjects", cause.clone()));
                keys.iter().map(|_| unknown()).collect()
            }
        }
    }

    async fn delete_singly(&self, keys: &[ObjectKey]) -> Vec<BlobResult<()>> {
        let mut results = Vec::with_capacity(keys.len());
        for some in keys.chunks(SINGLES_AT_ONCE) {
            results.extend(join_all(some.iter().map(|key| self.delete_one(key))).await);
        }
        results
    }

    async fn delete_one(&self, key: &ObjectKey) -> BlobResult<()> {
        let deleted = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .send()
            .await;
        match deleted {
            Err(e) if !is_404(&e) => Err(failed("DeleteObject", e)),
            _ => Ok(()),
        }
    }
}

/// Some servers have no batches, or refuse the checksum that the SDK adds. A busy server has them, and would be busier
/// with a request for each key.
fn takes_no_batches<E>(e: &SdkError<E>) -> bool {
    matches!(status(e), Some(400 | 405 | 501))
}
