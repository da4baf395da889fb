//! Uploads whose content comes later and from elsewhere: a caller reserves an artifact, and a program with the signed URL
//! sends its bytes.
//!
//! A reservation is the stored result of an idempotency key that no caller can choose. It ends with that key, and holds
//! nothing: no version, no quota, no object.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Upload, asked::Asked};
use crate::{
    meta::idempotency as keys,
    model::{
        artifact::Artifact,
        audit::Deed,
        error::{Error, Result},
        id::ArtifactId,
        idempotency::{Claim, Fingerprint, IdempotencyKey},
        reference::{ArtifactRef, artifact_id},
        spec::{ArtifactSpec, RawSpec},
        tenant::Caller,
    },
    store::{
        Store,
        idempotent::{IdempotentWrite, earlier_call, recorded},
    },
};

/// The stored result of a reservation's key.
#[derive(Serialize, Deserialize)]
struct Reservation {
    spec: RawSpec,
}

fn reservation(id: &ArtifactId) -> IdempotencyKey {
    IdempotencyKey::internal("reserved", id.as_str())
}

impl Store {
    /// Reserves the id of an artifact that is to be made of this spec, for as long as an idempotency key is remembered.
    /// What the commit would refuse as things are now is refused already.
    ///
    /// # Errors
    /// `Invalid`, what `begin_upload` returns, what a key returns.
    #[tracing::instrument(skip_all)]
    pub async fn reserve_upload(&self, caller: &Caller, mut spec: RawSpec) -> Result<ArtifactId> {
        let asked = Asked::new(caller, &mut spec, "idempotency_key", "reserved")?;
        if let Some(earlier) = asked.earlier(self, caller).await? {
            return artifact_id(recorded(&earlier, "artifact_id")?);
        }
        let (reach, tenant) = (caller.reach(), &caller.tenant);
        let Asked {
            key,
            spec: checked,
            request,
        } = asked;
        let mut upload = Upload::new(self.clone(), caller, checked)?;
        upload.check_inputs().await?;
        upload.check_early().await?;
        let client = self.meta.client().await?;
        let once = IdempotentWrite::begin(self, &client, reach, key.as_ref(), request);
        let once = match once.await? {
            Ok(once) => once,
            Err(earlier) => return artifact_id(recorded(&earlier, "artifact_id")?),
        };
        let id = ArtifactId::fresh();
        let claim = Claim {
            key: reservation(&id),
            request: Fingerprint::of("ReserveUpload"),
            owner: Uuid::now_v7(),
            window: self.times.idempotency_window,
        };
        keys::claim(&once.tx, tenant.id, &claim).await?;
        let kept =
            serde_json::to_value(Reservation { spec }).map_err(|e| Error::Internal(e.into()))?;
        keys::finish(&once.tx, tenant.id, &claim, &kept).await?;
        once.commit(
            Deed::done(caller, "ReserveUpload", id.as_str()),
            json!({"artifact_id": id.as_str()}),
        )
        .await?;
        Ok(id)
    }

    /// Begins to store the content of a reserved artifact. A content that was stored already is compared, and never
    /// replaced.
    ///
    /// # Errors
    /// `UploadNotFound`; what `begin_upload` returns.
    #[tracing::instrument(skip_all)]
    pub async fn begin_reserved_upload(&self, caller: &Caller, id: &str) -> Result<Upload> {
        let spec = self.reserved(caller, id).await?;
        let spec = spec.ok_or_else(|| Error::UploadNotFound(id.to_owned()))?;
        self.begin_upload(caller, spec).await
    }

    /// Returns the artifact of a reservation once its content is stored, or of a presigned upload once its only part is,
    /// which makes it the artifact.
    ///
    /// # Errors
    /// `UploadNotFound` while it is not; `ArtifactNotFound` when nothing was reserved either; what `get_artifact` and
    /// `finish_upload` return.
    #[tracing::instrument(skip_all)]
    pub async fn complete_upload(&self, caller: &Caller, id: &str) -> Result<Artifact> {
        let wanted = artifact_id(id)?;
        match self
            .get_artifact(caller, &ArtifactRef::Id(wanted.clone()))
            .await
        {
            Err(Error::ArtifactNotFound(missing)) => {
                match self.finish_upload_of(caller, &wanted).await {
                    Ok(Some(created)) => Ok(created.artifact),
                    Ok(None) if self.reserved(caller, id).await?.is_none() => {
                        Err(Error::ArtifactNotFound(missing))
                    }
                    Ok(None) | Err(Error::UploadPartsMissing { .. } | Error::UploadExpired(_)) => {
                        Err(Error::UploadNotFound(missing))
                    }
                    Err(e) => Err(e),
                }
            }
            answer => answer,
        }
    }

    /// What was reserved under an id, if it is within the caller's reach.
    async fn reserved(&self, caller: &Caller, id: &str) -> Result<Option<ArtifactSpec>> {
        let id = artifact_id(id)?;
        let Some(earlier) = earlier_call(self, caller.tenant.id, &reservation(&id)).await? else {
            return Ok(None);
        };
        let kept: Reservation =
            serde_json::from_value(earlier.result).map_err(|e| Error::Internal(e.into()))?;
        let mut spec = ArtifactSpec::new(kept.spec)?;
        if caller.reach().may_create(&spec).is_err() {
            return Ok(None);
        }
        // The same bytes sent again have the same answer, and others are refused.
        spec.idempotency_key = Some(IdempotencyKey::internal("content of", id.as_str()));
        spec.id = Some(id);
        Ok(Some(spec))
    }
}
