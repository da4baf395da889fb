//! Completes multipart uploads.

use std::{error::Error, io::ErrorKind, time::Duration};

use aws_sdk_s3::{
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::complete_multipart_upload::CompleteMultipartUploadError,
    types::{CompletedMultipartUpload, CompletedPart},
};

use super::{ATTEMPTS, CONNECT_TIMEOUT, FIRST_PAUSE, S3, failed, status};
use crate::{
    blob::{BlobError, BlobResult, Multipart, Part},
    model::error::describe,
};

/// Completing many parts may take S3 minutes.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(600);

/// How often a finish looks for the effect of an earlier one before it fails, and how long it pauses in between.
const LOOKS: u32 = 10;
const LOOK_PAUSE: Duration = Duration::from_millis(500);

const COMPLETE: &str = "CompleteMultipartUpload";

type Failure = SdkError<CompleteMultipartUploadError>;

impl S3 {
    /// One Complete at a time: servers have lost data to a second one beside the first. After a failure the key itself
    /// shows whether there is an object. The request pins the parts' ETags, so a key of the right size is the right
    /// object. Complete is sent again only if there is none and the first one has ended: it did not reach the server,
    /// or the server answered that it could not do it now.
    pub(in crate::blob) async fn complete(
        &self,
        upload: &Multipart,
        parts: &[Part],
        size: u64,
    ) -> BlobResult<()> {
        let mut attempt = 1;
        while let Err(cause) = self.complete_once(upload, parts).await {
            match self.size_of(&upload.key).await? {
                Some(stored) if stored == size => break,
                None if attempt < ATTEMPTS && has_ended(&cause) => {
                    tokio::time::sleep(FIRST_PAUSE * attempt).await;
                    attempt += 1;
                }
                None if has_ended(&cause) || is_other_part(&cause) => {
                    let cause = cause.into();
                    return Err(BlobError::NotDone(COMPLETE.to_owned(), cause));
                }
                _ => return Err(failed(COMPLETE, cause)),
            }
        }
        if upload.asked_again
            && let Err(e) = self.abort(&upload.key, None).await
        {
            // The content exists; parts of another attempt may exist too, until the bucket's lifecycle rule removes
            // them.
            tracing::warn!(
                error = describe(&e),
                key = upload.key.as_str(),
                "an unknown upload was not aborted"
            );
        }
        Ok(())
    }

    /// Whether an earlier request of another process has combined the parts. If that cannot be known yet, this waits a
    /// little and fails, because a second request beside the first could lose the parts.
    pub(in crate::blob) async fn was_completed(
        &self,
        upload: &Multipart,
        size: u64,
        sent: Duration,
    ) -> BlobResult<bool> {
        for _ in 0..LOOKS {
            match self.size_of(&upload.key).await? {
                Some(stored) if stored == size => return Ok(true),
                _ if sent >= COMPLETE_TIMEOUT => return Ok(false),
                _ => tokio::time::sleep(LOOK_PAUSE).await,
            }
        }
        let words = "an earlier request may still be running; try again later";
        Err(BlobError::failed(COMPLETE, words))
    }

    async fn complete_once(&self, upload: &Multipart, parts: &[Part]) -> Result<(), Failure> {
        let parts = parts.iter().map(|part| {
            CompletedPart::builder()
                .part_number(part.number)
                .e_tag(&part.etag)
                .build()
        });
        let once = aws_sdk_s3::config::Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_timeout(COMPLETE_TIMEOUT)
                    .disable_operation_attempt_timeout()
                    .build(),
            );
        self.client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts.collect()))
                    .build(),
            )
            .customize()
            .config_override(once)
            .send()
            .await
            .map(drop)
    }
}

/// Whether the request has ended everywhere. An answer of a gateway says nothing about the server behind it, and
/// neither does an error under a success status.
fn has_ended(failure: &Failure) -> bool {
    match failure {
        SdkError::DispatchFailure(e) => {
            e.as_connector_error().is_some_and(|e| was_not_connected(e))
        }
        _ => matches!(status(failure), Some(429 | 500 | 503)),
    }
}

/// Whether S3 says that a part is not there, or is another one: it has combined nothing.
fn is_other_part(failure: &Failure) -> bool {
    matches!(
        failure.code(),
        Some("InvalidPart" | "InvalidPartOrder" | "EntityTooSmall")
    )
}

fn was_not_connected(e: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(e);
    while let Some(e) = cause {
        if let Some(e) = e.downcast_ref::<std::io::Error>() {
            return matches!(
                e.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::AddrNotAvailable
            );
        }
        cause = e.source();
    }
    false
}
