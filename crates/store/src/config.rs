//! The settings that all processes of the store share, from the environment. Only this file of the crate reads it.

use std::{fmt, path::PathBuf, time::Duration};

use crate::{
    config::gc::GcConfig,
    model::{
        audit::AuditedReads,
        error::{Error, Result},
    },
};
pub use s3_encryption::S3Encryption;
pub use variable::{env, env_duration};
use variable::{override_by, override_duration};

pub(crate) mod gc;
mod s3_encryption;
mod variable;

/// Settings of the store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// `CAIRN_DATABASE_URL`, or the content of the file `CAIRN_DATABASE_URL_FILE`: a Postgres URL or key-value string.
    pub database_url: String,
    /// `CAIRN_DATABASE_PASSWORD_FILE`: a file with the password, which overrides that of the URL and is read for each
    /// new connection.
    pub database_password_file: Option<PathBuf>,
    /// `CAIRN_DATABASE_CA_FILE`: PEM file with the CA certificates that sign Postgres's certificate, trusted in
    /// addition to the machine's. With one, TLS is required unless the URL has another sslmode.
    pub database_ca_file: Option<PathBuf>,
    /// `CAIRN_DATABASE_CONNECTIONS`: maximum connections of this process; default 16.
    pub database_connections: usize,
    /// The blob store.
    pub blobs: BlobConfig,
    /// `CAIRN_INLINE_MAX_BYTES`: content up to this size is stored in Postgres; 0 to 131072, default 65536. Above that,
    /// write-ahead log and backups grow faster than latency shrinks.
    pub inline_max_bytes: usize,
    /// `CAIRN_UPLOAD_MAX_BYTES`: the largest content; default 64 GiB, at most 625 GiB (10,000 parts of 64 MiB).
    pub upload_max_bytes: u64,
    /// `CAIRN_UPLOAD_BUFFER_BYTES`: memory for all uploads of this process; default 96 MiB, at least 64 MiB, so that
    /// the largest part fits.
    pub upload_buffer_bytes: usize,
    /// `CAIRN_UPLOAD_PATIENCE`: how long an upload may keep the server waiting for bytes in total; bytes that arrive
    /// add to it. Default 60s.
    pub upload_patience: Duration,
    /// `CAIRN_UPLOAD_BYTES_PER_SECOND`: how many bytes add a second to it, which is the lowest rate that an upload can
    /// sustain; default 16384, at least 1.
    pub upload_bytes_per_second: u64,
    /// `CAIRN_UPLOAD_LEASE`: how long an upload may show no sign of life; default 15m.
    pub upload_lease: Duration,
    /// `CAIRN_UPLOAD_WINDOW`: how long a resumable upload stays open after the last stored byte, and is remembered after
    /// its end; default 24h, at most 6 days, after which it ends in any case.
    pub upload_window: Duration,
    /// `CAIRN_DELETE_WINDOW`: how long deleted and expired artifacts keep their bytes; default 7d.
    pub delete_window: Duration,
    /// `CAIRN_GC_GRACE`: how long the bytes of a condemned object are kept before they are deleted; default 1h. It must
    /// exceed the longest download and what a database failover may lose.
    pub gc_grace: Duration,
    /// `CAIRN_IDEMPOTENCY_WINDOW`: how long an idempotency key is remembered; default 24h.
    pub idempotency_window: Duration,
    /// `CAIRN_UNPUBLISHED_WINDOW`: how long an unpublished artifact waits for its session's commit before it is
    /// discarded; default 24h.
    pub unpublished_window: Duration,
    /// `CAIRN_EVENT_RETENTION`: how long the events of sessions are kept; default 7d.
    pub event_retention: Duration,
    /// `CAIRN_JOB_RETENTION`: how long jobs are kept after their end; default 30d.
    pub job_retention: Duration,
    /// `CAIRN_CREDENTIAL_TRUST`: how long a process caches a credential and its tenant, and so how long a revoked key
    /// may still be accepted; default 5s, at most 5m. Zero asks Postgres at every call.
    pub credential_trust: Duration,
    /// `CAIRN_AUDIT_READS`: which reads of content are in the audit trail: none, sampled (one in a hundred) or all; default
    /// all.
    pub audit_reads: AuditedReads,
    /// `CAIRN_URL_KEYS`: what signs the URLs of downloads and uploads.
    pub url_secrets: UrlSecrets,
    /// The settings of the collector.
    pub gc: GcConfig,
}

