//! The store: where the records and the bytes meet, and nowhere else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ring::hmac;
use serde::Serialize;
use tokio::{
    sync::{OnceCell, Semaphore},
    time::timeout,
};

use self::links::passwords::LinkPasswords;
use crate::{
    blob::{Blobs, Fs, S3, unavailable},
    config::{BlobConfig, StoreConfig, UrlSecrets},
    meta::{Meta, secrets},
    model::{
        archive::PLANS,
        error::{Error, Result, describe},
        page::Listing,
        times::Times,
    },
    store::{
        audit::queue::AuditQueue,
        credential_cache::CredentialCache,
        read::ahead::READ_AHEAD,
        reads::indexes::LineIndexes,
        upload::{Budget, gather::CommitBatcher},
    },
};

pub(crate) mod apply;
pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod copy;
mod credential_cache;
pub(crate) mod delete;
pub(crate) mod deployment;
pub(crate) mod erasures;
mod hashing;
pub(crate) mod hold;
pub(crate) mod idempotent;
pub(crate) mod jobs;
mod keys;
pub(crate) mod lineage;
pub(crate) mod links;
pub(crate) mod list;
pub(crate) mod manifest;
pub(crate) mod open_upload;
pub(crate) mod plans;
pub(crate) mod publish;
pub(crate) mod read;
pub(crate) mod reads;
pub(crate) mod requests;
pub(crate) mod restore;
pub(crate) mod sessions;
pub(crate) mod shared;
pub(crate) mod stage;
pub(crate) mod tenants;
pub(crate) mod tickets;
pub(crate) mod todos;
pub(crate) mod update;
pub(crate) mod upload;
pub(crate) mod usage;
pub(crate) mod watch;
pub(crate) mod watch_sessions;
pub(crate) mod workloads;

/// How long a start waits for its surroundings. A process that has no port open for a minute is killed for it by a startup
/// probe, which brings no S3 back.
const PREFLIGHT: Duration = Duration::from_secs(10);

/// How many finishes of one process read parts back at once: a finish goes on when its caller has gone, and hashing takes
/// a core.
const READ_BACKS: usize = 8;

/// What callers are held to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Content up to this size is kept in Postgres.
    pub(crate) inline_bytes: usize,
    /// The largest content.
    pub upload_bytes: u64,
    /// How long an upload may let the server wait, and how many bytes earn it a second of that back.
    pub upload_patience: Duration,
    /// See `upload_patience`; at least 1.
    pub upload_bytes_per_second: u64,
}

/// A handle on the artifact store; clones share everything.
#[derive(Clone)]
pub struct Store {
    pub(crate) meta: Meta,
    pub(crate) blobs: Blobs,
    pub(crate) times: Times,
    /// The two stores have been seen to belong together.
    pub(crate) verified: Arc<AtomicBool>,
    pub(crate) trust: CredentialCache,
    pub(crate) commits: CommitBatcher,
    /// Lines of the audit trail that wait for Postgres.
    pub(crate) audit: AuditQueue,
    link_passwords: LinkPasswords,
    /// What signs the tokens of pages, once it was read.
    page_key: Arc<OnceCell<hmac::Key>>,
    /// What signs URLs, and what else is accepted, once it was read.
    url_keys: Arc<OnceCell<Vec<hmac::Key>>>,
    /// The settings for those.
    url_secrets: UrlSecrets,
    limits: Limits,
    /// What the uploads of this process share.
    pub(crate) uploads: Budget,
    /// The pieces that downloads of this process may still read ahead.
    pub(crate) read_ahead: Arc<Semaphore>,
    /// The finishes of this process that may read combined parts back at once.
    pub(crate) read_backs: Arc<Semaphore>,
    /// The memory of the plans of archives, in KiB.
    archives: Arc<Semaphore>,
    /// Where lines begin in what this process has read.
    line_indexes: LineIndexes,
}

