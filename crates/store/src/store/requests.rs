//! What the replicas of the API know of each other: how many there are, and the calls that they have counted.

use uuid::Uuid;

use crate::{
    meta::requests as rows,
    model::{error::Result, usage::DayOfCalls},
    store::Store,
};

impl Store {
    /// Notes that a replica is alive, and returns how many there are with it. One that notes nothing for 30 seconds counts
    /// no longer.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn replica_alive(&self, replica: Uuid) -> Result<u64> {
        let client = self.meta.client().await?;
        rows::alive(&client, replica).await
    }

    /// Notes that a replica ends.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn replica_leaves(&self, replica: Uuid) -> Result<()> {
        let client = self.meta.client().await?;
        rows::leave(&client, replica).await
    }

    /// Adds calls that were counted, at most a thousand days at once, and returns how many calls each of those tenants
    /// made in its month, on all replicas.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn add_calls(&self, calls: &[DayOfCalls]) -> Result<Vec<(Uuid, u64)>> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.meta.client().await?;
        rows::add(&client, calls).await
    }
}