/// The secrets that sign URLs: the first one signs, and all are accepted. None: a secret in the database that all
/// replicas read. `Debug` does not show them.
#[derive(Clone, Default)]
pub struct UrlSecrets(pub(crate) Vec<String>);

impl fmt::Debug for UrlSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UrlSecrets({})", self.0.len())
    }
}

impl UrlSecrets {
    const LEAST_CHARACTERS: usize = 32;
    const MOST: usize = 4;

    fn from_env() -> Result<Self> {
        let name = "CAIRN_URL_KEYS";
        let Some(text) = env::<String>(name)? else {
            return Ok(Self::default());
        };
        let secrets: Vec<_> = text.split(',').map(|it| it.trim().to_owned()).collect();
        let short = |secret: &String| secret.len() < Self::LEAST_CHARACTERS;
        if secrets.len() > Self::MOST || secrets.iter().any(short) {
            let rule = format!(
                "must be 1 to {} secrets of at least {} characters, separated by commas",
                Self::MOST,
                Self::LEAST_CHARACTERS
            );
            return Err(Error::invalid(name, rule));
        }
        Ok(Self(secrets))
    }
}

/// The blob store: `CAIRN_S3_BUCKET` or `CAIRN_BLOB_DIR`, exactly one.
#[derive(Debug, Clone)]
pub enum BlobConfig {
    /// In a bucket.
    S3(S3Config),
    /// In files below a folder, which only one machine may use.
    Fs(PathBuf),
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// `CAIRN_S3_BUCKET`.
    pub bucket: String,
    /// `CAIRN_S3_ENDPOINT`: the URL of an S3-compatible server; default AWS.
    pub endpoint: Option<String>,
    /// `CAIRN_S3_PUBLIC_ENDPOINT`: where callers reach S3, for signed URLs.
    pub public_endpoint: PublicEndpoint,
    /// `CAIRN_S3_REGION`: default us-east-1 with an endpoint, else from the AWS chain, else us-east-1.
    pub region: Option<String>,
    /// `CAIRN_S3_PATH_STYLE`: bucket in the path instead of the host name; default true with an endpoint, else false.
    pub path_style: bool,
    /// `CAIRN_S3_ACCESS_KEY_ID` and `CAIRN_S3_SECRET_ACCESS_KEY`: default from the AWS chain, which is environment,
    /// profile, web identity, container or instance role.
    pub credentials: Option<S3Credentials>,
    /// `CAIRN_S3_SSE` and `CAIRN_S3_SSE_KMS_KEY_ID`: how S3 encrypts what it stores; default as the bucket says.
    pub encryption: S3Encryption,
}

/// Where callers reach S3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PublicEndpoint {
    /// AWS; nowhere if `CAIRN_S3_ENDPOINT` is set.
    #[default]
    OfAws,
    /// `none`: nowhere, so that no URL of S3 is signed.
    Nowhere,
    /// At this URL.
    At(String),
}

impl PublicEndpoint {
    fn from_env() -> Result<Self> {
        let name = "CAIRN_S3_PUBLIC_ENDPOINT";
        let text = env::<String>(name)?;
        let read = text.as_deref().map_or(Some(Self::OfAws), Self::read);
        read.ok_or_else(|| {
            let rule = "must be a URL, such as https://s3.example.com, or none";
            Error::invalid(name, rule)
        })
    }

    fn read(text: &str) -> Option<Self> {
        let is_url = text.starts_with("https://") || text.starts_with("http://");
        match text {
            "none" => Some(Self::Nowhere),
            url if is_url => Some(Self::At(url.to_owned())),
            _ => None,
        }
    }
}

/// An access key. `Debug` does not show its secret.
#[derive(Clone)]
pub struct S3Credentials {
    /// The name of the key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Credentials({}, …)", self.access_key_id)
    }
}

