//! Signed URLs: their tickets, and the keys that sign them.

use std::time::Duration;

use jiff::Timestamp;
use ring::hmac;

use crate::{
    config::UrlSecrets,
    meta::{credentials, secrets as deployment},
    model::{
        access::{Grant, Narrowing, Scope},
        error::{Error, Result},
        tenant::Caller,
        ticket::{Permission, Ticket},
    },
    store::Store,
};

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

impl Store {
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
        let now = Timestamp::now();
        let left = |end: Timestamp| Duration::try_from(end.duration_since(now)).unwrap_or_default();
        let life = caller
            .grant
            .not_after()
            .map_or(life, |end| left(end).min(life));
        let ticket = Ticket {
            credential: caller.row,
            expires_at: now + life,
        };
        Ok(SignedTicket {
            text: ticket.sign(key, permission, artifact),
            life,
            expires_at: ticket.expires_at,
        })
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
