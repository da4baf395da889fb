//! Bytes in any S3-compatible store.

use std::{error::Error, time::Duration};

use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation,
        ResponseChecksumValidation, StalledStreamProtectionConfig, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier},
};
use aws_smithy_http_client::tls;
use bytes::Bytes;
use futures_util::future::join_all;

use super::{BlobError, BlobReader, BlobResult, Multipart, ObjectKey, Part};
use crate::{config::S3Config, error::describe};

mod clock;
mod lifecycle;
mod list;
mod marker;
mod observe;
mod unfinished;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(90);
/// Completing many parts may take S3 minutes.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(600);
const ATTEMPTS: u32 = 3;
/// The pause before an attempt that the SDK does not make itself; the next one is longer.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The most keys that DeleteObjects takes.
const DELETE_BATCH: usize = 1000;
/// Into how many requests keys to delete are divided, as long as these are not too large: servers work through the keys of
/// one request one by one.
const DELETES_AT_ONCE: usize = 4;
/// Fewer keys than this are not worth a request of their own.
const SMALLEST_BATCH: usize = 100;
/// How often an abort is repeated: a part that was in flight may land after it.
const ABORTS: usize = 5;

/// A bucket.
#[derive(Clone)]
pub(crate) struct S3 {
    client: Client,
    bucket: String,
}

