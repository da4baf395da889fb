use aws_sdk_s3::types::ServerSideEncryption;

use crate::config::S3Encryption;

/// What requests that create an object say of its encryption. A part takes it from its multipart upload.
#[derive(Clone)]
pub(super) struct Encryption {
    pub(super) algorithm: Option<ServerSideEncryption>,
    pub(super) kms_key_id: Option<String>,
}

impl Encryption {
    pub(super) fn new(config: &S3Encryption) -> Self {
        let (algorithm, kms_key_id) = match config {
            S3Encryption::OfBucket => (None, None),
            S3Encryption::Aes256 => (Some(ServerSideEncryption::Aes256), None),
            S3Encryption::Kms(key) => (Some(ServerSideEncryption::AwsKms), key.clone()),
        };
        Self {
            algorithm,
            kms_key_id,
        }
    }
}
