//! The manifest of a sealed session, and its digest, which anyone can recompute.

use crate::{
    meta::{manifests as rows, sessions},
    model::{
        error::{Error, Result},
        manifest::ManifestEntry,
        page::{Page, PageSize},
        session::session_id,
        tenant::Caller,
    },
    store::Store,
};

impl Store {
    /// Lists what a sealed session held when it was sealed, in the order of the ids, including artifacts that are gone
    /// since.
    ///
    /// # Errors
    /// `SessionNotFound`, `SessionNotSealed`; `Invalid` for a token of another list; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_manifest(
        &self,
        caller: &Caller,
        session: &str,
        size: PageSize,
        token: &str,
    ) -> Result<Page<ManifestEntry>> {
        let session = session_id(session)?;
        caller.reach().has_session(session.as_str())?;
        let listing = self
            .listing(&("manifest", caller.tenant.id, &session))
            .await?;
        let after: Option<String> = listing.position(token)?;
        let client = self.meta.client().await?;
        if !sessions::is_sealed(&client, caller.tenant.id, session.as_str()).await? {
            return Err(Error::SessionNotSealed(session.as_str().to_owned()));
        }
        let after = after.unwrap_or_default();
        let entries = rows::page(
            &client,
            caller.tenant.id,
            session.as_str(),
            &after,
            size.rows(),
        )
        .await?;
        let rows = entries.into_iter().map(|entry| {
            let id = entry.artifact_id.clone();
            (Some(entry), id)
        });
        Ok(listing.page(rows.collect(), size, ManifestEntry::weight))
    }
}
