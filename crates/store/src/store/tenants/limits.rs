//! What operators see of tenants, and can change.

use crate::{
    meta::{
        audit,
        plans::{self, Administration},
        tenants as rows,
    },
    model::{
        audit::Deed,
        error::{Error, Result},
        tenant::{Caller, TenantUpdate, TenantUsage},
        text::check_tenant_name,
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
        let tx = client.transaction().await?;
        plans::enter(&tx, Administration::OfTenant).await?;
        let found = rows::update(&tx, tenant_name, &update).await?;
        if let Some(tenant) = found {
            let deed = Deed::in_database(tenant, "SetTenant", &format!("tenant {tenant_name}"));
            audit::add(&tx, &[deed]).await?;
        }
        tx.commit().await?;
        Ok(found.is_some())
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
    pub async fn list_tenants(&self, after: Option<&str>) -> Result<Vec<TenantUsage>> {
        self.list_some_tenants(after, Self::TENANTS_PAGE).await
    }

    /// As `list_tenants`, at most so many.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_some_tenants(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<TenantUsage>> {
        let client = self.meta.client().await?;
        rows::list(&client, None, after, most.min(Self::TENANTS_PAGE) as i64).await
    }

    /// Makes a tenant, or changes one that exists, all that is given or nothing, and returns it.
    ///
    /// # Errors
    /// Those of `update_tenant`; `Invalid` for a name that is no identifier and for an unknown plan.
    #[tracing::instrument(skip_all)]
    pub async fn set_tenant(
        &self,
        by: Option<&Caller>,
        name: &str,
        update: TenantUpdate,
    ) -> Result<TenantUsage> {
        check_tenant_name(name).map_err(|rule| Error::invalid("name", rule))?;
        update.check()?;
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        plans::enter(&tx, Administration::OfTenant).await?;
        rows::ensure(&tx, name).await?;
        rows::update(&tx, name, &update).await?;
        let set = rows::list(&tx, Some(name), None, 1).await?.pop();
        let deed = Deed::by(by, "SetTenant", &format!("tenant {name}"));
        audit::add(&tx, &[deed]).await?;
        tx.commit().await?;
        set.ok_or_else(|| Error::TenantNotFound(name.to_owned()))
    }
}
