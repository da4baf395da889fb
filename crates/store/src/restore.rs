//! Taking deletions back.

use crate::{error::Result, id::ArtifactId, meta::restore as rows, store::Store, tenant::Tenant};

/// What restoring did.
#[derive(Debug, Clone)]
pub struct Restored {
    /// How many are visible again.
    pub restored: u64,
    /// Those that cannot be: they were not deleted, have expired, let go of their bytes, or were deleted before their
    /// session was sealed.
    pub not_restored: Vec<ArtifactId>,
}

impl Store {
    /// Makes deleted artifacts visible again, all that can be, in one transaction: as long as the delete window is open,
    /// their bytes are there.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn restore_artifacts(&self, tenant: &Tenant, ids: &[ArtifactId]) -> Result<Restored> {
        let client = self.meta.client().await?;
        let restored = rows::restore(&client, tenant.id, ids).await?;
        let not_restored = ids.iter().filter(|id| !restored.contains(id)).cloned();
        Ok(Restored {
            not_restored: not_restored.collect(),
            restored: restored.len() as u64,
        })
    }
}
