//! Deleting artifacts.

use serde_json::json;

pub use crate::meta::artifacts::Deleted;

use crate::{
    error::{Error, Result},
    idempotency::{Fingerprint, IdempotencyKey, Once},
    meta::artifacts as rows,
    reference::ArtifactRef,
    store::Store,
    tenant::Tenant,
};

impl Store {
    /// Deletes a visible artifact: it is gone from every read at once, and lets go of its bytes after the delete window.
    ///
    /// # Errors
    /// `ArtifactNotFound`, `ArtifactExpired`, `ArtifactDeleted`, what a key answers, `Unavailable`.
    pub async fn delete_artifact(
        &self,
        tenant: &Tenant,
        wanted: &ArtifactRef,
        key: Option<&IdempotencyKey>,
    ) -> Result<Deleted> {
        let mut client = self.meta.client().await?;
        let asked = Fingerprint::of("DeleteArtifact").with("artifact", wanted);
        let once = match Once::begin(self, &mut client, tenant.id, key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return serde_json::from_value(earlier).map_err(|e| Error::Internal(e.into()));
            }
        };
        let id = rows::resolve(&once.tx, tenant.id, wanted).await?;
        let window = self.times.delete_window;
        if let Some(deleted) = rows::delete(&once.tx, tenant.id, &id, window).await? {
            once.commit(json!(deleted)).await?;
            return Ok(deleted);
        }
        rows::get(&once.tx, tenant.id, &id).await?;
        Err(Error::internal("a visible artifact was not deleted"))
    }
}
