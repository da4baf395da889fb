use std::time::Instant;

use super::parts::Parts;
use crate::{
    blob::{Blobs, Pieces, unavailable},
    meta::objects as rows,
    model::{
        error::{Error, Result},
        id::{ObjectId, TenantId},
    },
    store::Store,
};

/// The staging row of an upload: the intent to write bytes, and the lease under which they are written.
///
/// Dropped before `committed`, it gives the row up, so that the bytes of an interrupted upload are reclaimed after the
/// grace and not only after the lease. Giving up a row that was committed after all changes nothing.
pub(super) struct Staging {
    store: Store,
    tenant: TenantId,
    object: ObjectId,
    renewed: Instant,
    committed: bool,
}

const EXPIRED: Error = Error::UploadExpired("it outlived its lease");

impl Staging {
    pub(super) async fn begin(store: &Store, tenant: TenantId, object: ObjectId) -> Result<Self> {
        let client = store.meta.client().await?;
        rows::insert_staging(&client, tenant, object, store.times.lease).await?;
        Ok(Self {
            store: store.clone(),
            tenant,
            object,
            renewed: Instant::now(),
            committed: false,
        })
    }

    /// Renews the lease once a third of it has passed.
    pub(super) async fn keep_alive(&mut self) -> Result<()> {
        let lease = self.store.times.lease;
        if self.renewed.elapsed() < lease / 3 {
            return Ok(());
        }
        let client = self.store.meta.client().await?;
        if !rows::renew(&client, self.tenant, self.object, lease).await? {
            return Err(EXPIRED);
        }
        self.renewed = Instant::now();
        Ok(())
    }

    /// Stores the whole content in one request.
    pub(super) async fn put(&mut self, content: Pieces) -> Result<()> {
        self.keep_alive().await?;
        let key = Blobs::key(self.tenant, self.object);
        let put = self.store.blobs.put(&key, content).await;
        put.map_err(unavailable)
    }

    /// Begins to store the content in parts.
    pub(super) async fn begin_parts(&self, part_size: usize) -> Result<Parts> {
        let key = Blobs::key(self.tenant, self.object);
        let begun = self.store.blobs.begin(key, part_size).await;
        let upload = begun.map_err(unavailable)?;
        let client = self.store.meta.client().await?;
        if !rows::record_multipart(&client, self.tenant, self.object, &upload.id).await? {
            drop(client);
            // The collector may already have processed the row, and will not do so again.
            let aborted = self.store.blobs.abort(&upload.key, Some(&upload.id)).await;
            aborted.map_err(unavailable)?;
            return Err(EXPIRED);
        }
        Ok(Parts::new(self.store.blobs.clone(), upload))
    }

    pub(super) fn committed(mut self) {
        self.committed = true;
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        let (store, tenant, object) = (self.store.clone(), self.tenant, self.object);
        let give_up = async move {
            let client = store.meta.client().await?;
            rows::abandon(&client, tenant, object, store.times.grace).await
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(e) = give_up.await {
                    tracing::debug!(error = %e, "an upload was not given up; its lease will end it");
                }
            });
        }
    }
}
