//! What an operator sees of tenants, and what they may change.

use crate::{
    meta::tenants as rows,
    model::{
        error::Result,
        tenant::{TenantUpdate, TenantUsage},
    },
    store::Store,
};

impl Store {
    /// Changes a tenant's limits, all that are named or none; false when there is no such tenant. A process goes on with
    /// the old ones for `credential_trust`.
    ///
    /// A quota below what is stored takes nothing away, and lets nothing in. Writes that are under way when a tenant is
    /// given its first quota are not held to it. Artifacts that are stored keep their expiry.
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

    /// The most tenants that are listed at once.
    pub const TENANTS_PAGE: usize = 1000;

    /// The limits of tenants and what they store, by name: those after this one, or from the first, at most
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
