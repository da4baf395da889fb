//! Uploads that outlive the process that receives them.
//!
//! A row keeps what is needed to continue: the recorded parts, the state of the hash, and the bytes after the last part.
//! One call at a time has the upload, by a fence that each later call raises. Whether an upload is open is what its
//! object says, so that the commit, which settles the object, also ends the upload.

use std::time::Duration;

use serde_json::json;

use crate::{
    meta::{
        audit, objects, quotas, tenants,
        uploads::{self as rows, NewUpload, UploadRow},
    },
    model::{
        access::Scope,
        artifact::Created,
        audit::Deed,
        error::{Error, Result},
        id::{ArtifactId, ObjectId, UploadId},
        limit::{CountReached, LimitKind},
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

mod assemble;
mod finish;
mod known;
mod multipart;
mod presign;
mod writer;

pub use finish::Finish;
use known::{known, shown, within};
pub use presign::{PartsWanted, PresignedPart, PresignedParts};
pub use writer::UploadWriter;

/// How many uploads a tenant may have open whose plan does not say.
const MOST_OPEN: i64 = 1000;

impl Store {
    /// Opens an upload. What the commit would refuse as things are now is refused already. If the content is declared and
    /// a visible artifact has it, the upload is finished at once.
    ///
    /// # Errors
    /// `Invalid`, what `begin_upload` returns, what a key returns; `CountReached` for more open uploads than the tenant may
    /// have, `RateLimited` for more than any tenant may have whose plan does not say.
    #[tracing::instrument(skip_all)]
    pub async fn start_upload(&self, caller: &Caller, spec: RawSpec) -> Result<OpenUpload> {
        let window = self.times.upload_window;
        let row = self.open_upload(caller, spec, window).await?;
        Ok(shown(&row))
    }

    /// Opens an upload that ends after this time if nothing arrives.
    async fn open_upload(
        &self,
        caller: &Caller,
        mut spec: RawSpec,
        window: Duration,
    ) -> Result<UploadRow> {
        let asked = Asked::new(caller, &mut spec, "spec.idempotency_key", "resumable")?;
        if let Some(earlier) = asked.earlier(self, caller).await? {
            let id = recorded(&earlier, "upload_id")?;
            let (row, _) = self.known_upload(caller, id).await?;
            return Ok(row);
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
                return known(&client, caller, &id).await.map(|(row, _)| row);
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
            window,
        };
        let kind = LimitKind::OpenUploads;
        let limit = tenant.limits.get(kind);
        if limit.is_some() {
            tenants::lock(&once.tx, tenant.id).await?;
        }
        let most = limit.map_or(MOST_OPEN, |max| i64::try_from(max).unwrap_or(i64::MAX));
        if !rows::insert(&once.tx, tenant.id, new, most).await? {
            return Err(match limit {
                Some(max) => CountReached { kind, max }.into(),
                None => Error::RateLimited("open uploads of one tenant"),
            });
        }
        let deed = Deed::done(caller, "StartUpload", &format!("upload {}", id.as_str()));
        once.commit(deed, json!({"upload_id": id.as_str()})).await?;
        drop(client);
        upload.adopt(&id, object, Some(declared.unwrap_or(0)));
        if upload.finish_early().await?.is_some() {
            let client = self.meta.client().await?;
            objects::abandon(&client, tenant.id, object, self.times.grace).await?;
        }
        let (row, _) = self.known_upload(caller, id.as_str()).await?;
        Ok(row)
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

    /// Finishes the upload that is to become this artifact, if there is one within reach.
    ///
    /// # Errors
    /// What `finish_upload` returns; `ScopeMissing` for a caller that may not write.
    pub(in crate::store) async fn finish_upload_of(
        &self,
        caller: &Caller,
        artifact: &ArtifactId,
    ) -> Result<Option<Created>> {
        let client = self.meta.client().await?;
        let row = rows::of_artifact(&client, caller.tenant.id, artifact).await?;
        drop(client);
        let Some((row, _)) = row.map(|row| within(caller, row)).transpose()?.flatten() else {
            return Ok(None);
        };
        caller.require(Scope::Write)?;
        let finished = self.finish_known(caller, row, Finish::default()).await;
        finished.map(Some)
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
        let tx = client.transaction().await?;
        if objects::abandon(&tx, caller.tenant.id, row.object, self.times.grace).await? {
            let resource = format!("upload {}", row.id.as_str());
            audit::add(&tx, &[Deed::done(caller, "AbortUpload", &resource)]).await?;
        }
        tx.commit().await?;
        drop(client);
        let (row, _) = self.known_upload(caller, id).await?;
        match row.made.is_some() {
            true => Err(Error::OpenUploadNotFound(id.to_owned())),
            false => Ok(shown(&row)),
        }
    }
}
