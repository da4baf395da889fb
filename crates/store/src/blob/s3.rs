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
    operation::put_object::builders::PutObjectFluentBuilder,
};
use aws_smithy_http_client::tls;

use self::encryption::Encryption;
use crate::blob::{BlobError, BlobResult, Multipart, ObjectKey, Part, Pieces};
use crate::config::{PublicEndpoint, S3Config};
pub(crate) use presign::Signer;

mod clock;
mod complete;
mod delete;
mod encryption;
mod get;
mod lifecycle;
mod list;
mod marker;
mod observe;
mod parts;
mod presign;
mod unfinished;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(90);
const ATTEMPTS: u32 = 3;
/// The pause before a retry that the SDK does not make itself; the next one is longer.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The base time of a request with a large body, which has a second more for so many bytes.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_BYTES_PER_SECOND: usize = 1_000_000;
/// How often an abort is repeated: a part in flight may arrive after it.
const ABORTS: usize = 5;

/// A bucket.
#[derive(Clone)]
pub(crate) struct S3 {
    client: Client,
    bucket: String,
    encryption: Encryption,
    /// `None`: callers cannot reach S3.
    signer: Option<Signer>,
}

impl S3 {
    /// Creates a client; sends nothing yet.
    pub(crate) async fn connect(config: &S3Config) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        // With given credentials the chain is not used: its last resort asks the network.
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
            // SHA-256 is what counts.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // It would cut off slow servers; the reader has its own time limit.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .force_path_style(config.path_style);
        if shared.region().is_none() {
            builder = builder.region(Region::from_static("us-east-1"));
        }
        let signer = match (&config.public_endpoint, &config.endpoint) {
            (PublicEndpoint::At(public), _) => Some(builder.clone().endpoint_url(public)),
            (PublicEndpoint::OfAws, None) => Some(builder.clone()),
            (PublicEndpoint::OfAws, Some(_)) | (PublicEndpoint::Nowhere, _) => None,
        };
        if let Some(endpoint) = &config.endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        let bucket = config.bucket.clone();
        let provider = shared.credentials_provider();
        let signer = signer.zip(provider).map(|(signer, provider)| {
            Signer::new(Client::from_conf(signer.build()), bucket, provider)
        });
        Self {
            client: Client::from_conf(builder.interceptor(observe::Observe).build()),
            bucket: config.bucket.clone(),
            encryption: Encryption::new(&config.encryption),
            signer,
        }
    }

    /// What signs URLs, if callers can reach S3.
    pub(crate) fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// A PutObject into the bucket.
    fn put_object(&self, key: &str) -> PutObjectFluentBuilder {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        put.set_server_side_encryption(self.encryption.algorithm.clone())
            .set_ssekms_key_id(self.encryption.kms_key_id.clone())
    }

    pub(super) async fn put(&self, key: &ObjectKey, content: Pieces) -> BlobResult<()> {
        let limits = time_limits(content.len());
        let request = self
            .put_object(key.as_str())
            .body(content.into_stream())
            .customize()
            // Signing would hash the payload a second time on a plain connection.
            .disable_payload_signing();
        let request = match limits {
            Some(limits) => request.config_override(limits),
            None => request,
        };
        let put = request.send().await;
        put.map(drop).map_err(|e| failed("PutObject", e))
    }

    /// Also returns whether it was requested more than once: a lost answer leaves an upload with an unknown id.
    pub(super) async fn begin(&self, key: &ObjectKey) -> BlobResult<(String, bool)> {
        let mut attempt = 1;
        loop {
            let created = self
                .client
                .create_multipart_upload()
                .bucket(&self.bucket)
                .key(key.as_str())
                .set_server_side_encryption(self.encryption.algorithm.clone())
                .set_ssekms_key_id(self.encryption.kms_key_id.clone())
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
        content: Pieces,
    ) -> BlobResult<Part> {
        let limits = time_limits(content.len());
        let request = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .part_number(number)
            .body(content.into_stream())
            .customize()
            .disable_payload_signing();
        let request = match limits {
            Some(limits) => request.config_override(limits),
            None => request,
        };
        let stored = request.send().await.map_err(|e| failed("UploadPart", e))?;
        let etag = stored.e_tag.unwrap_or_default();
        Ok(Part { number, etag })
    }

    /// The size of the object under a key; `None` only if S3 says that there is none.
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

    /// Aborts the known upload, and every other upload that S3 lists under exactly this key, because the answer to a
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

    pub(super) async fn abort_one(&self, key: &ObjectKey, id: &str) -> BlobResult<()> {
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

    /// MinIO and similar servers list uploads for exact keys only, which is all that is needed here.
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

/// The time limit of a request with so large a body, for each attempt and for all of them, if it exceeds the default.
fn time_limits(body: usize) -> Option<aws_sdk_s3::config::Builder> {
    let seconds = body.div_ceil(BODY_BYTES_PER_SECOND) as u64;
    let attempt = BODY_TIMEOUT + Duration::from_secs(seconds);
    if attempt <= ATTEMPT_TIMEOUT {
        return None;
    }
    let limits = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt * ATTEMPTS);
    Some(aws_sdk_s3::config::Builder::new().timeout_config(limits.build()))
}

fn status<E>(e: &SdkError<E>) -> Option<u16> {
    e.raw_response().map(|response| response.status().as_u16())
}

/// Whether S3 understood the request and refuses it.
fn is_refusal<E>(e: &SdkError<E>) -> bool {
    status(e).is_some_and(|status| (400..500).contains(&status) && status != 408 && status != 429)
}

fn is_404<E>(e: &SdkError<E>) -> bool {
    status(e) == Some(404)
}

fn failed<E: Error + Send + Sync + 'static>(operation: &str, e: SdkError<E>) -> BlobError {
    BlobError::failed(operation, e)
}
