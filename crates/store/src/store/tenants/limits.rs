//! What an operator sees of tenants, and what they may change.

use std::time::Duration;

use crate::{
    meta::tenants as rows,
    model::error::{Error, Result},
    model::retention::Keeping,
    store::{
        Store,
        quotas::{Limit, Quota},
        usage::Usage,
    },
};

/// A tenant with its limits and what it stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantUsage {
    /// The tenant's name.
    pub tenant: String,
    /// How long it may keep artifacts.
    pub keeping: Keeping,
    /// What it may store.
    pub quota: Quota,
    /// What it stores.
    pub usage: Usage,
}

/// What to change of a tenant's limits; `None`: leave it as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct TenantUpdate {
    /// The new limit, or none.
    pub max_stored_bytes: Option<Option<u64>>,
    /// The new limit, or none.
    pub max_artifacts: Option<Option<u64>>,
    /// The new default; none: artifacts do not expire.
    pub default_ttl: Option<Option<Duration>>,
    /// The new limit, or none.
    pub max_ttl: Option<Option<Duration>>,
    /// Whether artifacts may be kept without an expiry.
    pub never_expires_allowed: Option<bool>,
}

impl TenantUpdate {
    fn check(&self) -> Result<()> {
        for (limit, max) in [
            (Limit::StoredBytes, self.max_stored_bytes),
            (Limit::Artifacts, self.max_artifacts),
        ] {
            if let Some(Some(max)) = max
                && !(1..=i64::MAX.unsigned_abs()).contains(&max)
            {
                let rule = format!("must be 1 to {}, or none", i64::MAX);
                return Err(Error::invalid(limit.to_string(), rule));
            }
        }
        Ok(())
    }

    /// The limits of a tenant that had these, all of them.
    ///
    /// # Errors
    /// `Invalid`.
    pub(crate) fn applied(&self, keeping: Keeping, quota: Quota) -> Result<(Keeping, Quota)> {
        let keeping = Keeping {
            default_ttl: self.default_ttl.unwrap_or(keeping.default_ttl),
            max_ttl: self.max_ttl.unwrap_or(keeping.max_ttl),
            never_expires_allowed: self
                .never_expires_allowed
                .unwrap_or(keeping.never_expires_allowed),
        };
        let quota = Quota {
            max_stored_bytes: self.max_stored_bytes.unwrap_or(quota.max_stored_bytes),
            max_artifacts: self.max_artifacts.unwrap_or(quota.max_artifacts),
        };
        Ok((keeping.check()?, quota))
    }
}

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
