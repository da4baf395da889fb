//! Taking deletions back.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    error::{Error, Result},
    id::ArtifactId,
    idempotency::{Fingerprint, IdempotencyKey, Once},
    meta::{quotas, restore as rows, sessions},
    store::Store,
    tenant::Tenant,
};

/// What restoring did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Restored {
    /// How many are visible again.
    pub restored: u64,
    /// Those that cannot be: they were not deleted, have expired, let go of their bytes, or were deleted before their
    /// session was sealed.
    pub not_restored: Vec<String>,
}

impl Store {
    /// Makes deleted artifacts visible again, all that can be, in one transaction: as long as the delete window is open,
    /// their bytes are there.
    ///
    /// # Errors
    /// `QuotaExceeded`, and then none is restored; what a key answers; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn restore_artifacts(
        &self,
        tenant: &Tenant,
        ids: &[ArtifactId],
        key: Option<&IdempotencyKey>,
    ) -> Result<Restored> {
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("RestoreArtifacts").with_set("artifact_ids", ids);
        let once = match Once::begin(self, &client, tenant.id, key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return serde_json::from_value(earlier).map_err(|e| Error::Internal(e.into()));
            }
        };
        sessions::enter_those_of(&once.tx, tenant.id, ids).await?;
        let standing = quotas::enter(&once.tx, tenant.id).await?;
        let (restored, bytes) = rows::restore(&once.tx, tenant.id, ids).await?;
        if let Some(standing) = standing {
            standing.admit(restored.len() as u64, bytes)?;
        }
        let known: HashSet<_> = restored.iter().collect();
        let not_restored = ids.iter().filter(|id| !known.contains(id));
        let result = Restored {
            not_restored: not_restored.map(ToString::to_string).collect(),
            restored: restored.len() as u64,
        };
        once.commit(json!(result)).await?;
        Ok(result)
    }
}
