use std::str::FromStr;

use crate::config::env;
use crate::model::error::{Error, Result};

/// How S3 encrypts the objects that it stores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum S3Encryption {
    /// As the bucket's default encryption says.
    #[default]
    OfBucket,
    /// With keys that S3 manages (SSE-S3).
    Aes256,
    /// With a key of KMS (SSE-KMS): the key of this id or ARN, or the account's default key for S3.
    Kms(Option<String>),
}

/// The values of `CAIRN_S3_SSE`.
enum Algorithm {
    Aes256,
    Kms,
}

impl FromStr for Algorithm {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        match text {
            "AES256" => Ok(Self::Aes256),
            "aws:kms" => Ok(Self::Kms),
            _ => Err("the values are AES256 and aws:kms"),
        }
    }
}

impl S3Encryption {
    pub(super) fn from_env() -> Result<Self> {
        const KEY_ID: &str = "CAIRN_S3_SSE_KMS_KEY_ID";
        match (env("CAIRN_S3_SSE")?, env::<String>(KEY_ID)?) {
            (Some(Algorithm::Kms), key) => Ok(Self::Kms(key)),
            (_, Some(_)) => Err(Error::invalid(KEY_ID, "needs CAIRN_S3_SSE=aws:kms")),
            (Some(Algorithm::Aes256), None) => Ok(Self::Aes256),
            (None, None) => Ok(Self::OfBucket),
        }
    }
}
