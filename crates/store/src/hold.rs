//! Legal holds: as long as one lasts, what is held neither expires nor can be deleted, and keeps its bytes.

use crate::{
    error::{Error, Result},
    id::ArtifactId,
    meta::{error::from_pg, holds as rows, selection, sessions},
    session::{Session, session_id},
    store::Store,
    tenant::Tenant,
};

/// What setting holds did.
#[derive(Debug, Clone)]
pub struct HoldsSet {
    /// How many artifacts were changed; those that were so already do not count.
    pub changed: u64,
    /// Those that are not visible.
    pub missing: Vec<ArtifactId>,
}

impl Store {
    /// Holds visible artifacts, or lets them go; one that is held with its session stays so.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn set_legal_hold(
        &self,
        tenant: &Tenant,
        ids: &[ArtifactId],
        hold: bool,
    ) -> Result<HoldsSet> {
        let client = self.meta.client().await?;
        let missing = selection::not_visible(&client, tenant.id, ids).await?;
        let changed = rows::set(&client, tenant.id, ids, hold).await?;
        Ok(HoldsSet { changed, missing })
    }

    /// Holds a session, with every artifact that is in it or comes into it, or lets it go. Deleted artifacts of a held
    /// session keep their bytes.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `Unavailable`; repeating it is harmless.
    pub async fn set_session_legal_hold(
        &self,
        tenant: &Tenant,
        session: &str,
        hold: bool,
    ) -> Result<Session> {
        let session = session_id(session)?;
        let mut client = self.meta.client().await?;
        let tx = client.transaction().await.map_err(from_pg)?;
        if !rows::set_of_session(&tx, tenant.id, session.as_str(), hold).await? {
            return Err(Error::SessionNotFound(session.as_str().to_owned()));
        }
        tx.commit().await.map_err(from_pg)?;
        sessions::get(&client, tenant.id, session.as_str()).await
    }
}
