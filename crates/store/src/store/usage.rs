//! What tenants store, counted exactly: a call that follows a write or a deletion sees it.

use serde::{Deserialize, Serialize};

use crate::{
    meta::usage as rows,
    model::error::Result,
    store::{Store, tenants::Tenant},
};

/// How much is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Artifacts that are live, or wait to be published. One that is deleted stops counting at once, one that has expired
    /// when the collector has ended it.
    pub stored_artifacts: u64,
    /// The sum of their sizes in bytes. What several have in common counts for each.
    pub stored_bytes: u64,
    /// Objects whose bytes are there: live, or condemned and not deleted yet.
    pub physical_objects: u64,
    /// The sum of their sizes in bytes. The size of an upload that was never completed is not known, and counts as 0.
    pub physical_bytes: u64,
}

/// A tenant whose usage is not what it stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Miscount {
    /// The tenant's name.
    pub tenant: String,
    /// What its usage says.
    pub counted: Usage,
    /// What its rows add up to.
    pub found: Usage,
}

impl Store {
    /// What a tenant stores now.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn usage(&self, tenant: &Tenant) -> Result<Usage> {
        let client = self.meta.client().await?;
        rows::of(&client, tenant.id).await
    }

    /// Adds up what every tenant stores, and says whose usage differs from that. It reads all artifacts and objects.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn miscounts(&self) -> Result<Vec<Miscount>> {
        let mut client = self.meta.client().await?;
        rows::miscounts(&mut client).await
    }
}
