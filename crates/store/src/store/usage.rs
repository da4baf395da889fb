//! Tenants' usage, counted exactly: a call that follows a write or a deletion sees it.

use crate::{
    meta::usage as rows,
    model::{
        error::Result,
        tenant::Caller,
        usage::{Miscount, Usage},
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
