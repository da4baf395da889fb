//! Tenants' usage, counted exactly: a call that follows a write or a deletion sees it.

use futures_util::future::OptionFuture;
use tokio::join;

use crate::{
    meta::{links, requests, sessions, tenants, uploads, usage as rows, usage_days},
    model::{
        error::{Error, Result},
        limit::LimitKind,
        tenant::Caller,
        usage::{Counts, Miscount, Usage},
        usage_days::{Made, UsageQuery},
        validate::excerpt,
    },
    store::Store,
};

impl Store {
    /// Counts what the caller's tenant has and how often it calls, on one connection. Links are always counted, sessions and
    /// open uploads where the tenant has a limit on them. A caller with a narrowing gets its tenant's calls alone, since the
    /// rest is what others have made as well.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn counts(&self, caller: &Caller) -> Result<Counts> {
        let (tenant, limits) = (caller.tenant.id, &caller.tenant.limits);
        let client = self.meta.client().await?;
        let mut counts = Counts::default();
        if caller.reach().is_all() {
            let links = count_up_to(limits.get(LimitKind::Links));
            let sessions = limits.get(LimitKind::Sessions);
            let uploads = limits.get(LimitKind::OpenUploads);
            let (usage, links, sessions, uploads, calls) =
                join!(
                    rows::of(&client, tenant),
                    links::count_active(&client, tenant, links),
                    OptionFuture::from(sessions.map(|max| {
                        sessions::count_up_to(&client, tenant, count_up_to(Some(max)))
                    })),
                    OptionFuture::from(uploads.map(|max| uploads::count_open(
                        &client,
                        tenant,
                        count_up_to(Some(max))
                    ))),
                    requests::of(&client, tenant),
                );
            counts.usage = usage?;
            counts.links = Some(links?.unsigned_abs());
            counts.sessions = sessions.transpose()?.map(i64::unsigned_abs);
            counts.open_uploads = uploads.transpose()?.map(i64::unsigned_abs);
            (counts.calls_today, counts.calls_this_month) = calls?;
        } else {
            (counts.calls_today, counts.calls_this_month) = requests::of(&client, tenant).await?;
        }
        Ok(counts)
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

/// The most rows that are counted, however large a limit is.
const MOST_COUNTED: u64 = 100_000;

/// How far something with this limit is counted, row by row: to its limit, or to `MAX_COUNT` and one where that is more.
fn count_up_to(limit: Option<u64>) -> i64 {
    let limit = limit.unwrap_or_default().min(MOST_COUNTED);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    limit.max(Store::MAX_COUNT + 1)
}

#[cfg(test)]
mod tests {
    use super::{MOST_COUNTED, count_up_to};

    #[test]
    fn a_count_ends_however_large_the_limit_is() {
        let most = i64::try_from(MOST_COUNTED).unwrap();
        let counted = [None, Some(1), Some(20_000), Some(u64::MAX)].map(count_up_to);
        assert_eq!(counted, [10_001, 10_001, 20_000, most]);
    }
}
