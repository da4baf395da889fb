//! Tenants and their API keys.

pub(crate) mod limits;

use uuid::Uuid;

use crate::{
    meta::tenants as rows,
    model::{
        digest::ContentHash,
        error::{Error, Result},
        tenant::{ApiKey, ApiKeySecret, Caller},
        text::check_tenant_name,
    },
    store::{Store, credential_cache::Proof},
};

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