impl S3Credentials {
    fn from_env() -> Result<Option<Self>> {
        let id = "CAIRN_S3_ACCESS_KEY_ID";
        let secret = "CAIRN_S3_SECRET_ACCESS_KEY";
        match (env(id)?, env(secret)?) {
            (Some(access_key_id), Some(secret_access_key)) => Ok(Some(Self {
                access_key_id,
                secret_access_key,
            })),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Error::invalid(id, format!("is required with {secret}"))),
            (Some(_), None) => Err(Error::invalid(secret, format!("is required with {id}"))),
        }
    }
}

impl StoreConfig {
    const INLINE_LIMIT: usize = 128 * 1024;
    const LONGEST_TRUST: Duration = Duration::from_secs(5 * 60);
    const LONGEST_UPLOAD: Duration = Duration::from_secs(6 * 24 * 3600);
    /// The largest part of a multipart upload.
    pub(crate) const MAX_PART: usize = 64 * 1024 * 1024;
    /// The maximum number of parts in S3.
    pub(crate) const MAX_PARTS: u64 = 10_000;

    /// Settings with the defaults for everything that is not given.
    #[must_use]
    pub fn new(database_url: String, blobs: BlobConfig) -> Self {
        Self {
            database_url,
            database_password_file: None,
            database_ca_file: None,
            database_connections: 16,
            blobs,
            inline_max_bytes: 64 * 1024,
            upload_max_bytes: 64 << 30,
            upload_buffer_bytes: 96 << 20,
            upload_patience: Duration::from_secs(60),
            upload_bytes_per_second: 16 * 1024,
            upload_lease: Duration::from_secs(15 * 60),
            upload_window: Duration::from_secs(24 * 3600),
            delete_window: Duration::from_secs(7 * 24 * 3600),
            gc_grace: Duration::from_secs(3600),
            idempotency_window: Duration::from_secs(24 * 3600),
            unpublished_window: Duration::from_secs(24 * 3600),
            event_retention: Duration::from_secs(7 * 24 * 3600),
            job_retention: Duration::from_secs(30 * 24 * 3600),
            credential_trust: Duration::from_secs(5),
            audit_reads: AuditedReads::default(),
            url_secrets: UrlSecrets::default(),
            gc: GcConfig::default(),
        }
    }

    /// Reads the environment.
    ///
    /// # Errors
    /// `Invalid`, naming the invalid variable.
    pub fn from_env() -> Result<Self> {
        let mut config = Self::new(database_url()?, BlobConfig::from_env()?);
        config.database_password_file = env("CAIRN_DATABASE_PASSWORD_FILE")?;
        config.database_ca_file = env("CAIRN_DATABASE_CA_FILE")?;
        config.with_env()
    }

