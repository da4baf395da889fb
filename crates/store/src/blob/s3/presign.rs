//! URLs of S3 that need no credential: for one part of a multipart upload, or for reading one object.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_s3::{
    Client,
    config::{Builder, Credentials, IdentityCache, ProvideCredentials, SharedCredentialsProvider},
    presigning::PresigningConfig,
};
use tokio::sync::Mutex;

use crate::{
    blob::{BlobError, BlobResult, Multipart, ObjectKey},
    model::ticket::Presentation,
};

/// Credentials that last no longer than this are asked for anew: S3 refuses a URL once the credentials that signed it
/// have expired.
const RENEWAL: Duration = Duration::from_secs(600);

/// Signs URLs for the address under which callers reach S3. Signing sends nothing to S3.
#[derive(Clone)]
pub(crate) struct Signer {
    client: Client,
    bucket: String,
    provider: SharedCredentialsProvider,
    /// The credentials that the provider returned last: it may ask the network each time.
    credentials: Arc<Mutex<Option<Credentials>>>,
}

/// Signs URLs with the same credentials.
pub(crate) struct Signing<'a> {
    signer: &'a Signer,
    credentials: Credentials,
    /// How long the credentials last.
    left: Duration,
}

impl Signer {
    pub(super) fn new(client: Client, bucket: String, provider: SharedCredentialsProvider) -> Self {
        Self {
            client,
            bucket,
            provider,
            credentials: Arc::default(),
        }
    }

    /// The credentials that sign now.
    ///
    /// # Errors
    /// `Failed` if there are none that are valid.
    pub(crate) async fn begin(&self) -> BlobResult<Signing<'_>> {
        let mut kept = self.credentials.lock().await;
        let current = kept.as_ref().filter(|it| left(it) > RENEWAL);
        let credentials = match current {
            Some(current) => current.clone(),
            None => match self.provider.provide_credentials().await {
                Ok(new) => kept.insert(new).clone(),
                // Those that are kept may last a little longer.
                Err(e) => match kept.as_ref() {
                    Some(current) if !left(current).is_zero() => current.clone(),
                    _ => return Err(BlobError::failed("signing a URL", e)),
                },
            },
        };
        drop(kept);
        let left = left(&credentials);
        if left.is_zero() {
            let words = "the credentials for S3 have expired";
            return Err(BlobError::failed("signing a URL", words));
        }
        Ok(Signing {
            signer: self,
            credentials,
            left,
        })
    }
}

/// How long credentials last from now on.
fn left(credentials: &Credentials) -> Duration {
    let until = |end: SystemTime| end.duration_since(SystemTime::now()).unwrap_or_default();
    credentials.expiry().map_or(Duration::MAX, until)
}

impl Signing<'_> {
    /// How long a URL lasts that is to last so long: no longer than the credentials.
    pub(crate) fn lasting(&self, life: Duration) -> Duration {
        life.min(self.left)
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
            .signer
            .client
            .upload_part()
            .bucket(&self.signer.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .part_number(number)
            .content_length(i64::try_from(size).unwrap_or(i64::MAX))
            .customize()
            .config_override(self.identity())
            .presigned(seconds(life)?)
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
            .signer
            .client
            .get_object()
            .bucket(&self.signer.bucket)
            .key(key.as_str())
            .response_content_type(shown.content_type)
            .response_content_disposition(shown.content_disposition)
            .customize()
            .config_override(self.identity())
            .presigned(seconds(life)?)
            .await
            .map_err(|e| BlobError::failed("GetObject", e))?;
        Ok(signed.uri().to_owned())
    }

    /// Without a cache, which would grow by an entry for each call.
    fn identity(&self) -> Builder {
        Builder::new()
            .credentials_provider(self.credentials.clone())
            .identity_cache(IdentityCache::no_cache())
    }
}

fn seconds(life: Duration) -> BlobResult<PresigningConfig> {
    // S3 counts whole seconds.
    let seconds = Duration::from_secs(life.as_secs().max(1));
    PresigningConfig::expires_in(seconds).map_err(|e| BlobError::failed("signing a URL", e))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::config::{BehaviorVersion, Region};

    use super::*;
    use crate::{
        blob::Blobs,
        model::id::{ObjectId, TenantId},
    };

    const HOUR: Duration = Duration::from_secs(3600);

    fn signer(left: Option<Duration>) -> Signer {
        let expiry = left.map(|left| SystemTime::now() + left);
        let token = Some("token".to_owned());
        let temporary = Credentials::new("id", "secret", token, expiry, "a test");
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"));
        Signer::new(
            Client::from_conf(config.build()),
            "bucket".to_owned(),
            SharedCredentialsProvider::new(temporary),
        )
    }

    /// S3 refuses a URL whose credentials have expired, whatever life it was signed for.
    #[tokio::test]
    async fn a_url_lasts_no_longer_than_its_credentials() {
        for (left, shortest, longest) in [
            (None, 3600, 3600),
            (Some(2 * HOUR), 3600, 3600),
            (Some(HOUR / 2), 1700, 1800),
            (Some(HOUR / 60), 30, 60),
        ] {
            let signer = signer(left);
            let signing = signer.begin().await.expect("credentials");
            let life = signing.lasting(HOUR);
            let key = Blobs::key(TenantId(uuid::Uuid::nil()), ObjectId::fresh());
            let multipart = Multipart::numbered(key, "upload".to_owned());
            let url = signing.part(&multipart, 1, 10, life).await.expect("a URL");
            let of_url = |name: &str| {
                let mut pairs = url.split(['?', '&']);
                pairs
                    .find_map(|pair| pair.strip_prefix(name))
                    .map(str::to_owned)
            };
            assert_eq!(of_url("X-Amz-Security-Token=").as_deref(), Some("token"));
            let expires = of_url("X-Amz-Expires=").and_then(|text| text.parse::<u64>().ok());
            let expires = expires.expect("a life");
            assert!((shortest..=longest).contains(&expires), "{expires}");
            assert!(life.as_secs() == expires, "{life:?}");
        }
    }

    #[tokio::test]
    async fn expired_credentials_sign_nothing() {
        assert!(signer(Some(Duration::ZERO)).begin().await.is_err());
    }
}
