//! Deleting artifacts.

pub use crate::meta::artifacts::Deleted;
use crate::{
    error::{Error, Result},
    meta::artifacts as rows,
    reference::ArtifactRef,
    store::Store,
    tenant::Tenant,
};

impl Store {
    /// Deletes a visible artifact: it is gone from every read at once, and lets go of its bytes after the delete window.
    ///
    /// # Errors
    /// `ArtifactNotFound`, `ArtifactExpired`, `ArtifactDeleted`, `Unavailable`.
    pub async fn delete_artifact(&self, tenant: &Tenant, wanted: &ArtifactRef) -> Result<Deleted> {
        let client = self.meta.client().await?;
        let id = rows::resolve(&client, tenant.id, wanted).await?;
        let window = self.times.delete_window;
        if let Some(deleted) = rows::delete(&client, tenant.id, &id, window).await? {
            return Ok(deleted);
        }
        rows::get(&client, tenant.id, &id).await?;
        Err(Error::internal("a visible artifact was not deleted"))
    }
}