    /// These settings, changed by the limits and times in the environment.
    ///
    /// # Errors
    /// `Invalid`, naming the invalid variable.
    pub fn with_env(mut self) -> Result<Self> {
        override_by(&mut self.database_connections, "CAIRN_DATABASE_CONNECTIONS")?;
        override_by(&mut self.inline_max_bytes, "CAIRN_INLINE_MAX_BYTES")?;
        override_by(&mut self.upload_max_bytes, "CAIRN_UPLOAD_MAX_BYTES")?;
        override_by(&mut self.upload_buffer_bytes, "CAIRN_UPLOAD_BUFFER_BYTES")?;
        override_duration(&mut self.upload_patience, "CAIRN_UPLOAD_PATIENCE")?;
        override_by(
            &mut self.upload_bytes_per_second,
            "CAIRN_UPLOAD_BYTES_PER_SECOND",
        )?;
        override_duration(&mut self.upload_lease, "CAIRN_UPLOAD_LEASE")?;
        override_duration(&mut self.upload_window, "CAIRN_UPLOAD_WINDOW")?;
        override_duration(&mut self.delete_window, "CAIRN_DELETE_WINDOW")?;
        override_duration(&mut self.gc_grace, "CAIRN_GC_GRACE")?;
        override_duration(&mut self.idempotency_window, "CAIRN_IDEMPOTENCY_WINDOW")?;
        override_duration(&mut self.unpublished_window, "CAIRN_UNPUBLISHED_WINDOW")?;
        override_duration(&mut self.event_retention, "CAIRN_EVENT_RETENTION")?;
        override_duration(&mut self.job_retention, "CAIRN_JOB_RETENTION")?;
        self.url_secrets = UrlSecrets::from_env()?;
        override_duration(&mut self.credential_trust, "CAIRN_CREDENTIAL_TRUST")?;
        override_by(&mut self.audit_reads, "CAIRN_AUDIT_READS")?;
        self.gc = self.gc.with_env()?;
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<()> {
        let largest = Self::MAX_PARTS * Self::MAX_PART as u64;
        let rules = [
            (
                self.database_connections >= 1,
                "CAIRN_DATABASE_CONNECTIONS",
                "must be at least 1".to_owned(),
            ),
            (
                self.inline_max_bytes <= Self::INLINE_LIMIT,
                "CAIRN_INLINE_MAX_BYTES",
                format!("must be at most {}", Self::INLINE_LIMIT),
            ),
            (
                (1..=largest).contains(&self.upload_max_bytes),
                "CAIRN_UPLOAD_MAX_BYTES",
                format!("must be 1 to {largest}"),
            ),
            (
                self.upload_buffer_bytes >= Self::MAX_PART,
                "CAIRN_UPLOAD_BUFFER_BYTES",
                format!("must be at least {}", Self::MAX_PART),
            ),
            (
                self.upload_patience >= Duration::from_millis(1),
                "CAIRN_UPLOAD_PATIENCE",
                "must be more than zero".to_owned(),
            ),
            (
                self.upload_bytes_per_second >= 1,
                "CAIRN_UPLOAD_BYTES_PER_SECOND",
                "must be at least 1".to_owned(),
            ),
            (
                self.upload_lease >= Duration::from_millis(1),
                "CAIRN_UPLOAD_LEASE",
                "must be more than zero".to_owned(),
            ),
            (
                (Duration::from_millis(1)..=Self::LONGEST_UPLOAD).contains(&self.upload_window),
                "CAIRN_UPLOAD_WINDOW",
                "must be more than zero and at most 6d: buckets abort older uploads".to_owned(),
            ),
            (
                self.credential_trust <= Self::LONGEST_TRUST,
                "CAIRN_CREDENTIAL_TRUST",
                "must be at most 5m: so long may a revoked key be let in".to_owned(),
            ),
        ];
        match rules.into_iter().find(|(kept, ..)| !kept) {
            Some((_, variable, rule)) => Err(Error::invalid(variable, rule)),
            None => Ok(()),
        }
    }
}

fn database_url() -> Result<String> {
    const URL: &str = "CAIRN_DATABASE_URL";
    const FILE: &str = "CAIRN_DATABASE_URL_FILE";
    match (env::<String>(URL)?, env::<PathBuf>(FILE)?) {
        (Some(url), None) => Ok(url),
        (None, Some(file)) => match std::fs::read_to_string(&file) {
            Ok(url) => Ok(url.trim().to_owned()),
            Err(e) => Err(Error::invalid(
                FILE,
                format!("names {}, which cannot be read: {e}", file.display()),
            )),
        },
        (None, None) => Err(Error::invalid(
            URL,
            format!("is required, such as postgres://cairn@db/cairn, or {FILE}"),
        )),
        (Some(_), Some(_)) => Err(Error::invalid(
            FILE,
            format!("and {URL} are both set; give one"),
        )),
    }
}

impl BlobConfig {
    fn from_env() -> Result<Self> {
        let bucket = env::<String>("CAIRN_S3_BUCKET")?;
        let folder = env::<PathBuf>("CAIRN_BLOB_DIR")?;
        match (bucket, folder) {
            (Some(bucket), None) => {
                let endpoint = env::<String>("CAIRN_S3_ENDPOINT")?;
                Ok(Self::S3(S3Config {
                    bucket,
                    path_style: env("CAIRN_S3_PATH_STYLE")?.unwrap_or(endpoint.is_some()),
                    endpoint,
                    public_endpoint: PublicEndpoint::from_env()?,
                    region: env("CAIRN_S3_REGION")?,
                    credentials: S3Credentials::from_env()?,
                    encryption: S3Encryption::from_env()?,
                }))
            }
            (None, Some(folder)) => Ok(Self::Fs(folder)),
            _ => Err(Error::invalid(
                "CAIRN_S3_BUCKET",
                "or CAIRN_BLOB_DIR is required, and not both: a bucket in production, a folder on one machine",
            )),
        }
    }
}
