//! Tenants and their API keys.

pub(crate) mod limits;

use std::fmt;

use jiff::Timestamp;
use rand::distr::{Alphanumeric, SampleString};
use uuid::Uuid;

use crate::{
    meta::tenants as rows,
    model::retention::Keeping,
    model::{
        digest::ContentHash,
        error::{Error, Result},
        id::TenantId,
        text::check_tenant_name,
    },
    store::{Store, credential_cache::Proof, quotas::Quota},
};

/// The unit of isolation and dedupe, and the limits that hold for it.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub(crate) id: TenantId,
    /// Its name, unique in the deployment.
    pub name: String,
    /// How long it may keep artifacts.
    pub keeping: Keeping,
    /// What it may store at the most.
    pub quota: Quota,
}

/// Who makes a call, as an API key or a token proved.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant that they act for.
    pub tenant: Tenant,
    /// What they proved it by.
    pub credential: Credential,
}

/// By what somebody acts for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// An API key, by the last four characters of its secret.
    ApiKey(String),
    /// A token of a trusted issuer, by its subject.
    Workload(String),
}

impl Credential {
    /// The last four characters of the API key; empty for a workload.
    #[must_use]
    pub fn key_last_4(&self) -> &str {
        match self {
            Self::ApiKey(last_4) => last_4,
            Self::Workload(_) => "",
        }
    }

    /// The subject of the workload; empty for an API key.
    #[must_use]
    pub fn workload(&self) -> &str {
        match self {
            Self::ApiKey(_) => "",
            Self::Workload(subject) => subject,
        }
    }

    /// The one of which both are kept.
    pub(crate) fn new(key_last_4: String, workload: String) -> Self {
        if workload.is_empty() {
            Self::ApiKey(key_last_4)
        } else {
            Self::Workload(workload)
        }
    }
}

/// What is known of an API key after its creation: not its secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Names the key, for revoking it.
    pub id: Uuid,
    /// The last four characters of the secret.
    pub last_4: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// The secret of an API key: `cairn_` and 40 characters of `[A-Za-z0-9]`. Stored as its SHA-256, which is enough for a
/// secret of this much randomness. `Debug` does not show it.
pub struct ApiKeySecret(String);

impl ApiKeySecret {
    fn fresh() -> Self {
        let mut secret = "cairn_".to_owned();
        Alphanumeric.append_string(&mut rand::rng(), &mut secret, 40);
        Self(secret)
    }

    fn sha256(&self) -> ContentHash {
        ContentHash::of(self.0.as_bytes())
    }

    fn last_4(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    /// The secret, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeySecret(…{})", self.last_4())
    }
}

impl Store {
    /// Finds whose secret this is, as it was within `credential_trust`.
    ///
    /// # Errors
    /// `Unauthenticated`; `Unavailable`; `RateLimited` when too many credentials are to be looked up.
    #[tracing::instrument(skip_all)]
    pub async fn authenticate(&self, secret: &str) -> Result<Caller> {
        let hash = ContentHash::of(secret.as_bytes());
        let look_up = async {
            let client = self.meta.client().await?;
            rows::by_key(&client, hash).await
        };
        let caller = self.trust.caller(Proof::Key(hash), look_up).await?;
        caller.ok_or(Error::Unauthenticated)
    }

    /// Makes an API key for a tenant, which comes into being with its first one.
    ///
    /// # Errors
    /// `Invalid` for a name that is no identifier; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn create_api_key(&self, tenant_name: &str) -> Result<ApiKeySecret> {
        check_tenant_name(tenant_name).map_err(|rule| Error::invalid("tenant", rule))?;
        let secret = ApiKeySecret::fresh();
        let client = self.meta.client().await?;
        rows::add_key(&client, tenant_name, secret.sha256(), secret.last_4()).await?;
        Ok(secret)
    }

    /// Lists a tenant's API keys, newest first, at most 200.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_api_keys(&self, tenant_name: &str) -> Result<Vec<ApiKey>> {
        let client = self.meta.client().await?;
        rows::keys_of(&client, tenant_name).await
    }

    /// Revokes an API key: it answers `Unauthenticated`, everywhere after `credential_trust`. Returns whether there is such a key.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn revoke_api_key(&self, id: Uuid) -> Result<bool> {
        let client = self.meta.client().await?;
        rows::revoke_key(&client, id).await
    }
}
