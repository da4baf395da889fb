//! URLs of S3 that need no credential: for one part of a multipart upload, or for reading one object.

use std::time::Duration;

use aws_sdk_s3::{Client, presigning::PresigningConfig};

use crate::{
    blob::{BlobError, BlobResult, Multipart, ObjectKey},
    model::ticket::Presentation,
};

/// Signs URLs for the address under which callers reach S3. Signing sends nothing.
#[derive(Clone)]
pub(crate) struct Signer {
    client: Client,
    bucket: String,
}

impl Signer {
    pub(super) fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// A URL to which this part, of exactly so many bytes, can be put. It writes nothing else, and nothing at all once
    /// the multipart upload has ended: a URL of the key itself could change what is committed.
    pub(crate) async fn part(
        &self,
        upload: &Multipart,
        number: i32,
        size: u64,
        life: Duration,
    ) -> BlobResult<String> {
        let signed = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .part_number(number)
            .content_length(i64::try_from(size).unwrap_or(i64::MAX))
            .presigned(lasting(life)?)
            .await
            .map_err(|e| BlobError::failed("UploadPart", e))?;
        Ok(signed.uri().to_owned())
    }

    /// A URL from which an object can be read.
    pub(crate) async fn get(
        &self,
        key: &ObjectKey,
        shown: Presentation,
        life: Duration,
    ) -> BlobResult<String> {
        let signed = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .response_content_type(shown.content_type)
            .response_content_disposition(shown.content_disposition)
            .presigned(lasting(life)?)
            .await
            .map_err(|e| BlobError::failed("GetObject", e))?;
        Ok(signed.uri().to_owned())
    }
}

fn lasting(life: Duration) -> BlobResult<PresigningConfig> {
    // S3 counts whole seconds.
    let seconds = Duration::from_secs(life.as_secs().max(1));
    PresigningConfig::expires_in(seconds).map_err(|e| BlobError::failed("signing a URL", e))
}
