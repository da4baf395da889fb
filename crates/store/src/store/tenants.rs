//! Tenants and their API keys.

pub(crate) mod limits;

use uuid::Uuid;

use crate::{
    meta::{
        api_keys::{self as rows, Found, Operators},
        audit,
        connection::Transaction,
        tenants,
    },
    model::{
        api_key::{ApiKey, ApiKeySecret, NewApiKey},
        audit::Deed,
        digest::ContentHash,
        error::{Error, Result, describe},
        tenant::Caller,
        text::check_tenant_name,
    },
    store::{Store, credential_cache::Proof},
};

impl Store {
    /// Finds the caller of a secret, as of the last `credential_trust`.
    ///
    /// # Errors
    /// `Unauthenticated`; `Unavailable`; `RateLimited` when too many credentials are to be looked up.
    #[tracing::instrument(skip_all)]
    pub async fn authenticate(&self, secret: &str) -> Result<Caller> {
        if !ApiKeySecret::may_be(secret) {
            return Err(Error::Unauthenticated);
        }
        let hash = ContentHash::of(secret.as_bytes());
        let look_up = self.look_up_key(hash);
        let caller = self.trust.caller(Proof::Key(hash), look_up).await?;
        caller.ok_or(Error::Unauthenticated)
    }

    /// Finds the caller of a delegated token, by the id of its API key, as of the last `credential_trust`. The face has
    /// checked the token, and narrows the caller to what it allows.
    ///
    /// # Errors
    /// `TokenRefused` if the key was revoked or has expired; `Unavailable`; `RateLimited` when too many credentials are to
    /// be looked up.
    #[tracing::instrument(skip_all)]
    pub async fn authenticate_token_of_key(&self, key: Uuid) -> Result<Caller> {
        let look_up = async {
            let client = self.meta.client().await?;
            Ok(self.noted(rows::find_by_id(&client, key).await?))
        };
        let caller = self.trust.caller(Proof::OfKey(key), look_up).await?;
        let ended = || Error::TokenRefused("the API key that made it has ended".to_owned());
        caller.ok_or_else(ended)
    }

    async fn look_up_key(&self, hash: ContentHash) -> Result<Option<Caller>> {
        let client = self.meta.client().await?;
        Ok(self.noted(rows::find(&client, hash).await?))
    }

    /// The caller of a key, whose use is noted.
    fn noted(&self, found: Option<Found>) -> Option<Caller> {
        let Found {
            caller,
            use_is_news,
        } = found?;
        if use_is_news {
            let (store, key) = (self.clone(), caller.row);
            tokio::spawn(async move {
                if let Err(e) = store.note_use_of_key(key).await {
                    tracing::debug!(error = describe(&e), "the use of a key was not noted");
                }
            });
        }
        Some(caller)
    }

    async fn note_use_of_key(&self, key: Uuid) -> Result<()> {
        let client = self.meta.client().await?;
        rows::note_use(&client, key).await
    }

    /// Makes an API key for a tenant, which may do everything. The tenant comes into being with its first key.
    ///
    /// # Errors
    /// `Invalid` for a name that is no identifier; `Unavailable`.
    pub async fn create_api_key(&self, tenant_name: &str) -> Result<ApiKeySecret> {
        let everything = NewApiKey::of_everything();
        let (_, secret) = self.issue_api_key(tenant_name, &everything).await?;
        Ok(secret)
    }

    /// Creates an API key for a tenant; the first key creates the tenant.
    ///
    /// # Errors
    /// `Invalid` for a name that is no identifier; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn issue_api_key(
        &self,
        tenant_name: &str,
        new: &NewApiKey,
    ) -> Result<(ApiKey, ApiKeySecret)> {
        check_tenant_name(tenant_name).map_err(|rule| Error::invalid("tenant", rule))?;
        let secret = ApiKeySecret::fresh();
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        let key = add_key(&tx, tenant_name, &secret, new).await?;
        tx.commit().await?;
        Ok((key, secret))
    }

    /// Makes the first key that may operate the deployment, for a tenant; `None` if there is one that works. With a secret
    /// that is given, in place of a fresh one, an earlier call with the same secret counts as this one.
    ///
    /// # Errors
    /// `Invalid` for a name that is no identifier and a secret that is none; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn bootstrap(
        &self,
        tenant_name: &str,
        secret: Option<ApiKeySecret>,
    ) -> Result<Option<ApiKeySecret>> {
        check_tenant_name(tenant_name).map_err(|rule| Error::invalid("tenant", rule))?;
        let secret = secret.unwrap_or_else(ApiKeySecret::fresh);
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        let operators = rows::lock_operators(&tx, secret.sha256()).await?;
        let is_first = match operators {
            Operators::None => true,
            Operators::This => false,
            Operators::Others => return Ok(None),
        };
        if is_first {
            add_key(&tx, tenant_name, &secret, &NewApiKey::of_operator()).await?;
        }
        tx.commit().await?;
        Ok(Some(secret))
    }

    /// Lists a tenant's API keys, newest first, at most 200.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_api_keys(&self, tenant_name: &str) -> Result<Vec<ApiKey>> {
        let client = self.meta.client().await?;
        rows::of_tenant(&client, tenant_name).await
    }

    /// Revokes an API key: calls with it fail with `Unauthenticated`, everywhere after `credential_trust`. Returns
    /// whether the key exists.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn revoke_api_key(&self, id: Uuid) -> Result<bool> {
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        let tenant = rows::revoke(&tx, id).await?;
        if let Some(tenant) = tenant {
            let deed = Deed::in_database(tenant, "RevokeKey", &format!("key {id}"));
            audit::add(&tx, &[deed]).await?;
        }
        tx.commit().await?;
        Ok(tenant.is_some())
    }
}

/// Adds a key with access to the database, and its line in the audit trail.
async fn add_key(
    tx: &Transaction<'_>,
    tenant_name: &str,
    secret: &ApiKeySecret,
    new: &NewApiKey,
) -> Result<ApiKey> {
    let key = rows::add(tx, tenant_name, secret, new).await?;
    if let Some(tenant) = tenants::by_name(tx, tenant_name).await? {
        let deed = Deed::in_database(tenant, "CreateKey", &format!("key {}", key.id));
        audit::add(tx, &[deed]).await?;
    }
    Ok(key)
}