impl S3 {
    /// Makes a client; nothing is sent yet.
    pub(crate) async fn connect(config: &S3Config) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        // What is given is not looked for: the chain's last resort asks the network.
        let mut chain = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
        let local = config.endpoint.as_ref().map(|_| "us-east-1".to_owned());
        if let Some(region) = config.region.clone().or(local) {
            chain = chain.region(Region::new(region));
        }
        if let Some(own) = &config.credentials {
            let (id, secret) = (&own.access_key_id, &own.secret_access_key);
            let own = Credentials::new(id, secret, None, None, "cairn settings");
            chain = chain.credentials_provider(own);
        }
        let shared = chain.load().await;
        let mut builder = aws_sdk_s3::config::Builder::from(&shared)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(OPERATION_TIMEOUT)
                    .build(),
            )
            // Several S3 servers refuse or mishandle the trailing checksums that the SDK would add; the content's own
            // SHA-256 is the truth here.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // It would cut off slow servers; the reader has a time limit of its own.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .force_path_style(config.path_style)
            .interceptor(observe::Observe);
        if let Some(endpoint) = &config.endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        if shared.region().is_none() {
            builder = builder.region(Region::from_static("us-east-1"));
        }
        Self {
            client: Client::from_conf(builder.build()),
            bucket: config.bucket.clone(),
        }
    }

    pub(super) async fn put(&self, key: &ObjectKey, bytes: Bytes) -> BlobResult<()> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .body(ByteStream::from(bytes))
            .customize()
            // Signing would hash the payload a second time on a plain connection.
            .disable_payload_signing()
            .send()
            .await
            .map_err(|e| failed("PutObject", e))?;
        Ok(())
    }

    /// Also says whether it was asked for more than once: an answer that was lost leaves an upload that nobody knows.
    pub(super) async fn begin(&self, key: &ObjectKey) -> BlobResult<(String, bool)> {
        let mut attempt = 1;
        loop {
            let created = self
                .client
                .create_multipart_upload()
                .bucket(&self.bucket)
                .key(key.as_str())
                .customize()
                .config_override(
                    aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled()),
                )
                .send()
                .await;
            match created.map(|created| created.upload_id) {
                Ok(Some(id)) => return Ok((id, attempt > 1)),
                Ok(None) => {
                    let words = "the answer has no upload id";
                    return Err(BlobError::failed("CreateMultipartUpload", words));
                }
                Err(e) if attempt == ATTEMPTS || is_refusal(&e) => {
                    return Err(failed("CreateMultipartUpload", e));
                }
                Err(_) => tokio::time::sleep(FIRST_PAUSE * attempt).await,
            }
            attempt += 1;
        }
    }

    pub(super) async fn put_part(
        &self,
        upload: &Multipart,
        number: i32,
        bytes: Bytes,
    ) -> BlobResult<Part> {
        let stored = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .part_number(number)
            .body(ByteStream::from(bytes))
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map_err(|e| failed("UploadPart", e))?;
        let etag = stored.e_tag.unwrap_or_default();
        Ok(Part { number, etag })
    }

    /// Sent once and never repeated: servers have lost data to a second Complete. When its outcome is not known, the key
    /// itself tells; the parts' ETags are pinned by the request, so a key of the right size is the right object.
    pub(super) async fn complete(
        &self,
        upload: &Multipart,
        parts: &[Part],
        size: u64,
    ) -> BlobResult<()> {
        let parts = parts
            .iter()
            .map(|part| {
                CompletedPart::builder()
                    .part_number(part.number)
                    .e_tag(&part.etag)
                    .build()
            })
            .collect();
        let once = aws_sdk_s3::config::Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_timeout(COMPLETE_TIMEOUT)
                    .disable_operation_attempt_timeout()
                    .build(),
            );
        let sent = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            )
            .customize()
            .config_override(once)
            .send()
            .await;
        if let Err(cause) = sent {
            match self.size_of(&upload.key).await? {
                Some(stored) if stored == size => {}
                _ => return Err(failed("CompleteMultipartUpload", cause)),
            }
        }
        if upload.asked_again
            && let Err(e) = self.abort(&upload.key, None).await
        {
            // The content is there; parts of another attempt may be, too, until the bucket's own rule ends them.
            tracing::warn!(
                error = describe(&e),
                key = upload.key.as_str(),
                "an unknown upload was not aborted"
            );
        }
        Ok(())
    }

    /// The size of what is under a key; `None` only when S3 says that there is nothing.
    pub(super) async fn size_of(&self, key: &ObjectKey) -> BlobResult<Option<u64>> {
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .send()
            .await;
        match head {
            Ok(head) => Ok(head.content_length.and_then(|size| size.try_into().ok())),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
            Err(e) => Err(failed("HeadObject", e)),
        }
    }

    /// Aborts the upload that is known, and every other that S3 lists under exactly this key: the answer to a
    /// CreateMultipartUpload may have been lost.
    pub(super) async fn abort(&self, key: &ObjectKey, id: Option<&str>) -> BlobResult<()> {
        let mut ids: Vec<String> = id.map(str::to_owned).into_iter().collect();
        for _ in 0..ABORTS {
            for id in ids.drain(..) {
                self.abort_one(key, &id).await?;
            }
            ids = self.uploads_to(key).await?;
            if ids.is_empty() {
                return Ok(());
            }
        }
        Err(BlobError::failed(
            "AbortMultipartUpload",
            "parts keep arriving",
        ))
    }

    async fn abort_one(&self, key: &ObjectKey, id: &str) -> BlobResult<()> {
        let aborted = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(key.as_str())
            .upload_id(id)
            .send()
            .await;
        match aborted {
            Err(e) if e.code() != Some("NoSuchUpload") && !is_404(&e) => {
                Err(failed("AbortMultipartUpload", e))
            }
            _ => Ok(()),
        }
    }

    /// MinIO and its kin list uploads for exact keys only, which is all that is asked here.
    async fn uploads_to(&self, key: &ObjectKey) -> BlobResult<Vec<String>> {
        let listed = self
            .client
            .list_multipart_uploads()
            .bucket(&self.bucket)
            .prefix(key.as_str())
            .send()
            .await
            .map_err(|e| failed("ListMultipartUploads", e))?;
        Ok(listed
            .uploads
            .unwrap_or_default()
            .into_iter()
            .filter(|upload| upload.key() == Some(key.as_str()))
            .filter_map(|upload| upload.upload_id)
            .collect())
    }

    pub(super) async fn get(
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
        match got {
            Ok(got) => Ok(BlobReader::S3(got.body)),
            Err(e) => match e.as_service_error() {
                Some(answer) if answer.is_no_such_key() => Err(BlobError::NotFound),
                Some(answer) if answer.code() == Some("InvalidRange") => Err(BlobError::NotFound),
                _ => Err(failed("GetObject", e)),
            },
        }
    }

    pub(super) async fn delete(&self, keys: &[ObjectKey]) -> Vec<BlobResult<()>> {
        let share = keys.len().div_ceil(DELETES_AT_ONCE);
        let batches = keys.chunks(share.clamp(SMALLEST_BATCH, DELETE_BATCH));
        join_all(batches.map(|batch| self.delete_batch(batch)))
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    /// An answer of 200 carries an error for every key that was not deleted.
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
            return self.delete_one_by_one(keys).await;
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
            // Some servers do not take batches, or not with the checksum that the SDK adds.
            Err(SdkError::ServiceError(_)) => self.delete_one_by_one(keys).await,
            Err(e) => {
                let cause = failed("DeleteObjects", e).to_string();
                let unknown = || Err(BlobError::failed("DeleteObjects", cause.clone()));
                keys.iter().map(|_| unknown()).collect()
            }
        }
    }

    async fn delete_one_by_one(&self, keys: &[ObjectKey]) -> Vec<BlobResult<()>> {
        let mut results = Vec::with_capacity(keys.len());
        for key in keys {
            let deleted = self
                .client
                .delete_object()
                .bucket(&self.bucket)
                .key(key.as_str())
                .send()
                .await;
            results.push(match deleted {
                Err(e) if !is_404(&e) => Err(failed("DeleteObject", e)),
                _ => Ok(()),
            });
        }
        results
    }

    pub(super) async fn ping(&self) -> BlobResult<()> {
        self.client
            .head_bucket()
            .bucket(&self.bucket)
            .customize()
            .config_override(
                aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled()),
            )
            .send()
            .await
            .map(drop)
            .map_err(|e| failed("HeadBucket", e))
    }
}

/// Whether S3 has understood and will not do it.
fn is_refusal<E>(e: &SdkError<E>) -> bool {
    let status = e.raw_response().map(|response| response.status().as_u16());
    status.is_some_and(|status| (400..500).contains(&status) && status != 408 && status != 429)
}

fn is_404<E>(e: &SdkError<E>) -> bool {
    e.raw_response().is_some_and(|r| r.status().as_u16() == 404)
}

fn failed<E: Error + Send + Sync + 'static>(operation: &str, e: SdkError<E>) -> BlobError {
    BlobError::failed(operation, e)
}
