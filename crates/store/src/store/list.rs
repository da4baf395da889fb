//! Finding artifacts.

use crate::{
    meta::{artifacts, list as rows},
    model::{
        artifact::Artifact,
        error::Result,
        list::{ArtifactList, Entry, Order},
        page::{Page, PageSize},
        reference::FileName,
        tenant::Caller,
    },
    store::Store,
};

impl Store {
    /// The maximum that `count_artifacts` counts; one more means more.
    pub const MAX_COUNT: i64 = 10_000;

    /// Lists the visible versions of a file, newest first.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_versions(
        &self,
        caller: &Caller,
        name: &FileName,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Artifact>> {
        let listing = self.listing(&("versions", caller.tenant.id, name)).await?;
        let before = listing.position(token)?;
        let narrowing = caller.grant.narrowing();
        let rows = match narrowing.admits_file(name) {
            false => Vec::new(),
            true => {
                let (client, agent) = (self.meta.client().await?, narrowing.agent_id());
                artifacts::versions(&client, caller.tenant.id, name, agent, before, size).await?
            }
        };
        Ok(listing.page(rows, size, Artifact::weight))
    }

    /// Lists visible artifacts, and the folders of a level.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `FilterTooCostly`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_artifacts(
        &self,
        caller: &Caller,
        list: &ArtifactList,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Entry>> {
        let listing = self.listing(&("artifacts", caller.tenant.id, list)).await?;
        let list = &list.within(caller.grant.narrowing());
        match list.order {
            Order::Newest => {
                let after = listing.position(token)?;
                let client = self.meta.client().await?;
                let rows =
                    Box::pin(rows::newest(&client, caller.tenant.id, list, after, size)).await?;
                let entry = |(artifact, at): (Option<Artifact>, _)| {
                    (artifact.map(|it| Entry::Artifact(Box::new(it))), at)
                };
                Ok(listing.page(rows.into_iter().map(entry).collect(), size, Entry::weight))
            }
            Order::Filename => {
                let after = listing.position(token)?;
                let client = self.meta.client().await?;
                let rows =
                    Box::pin(rows::by_name(&client, caller.tenant.id, list, after, size)).await?;
                Ok(listing.page(rows, size, Entry::weight))
            }
        }
    }

    /// Counts the visible artifacts of a list, up to `MAX_COUNT` and one.
    ///
    /// # Errors
    /// `FilterTooCostly`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn count_artifacts(&self, caller: &Caller, list: &ArtifactList) -> Result<i64> {
        let list = &list.within(caller.grant.narrowing());
        let client = self.meta.client().await?;
        rows::count(&client, caller.tenant.id, list, Self::MAX_COUNT + 1).await
    }
}
