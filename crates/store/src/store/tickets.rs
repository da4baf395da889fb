//! Signed URLs: their tickets, and the keys that sign them.

use std::time::Duration;

use jiff::Timestamp;
use ring::hmac;

use crate::{
    blob::{Blobs, unavailable},
    config::UrlSecrets,
    meta::{artifacts, credentials, ghosts, secrets as deployment},
    model::{
        access::{Grant, Narrowing, Scope},
        artifact::Artifact,
        audit::Deed,
        error::{Error, Result},
        reference::ArtifactRef,
        tenant::Caller,
        ticket::{Permission, Presentation, Ticket},
    },
    store::Store,
};

/// S3 counts whole seconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// A ticket, and how long it is accepted.
#[derive(Debug, Clone)]
pub struct SignedTicket {
    /// The ticket, for a URL.
    pub text: String,
    /// From when it was signed.
    pub life: Duration,
    /// The end of that.
    pub expires_at: Timestamp,
}

/// A content that can be read without a credential.
#[derive(Debug, Clone)]
pub struct SignedDownload {
    /// Whose content it is.
    pub artifact: Artifact,
    /// Where it is read.
    pub url: DownloadUrl,
    /// From when it was signed.
    pub life: Duration,
    /// The end of that.
    pub expires_at: Timestamp,
}

/// Where a content is read.
#[derive(Debug, Clone)]
pub enum DownloadUrl {
    /// In S3: the whole URL.
    Direct(String),
    /// From this service: a ticket for its URL.
    Ticket(String),
}

impl Store {
    /// Signs a URL for reading a visible artifact: S3's own if its bytes lie in one that callers can reach, and otherwise a
    /// ticket. It works for so long, and no longer than the caller's credential and the artifact. The deletion of the
    /// artifact does not end a URL of S3, so such a URL ends before the bytes of an artifact that is deleted now do.
    ///
    /// # Errors
    /// As `get_artifact`; `DataCorrupted` for bytes that the collector has found missing or damaged.
    #[tracing::instrument(skip_all)]
    pub async fn sign_download(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        life: Duration,
        shown: impl FnOnce(&Artifact) -> Presentation,
    ) -> Result<SignedDownload> {
        let tenant = caller.tenant.id;
        let client = self.meta.client().await?;
        let id = artifacts::resolve(&client, caller.reach(), wanted).await?;
        let (artifact, location) = artifacts::locate(&client, tenant, &id).await?;
        if ghosts::has(&client, tenant, location.object).await? {
            return Err(Error::DataCorrupted(id.to_string()));
        }
        drop(client);
        // Nothing shows when the URL is followed, so that signing it counts as the read.
        (self.audit)
            .read(|| Deed::done(caller, "CreateDownloadUrl", id.as_str()))
            .note();
        let end = artifact.expires_at.unwrap_or(Timestamp::MAX);
        // A URL that was signed just before a deletion must end before the bytes do.
        let kept = (self.times.delete_window + self.times.grace) / 2;
        let signer = self.blobs.signer();
        let signer = signer.filter(|_| location.inline.is_none() && kept >= SHORTEST);
        let (url, life, expires_at) = match signer {
            Some(signer) => {
                let signing = signer.begin().await.map_err(unavailable)?;
                let life = signing.lasting(life.min(kept));
                let (life, expires_at) = Self::lasting(caller, life, end);
                let key = Blobs::key(tenant, location.object);
                let url = signing.get(&key, shown(&artifact), life).await;
                let url = DownloadUrl::Direct(url.map_err(unavailable)?);
                (url, life, expires_at)
            }
            None => {
                let (life, _) = Self::lasting(caller, life, end);
                let ticket = self.sign_ticket(caller, Permission::Read, id.as_str(), life);
                let ticket = ticket.await?;
                (
                    DownloadUrl::Ticket(ticket.text),
                    ticket.life,
                    ticket.expires_at,
                )
            }
        };
        Ok(SignedDownload {
            artifact,
            url,
            life,
            expires_at,
        })
    }

    /// Signs a ticket for an artifact. It is accepted for so long, and no longer than the caller's credential.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn sign_ticket(
        &self,
        caller: &Caller,
        permission: Permission,
        artifact: &str,
        life: Duration,
    ) -> Result<SignedTicket> {
        let keys = self.url_keys().await?;
        let key = keys
            .first()
            .ok_or_else(|| Error::internal("no key for URLs"))?;
        let (life, expires_at) = Self::lasting(caller, life, Timestamp::MAX);
        let ticket = Ticket {
            credential: caller.row,
            expires_at,
        };
        Ok(SignedTicket {
            text: ticket.sign(key, permission, artifact),
            life,
            expires_at: ticket.expires_at,
        })
    }

    /// How long a URL lasts that is to last so long, and the end of that: no longer than the caller's credential, and no
    /// longer than until `end`.
    pub(in crate::store) fn lasting(
        caller: &Caller,
        life: Duration,
        end: Timestamp,
    ) -> (Duration, Timestamp) {
        let now = Timestamp::now();
        let end = caller.grant.not_after().map_or(end, |it| it.min(end));
        let left = Duration::try_from(end.duration_since(now)).unwrap_or_default();
        let life = life.min(left);
        (life, now + life)
    }

    /// Returns the caller for whom a ticket was signed, as its credential is now, with the scope for this alone. `None` for
    /// a ticket that is forged, expired or for something else, and for a credential that was revoked or lost the scope.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn check_ticket(
        &self,
        permission: Permission,
        artifact: &str,
        ticket: &str,
    ) -> Result<Option<Caller>> {
        let ticket = Ticket::read(ticket, self.url_keys().await?, permission, artifact);
        let Some(ticket) = ticket.filter(|ticket| Timestamp::now() < ticket.expires_at) else {
            return Ok(None);
        };
        let scope = match permission {
            Permission::Read => Scope::Read,
            Permission::Write => Scope::Write,
        };
        let only = Grant::new([scope].into_iter().collect(), Narrowing::none(), None);
        let client = self.meta.client().await?;
        let caller = credentials::by_row(&client, ticket.credential).await?;
        let caller = caller.map(|caller| caller.narrowed(&only));
        Ok(caller.filter(|caller| caller.require(scope).is_ok()))
    }

    /// `CAIRN_URL_KEYS`, or a key of the deployment's own that all replicas know.
    async fn url_keys(&self) -> Result<&[hmac::Key]> {
        let read = async || {
            let key = |secret: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, secret);
            let UrlSecrets(secrets) = &self.url_secrets;
            if !secrets.is_empty() {
                return Ok(secrets.iter().map(|it| key(it.as_bytes())).collect());
            }
            let client = self.meta.client().await?;
            let secret = deployment::page_tokens(&client).await?;
            Ok::<_, Error>(vec![key(hmac::sign(&key(&secret), b"urls").as_ref())])
        };
        self.url_keys.get_or_try_init(read).await.map(Vec::as_slice)
    }
}