impl Store {
    /// Opens a store. Neither Postgres nor S3 need answer yet.
    ///
    /// # Errors
    /// `Invalid` for a setting that cannot be used.
    pub async fn open(config: &StoreConfig) -> Result<Self> {
        let blobs = match &config.blobs {
            BlobConfig::S3(s3) => Blobs::S3(S3::connect(s3).await),
            BlobConfig::Fs(folder) => Blobs::Fs(Fs::open(folder).map_err(|e| {
                let folder = folder.display();
                Error::invalid("CAIRN_BLOB_DIR", format!("{folder} cannot be used: {e}"))
            })?),
        };
        Ok(Self {
            meta: Meta::new(config)?,
            blobs,
            times: Times {
                lease: config.upload_lease,
                upload_window: config.upload_window,
                delete_window: config.delete_window,
                grace: config.gc_grace,
                idempotency_window: config.idempotency_window,
                unpublished_window: config.unpublished_window,
                event_retention: config.event_retention,
                job_retention: config.job_retention,
            },
            verified: Arc::default(),
            trust: CredentialCache::new(config.credential_trust),
            commits: CommitBatcher::default(),
            audit: AuditQueue::new(config.audit_reads),
            link_passwords: LinkPasswords::new(),
            page_key: Arc::default(),
            url_keys: Arc::default(),
            url_secrets: config.url_secrets.clone(),
            limits: Limits {
                inline_bytes: config.inline_max_bytes,
                upload_bytes: config.upload_max_bytes,
                upload_patience: config.upload_patience,
                upload_bytes_per_second: config.upload_bytes_per_second,
            },
            uploads: Budget::new(config.upload_buffer_bytes, StoreConfig::MAX_PART),
            read_ahead: Arc::new(Semaphore::new(READ_AHEAD)),
            read_backs: Arc::new(Semaphore::new(READ_BACKS)),
            archives: Arc::new(Semaphore::new(PLANS)),
            line_indexes: LineIndexes::new(),
        })
    }

    /// Brings the schema up to date, and says which migrations that took. Safe to run from several processes at once.
    ///
    /// # Errors
    /// `Unavailable`; `Internal` for a migration that failed or a schema that was changed by hand.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        self.meta.migrate().await
    }

    /// Whether Postgres and the blob store both answer, and have been seen to belong together.
    ///
    /// # Errors
    /// `Unavailable`, naming the one that does not answer; `Invalid` when the blob store is another deployment's.
    pub async fn ping(&self) -> Result<()> {
        let (meta, blobs) = tokio::join!(self.meta.ping(), self.blobs.ping());
        meta?;
        blobs.map_err(unavailable)?;
        if !self.verified.load(Ordering::Relaxed) {
            self.meta.check_engine().await?;
            self.check_deployment().await?;
        }
        Ok(())
    }

    /// Refuses to start on a database on which the protocol does not hold, or with a blob store of another deployment
    /// or one that deletes by its own rules. If these cannot be checked now, nothing is refused: `ping` reports it as
    /// soon as they can.
    ///
    /// # Errors
    /// `Invalid`, naming the setting.
    pub async fn preflight(&self) -> Result<()> {
        match timeout(PREFLIGHT, self.check_surroundings()).await {
            Ok(checked) => checked,
            Err(_) => later(Error::Unavailable {
                dependency: "database or blob store",
                source: "there is no answer yet".into(),
            }),
        }
    }

    async fn check_surroundings(&self) -> Result<()> {
        match self.meta.ping().await {
            Ok(()) => {}
            Err(e) => return later(e),
        }
        let checked = match self.meta.check_engine().await {
            Ok(()) => self.check_deployment().await,
            Err(e) => Err(e),
        };
        match checked {
            Err(e @ Error::Invalid(_)) => return Err(e),
            Err(e) => return later(e),
            Ok(()) => {}
        }
        match self.blobs.dangerous_rules().await {
            Ok(Some(rules)) if !rules.is_empty() => Err(Error::invalid(
                self.blobs.setting(),
                format!(
                    "has lifecycle rules that lose data: {}; a rule may abort multipart uploads and expire noncurrent \
                     versions, nothing else",
                    rules.join("; ")
                ),
            )),
            Ok(_) => Ok(()),
            Err(e) => later(unavailable(e)),
        }
    }

    /// `ping` for a process that watches whether it is ready; it also records the use of the connections to Postgres as
    /// metrics.
    ///
    /// # Errors
    /// The error of `ping` with its causes, as text for the log.
    pub async fn check_ready(self) -> Result<(), String> {
        self.meta.observe();
        self.ping().await.map_err(|e| describe(&e))
    }

    /// A list by what it lists, and under which filters. Takes a connection the first time.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn listing(&self, filters: &impl Serialize) -> Result<Listing> {
        let read = async || {
            let client = self.meta.client().await?;
            let secret = secrets::page_tokens(&client).await?;
            Ok::<_, Error>(hmac::Key::new(hmac::HMAC_SHA256, &secret))
        };
        let key = self.page_key.get_or_try_init(read).await?;
        Listing::new(key, filters)
    }

    /// What callers are held to.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }
}

/// A check that could not be made.
fn later(e: Error) -> Result<()> {
    tracing::warn!(
        error = describe(&e),
        "it is not known yet whether the database and the blob store belong together"
    );
    Ok(())
}
