//! Tenants' usage, counted exactly: a call that follows a write or a deletion sees it.

use crate::{
    meta::{links, sessions, tenants, uploads, usage as rows, usage_days},
    model::{
        error::{Error, Result},
        limit::LimitKind,
        tenant::Caller,
        usage::{Miscount, Usage},
        usage_days::{Made, UsageQuery},
        validate::excerpt,
    },
    store::Store,
};

impl Store {
    /// Counts what the caller's tenant has of something that a plan can limit and that is counted row by row: links that
    /// work, sessions, open uploads. It counts up to the tenant's limit, or to `MAX_COUNT` and one where that is more. `None`
    /// for other kinds, and for a caller with a narrowing, since it counts what others have made as well.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn count_of(&self, caller: &Caller, kind: LimitKind) -> Result<Option<u64>> {
        let counted = matches!(
            kind,
            LimitKind::Links | LimitKind::Sessions | LimitKind::OpenUploads
        );
        if !counted || !caller.reach().is_all() {
            return Ok(None);
        }
        let tenant = caller.tenant.id;
        let limit = caller.tenant.limits.get(kind).unwrap_or_default();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let most = limit.max(Self::MAX_COUNT + 1);
        let client = self.meta.client().await?;
        let count = match kind {
            LimitKind::Links => links::count_active(&client, tenant, most).await?,
            LimitKind::Sessions => sessions::count_up_to(&client, tenant, most).await?,
            _ => uploads::count_open(&client, tenant, most).await?,
        };
        Ok(Some(count.unsigned_abs()))
    }

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
