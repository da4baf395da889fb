//! Tenants' usage, counted exactly: a call that follows a write or a deletion sees it.

use crate::{
    meta::{tenants, usage as rows, usage_days},
    model::{
        error::{Error, Result},
        tenant::Caller,
        usage::{Miscount, Usage},
        usage_days::{Made, UsageQuery},
        validate::excerpt,
    },
    store::Store,
};

impl Store {
    /// What a tenant stores now.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn usage(&self, caller: &Caller) -> Result<Usage> {
        let client = self.meta.client().await?;
        rows::of(&client, caller.tenant.id).await
    }

    /// What the caller's tenant made and called.
    ///
    /// # Errors
    /// `OutOfReach` for a caller that does not reach all of the tenant's artifacts; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn usage_days(&self, caller: &Caller, query: &UsageQuery) -> Result<Vec<Made>> {
        caller.require_everything()?;
        let client = self.meta.client().await?;
        usage_days::of(&client, caller.tenant.id, query).await
    }

    /// The same of a tenant by its name.
    ///
    /// # Errors
    /// `TenantNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn usage_days_of(&self, tenant: &str, query: &UsageQuery) -> Result<Vec<Made>> {
        let client = self.meta.client().await?;
        let found = tenants::by_name(&client, tenant).await?;
        let found = found.ok_or_else(|| Error::TenantNotFound(excerpt(tenant)))?;
        usage_days::of(&client, found, query).await
    }

    /// Adds up what every tenant stores, and returns the tenants whose usage differs. It reads all artifacts and
    /// objects.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn miscounts(&self) -> Result<Vec<Miscount>> {
        let mut client = self.meta.client().await?;
        rows::miscounts(&mut client).await
    }
}
