//! The blob store's side of an open upload.

use super::known::ENDED;
use crate::{
    blob::{Blobs, Multipart, unavailable},
    meta::uploads as rows,
    model::{error::Result, id::ObjectId, tenant::Caller},
    store::Store,
};

impl Store {
    /// The multipart upload to an object's key, which is begun if there is none. If two calls begin one, the one that was
    /// recorded counts.
    pub(super) async fn multipart_of(
        &self,
        caller: &Caller,
        object: ObjectId,
        known: Option<String>,
    ) -> Result<Multipart> {
        let tenant = caller.tenant.id;
        let key = Blobs::key(tenant, object);
        if let Some(id) = known {
            return Ok(Multipart::numbered(key, id));
        }
        let begun = self.blobs.begin(key, 0).await;
        let begun = begun.map_err(unavailable)?;
        let client = self.meta.client().await?;
        let recorded = rows::record_multipart(&client, tenant, object, &begun.id).await?;
        drop(client);
        if recorded.as_ref() != Some(&begun.id) {
            let aborted = self.blobs.abort_one(&begun).await;
            aborted.map_err(unavailable)?;
        }
        Ok(Multipart::numbered(begun.key, recorded.ok_or(ENDED)?))
    }
}
