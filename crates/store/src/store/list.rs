//! Finding artifacts.

use crate::{
    meta::{artifacts, list as rows},
    model::{
        artifact::Artifact,
        error::Result,
        list::{ArtifactList, Entry, Order},
        page::{Page, PageSize},
        reference::FileName,
        tenant::Tenant,
    },
    store::Store,
};

impl Store {
    /// The most that `count_artifacts` counts; one more stands for more.
    pub const MAX_COUNT: i64 = 10_000;

    /// Lists the visible versions of a file, newest first.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_versions(
        &self,
        tenant: &Tenant,
        name: &FileName,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Artifact>> {
        let listing = self.listing(&("versions", tenant.id, name)).await?;
        let before = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = artifacts::versions(&client, tenant.id, name, before, size).await?;
        Ok(listing.page(rows, size, Artifact::weight))
    }

    /// Lists visible artifacts, and the folders of a level.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `FilterTooCostly`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_artifacts(
        &self,
        tenant: &Tenant,
        list: &ArtifactList,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Entry>> {
        let listing = self.listing(&("artifacts", tenant.id, list)).await?;
        match list.order {
            Order::Newest => {
                let after = listing.position(token)?;
                let client = self.meta.client().await?;
                let rows = Box::pin(rows::newest(&client, tenant.id, list, after, size)).await?;
                let entry = |(artifact, at): (Option<Artifact>, _)| {
                    (artifact.map(|it| Entry::Artifact(Box::new(it))), at)
                };
                Ok(listing.page(rows.into_iter().map(entry).collect(), size, Entry::weight))
            }
            Order::Filename => {
                let after = listing.position(token)?;
                let client = self.meta.client().await?;
                let rows = Box::pin(rows::by_name(&client, tenant.id, list, after, size)).await?;
                Ok(listing.page(rows, size, Entry::weight))
            }
        }
    }

    /// Counts the visible artifacts of a list, up to `MAX_COUNT` and one.
    ///
    /// # Errors
    /// `FilterTooCostly`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn count_artifacts(&self, tenant: &Tenant, list: &ArtifactList) -> Result<i64> {
        let client = self.meta.client().await?;
        rows::count(&client, tenant.id, list, Self::MAX_COUNT + 1).await
    }
}
