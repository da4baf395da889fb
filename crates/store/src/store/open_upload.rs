//! Uploads that outlive the process that receives them.
//!
//! A row keeps what is needed to continue: the recorded parts, the state of the hash, and the bytes after the last part.
//! One call at a time has the upload, by a fence that each later call raises. Whether an upload is open is what its
//! object says, so that the commit, which settles the object, also ends the upload.

use serde_json::json;

use crate::{
    meta::{
        objects, quotas,
        uploads::{self as rows, NewUpload},
    },
    model::{
        audit::Deed,
        error::{Error, Result},
        id::{ArtifactId, ObjectId, UploadId},
        open_upload::{OpenUpload, upload_id},
        page::{Page, PageSize},
        spec::{ArtifactSpec, RawSpec},
        tenant::Caller,
    },
    store::{
        Store,
        idempotent::{IdempotentWrite, recorded},
        upload::{Asked, Upload},
    },
};

mod finish;
mod known;
mod writer;

pub use finish::Finish;
use known::{known, shown};
pub use writer::UploadWriter;

/// How many uploads a tenant may have open.
const MOST_OPEN: i64 = 1000;

impl Store {
    /// Opens an upload. What the commit would refuse as things are now is refused already. If the content is declared and
    /// a visible artifact has it, the upload is finished at once.
    ///
    /// # Errors
    /// `Invalid`, what `begin_upload` returns, what a key returns; `RateLimited` for too many open uploads.
    #[tracing::instrument(skip_all)]
    pub async fn start_upload(&self, caller: &Caller, mut spec: RawSpec) -> Result<OpenUpload> {
        let asked = Asked::new(caller, &mut spec, "spec.idempotency_key", "resumable")?;
        if let Some(earlier) = asked.earlier(self, caller).await? {
            return self
                .get_upload(caller, recorded(&earlier, "upload_id")?)
                .await;
        }
        let (reach, tenant) = (caller.reach(), &caller.tenant);
        let Asked {
            key,
            spec: checked,
            request,
        } = asked;
        let (id, artifact) = (UploadId::fresh(), ArtifactId::fresh());
        let object = ObjectId::fresh();
        let declared = checked.declared_size;
        let checked = ArtifactSpec {
            id: Some(artifact.clone()),
            ..checked
        };
        let mut upload = Upload::new(self.clone(), caller, checked)?;
        upload.check_inputs().await?;
        upload.check_early().await?;
        let client = self.meta.client().await?;
        let once = IdempotentWrite::begin(self, &client, reach, key.as_ref(), request);
        let once = match once.await? {
            Ok(once) => once,
            Err(earlier) => {
                let id = upload_id(recorded(&earlier, "upload_id")?)?;
                return known(&client, caller, &id)
                    .await
                    .map(|(row, _)| shown(&row));
            }
        };
        if let Some(quota) = quotas::enter(&once.tx, tenant.id).await? {
            quota.admit(1, declared.unwrap_or(0))?;
        }
        let new = NewUpload {
            id: &id,
            object,
            artifact: &artifact,
            spec: &spec,
            declared,
            window: self.times.upload_window,
        };
        if !rows::insert(&once.tx, tenant.id, new, MOST_OPEN).await? {
            return Err(Error::RateLimited("open uploads of one tenant"));
        }
        let deed = Deed::done(caller, "StartUpload", &format!("upload {}", id.as_str()));
        once.commit(deed, json!({"upload_id": id.as_str()})).await?;
        drop(client);
        upload.adopt(object, Some(declared.unwrap_or(0)));
        if upload.finish_early().await?.is_some() {
            let client = self.meta.client().await?;
            objects::abandon(&client, tenant.id, object, self.times.grace).await?;
        }
        self.get_upload(caller, id.as_str()).await
    }

    /// Returns an upload in any state.
    ///
    /// # Errors
    /// `OpenUploadNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_upload(&self, caller: &Caller, id: &str) -> Result<OpenUpload> {
        let (row, _) = self.known_upload(caller, id).await?;
        Ok(shown(&row))
    }

    /// Lists the open uploads within reach, newest first.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_uploads(
        &self,
        caller: &Caller,
        size: PageSize,
        token: &str,
    ) -> Result<Page<OpenUpload>> {
        let listing = self.listing(&("uploads", caller.tenant.id)).await?;
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = rows::list(&client, caller.tenant.id, after.as_ref(), size).await?;
        let rows = rows.into_iter().map(|(row, position)| {
            let within = row.filter(|row| {
                let spec = ArtifactSpec::new(row.spec.clone());
                spec.is_ok_and(|spec| caller.reach().may_create(&spec).is_ok())
            });
            (within.as_ref().map(shown), position)
        });
        Ok(listing.page(rows.collect(), size, |_| OpenUpload::WEIGHT))
    }

    /// Ends an upload without an artifact; its bytes are reclaimed after the grace.
    ///
    /// # Errors
    /// `OpenUploadNotFound` for a finished one too; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn abort_upload(&self, caller: &Caller, id: &str) -> Result<OpenUpload> {
        let (row, _) = self.known_upload(caller, id).await?;
        let client = self.meta.client().await?;
        objects::abandon(&client, caller.tenant.id, row.object, self.times.grace).await?;
        drop(client);
        let (row, _) = self.known_upload(caller, id).await?;
        match row.stored {
            true => Err(Error::OpenUploadNotFound(id.to_owned())),
            false => Ok(shown(&row)),
        }
    }
}
