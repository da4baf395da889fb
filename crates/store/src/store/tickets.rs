//! Signed URLs: their tickets, and the keys that sign them.

use std::time::Duration;

use jiff::Timestamp;
use ring::hmac;
use uuid::Uuid;

use crate::{
    config::UrlSecrets,
    meta::{secrets as deployment, tenants},
    model::{
        access::{Grant, Narrowing, Scope},
        error::{Error, Result},
        tenant::{Caller, Credential, Tenant},
        ticket::{Permission, Ticket},
    },
    store::Store,
};

impl Store {
    /// Signs a ticket for an artifact of a tenant, and returns it with the time until which it is accepted.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn sign_ticket(
        &self,
        tenant: &Tenant,
        permission: Permission,
        artifact: &str,
        life: Duration,
    ) -> Result<(String, Timestamp)> {
        let keys = self.url_keys().await?;
        let key = keys
            .first()
            .ok_or_else(|| Error::internal("no key for URLs"))?;
        let expires_at = Timestamp::now() + life;
        let ticket = Ticket {
            tenant: tenant.id,
            expires_at,
        };
        Ok((ticket.sign(key, permission, artifact), expires_at))
    }

    /// Returns a caller of the tenant for which a ticket was signed, with the scope for that alone; `None` for one that is forged, expired or for something else.
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
        let client = self.meta.client().await?;
        let tenant = tenants::by_id(&client, ticket.tenant).await?;
        let scope = match permission {
            Permission::Read => Scope::Read,
            Permission::Write => Scope::Write,
        };
        Ok(tenant.map(|tenant| Caller {
            tenant,
            credential: Credential::ApiKey(String::new()),
            row: Uuid::nil(),
            grant: Grant::new([scope].into_iter().collect(), Narrowing::none(), None),
        }))
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
