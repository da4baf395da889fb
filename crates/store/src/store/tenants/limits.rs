//! What operators see of tenants, and can change.

use crate::{
    meta::tenants as rows,
    model::{
        error::Result,
        tenant::{TenantUpdate, TenantUsage},
    },
    store::Store,
};

impl Store {
    /// Changes a tenant's limits, all that are given or none; false if there is no such tenant. A process uses the old
    /// ones for `credential_trust`.
    ///
    /// A quota below what is stored deletes nothing and accepts nothing. A tenant's first quota does not apply to
    /// writes that are already running. Stored artifacts keep their expiry.
    ///
    /// # Errors
    /// `Invalid` for a quota of 0, or beyond what can be counted; for a default that is not allowed, or a time beyond 100
    /// years; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn update_tenant(&self, tenant_name: &str, update: TenantUpdate) -> Result<bool> {
        update.check()?;
        let client = self.meta.client().await?;
        rows::update(&client, tenant_name, update).await
    }

    /// The limits of the tenant of this name and what it stores, if there is one.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_tenant(&self, name: &str) -> Result<Option<TenantUsage>> {
        let client = self.meta.client().await?;
        let found = rows::list(&client, Some(name), None, 1).await?;
        Ok(found.into_iter().next())
    }

    /// The maximum tenants of a list.
    pub const TENANTS_PAGE: usize = 1000;

    /// The limits of tenants and what they store, by name: those after this one, or from the first one, at most
    /// `TENANTS_PAGE`.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_tenants(&self, after: Option<&str>) -> Result<Vec<TenantUsage>> {
        let client = self.meta.client().await?;
        rows::list(&client, None, after, Self::TENANTS_PAGE as i64).await
    }
}
