//! The idempotency key of an upload: its claim, and the answer of the call that used it before.

use serde::Deserialize;

use super::Upload;
use crate::{
    meta::artifacts,
    metrics,
    model::{
        artifact::{Created, Origin},
        error::{Error, Result},
        idempotency::{Claim, Earlier, Fingerprint, IdempotencyKey},
        spec::RawSpec,
        tenant::Tenant,
    },
    store::{
        Store,
        idempotent::{ClaimGuard, earlier_call},
    },
};

/// The stored result of a key whose write was an upload.
#[derive(Deserialize)]
struct Answer {
    artifact_id: String,
    origin: Origin,
}

impl Upload {
    /// The claim of the caller's key, if there is one.
    pub(super) fn claim(&self) -> Option<Claim> {
        self.spec.idempotency_key.as_ref().map(|key| Claim {
            key: key.clone(),
            request: self.spec.fingerprint(),
            owner: self.object.0,
            window: self.store.times.idempotency_window,
        })
    }

    /// Claims the caller's key, or finds its stored result. The requests are compared now, unless more of this one's spec
    /// follows.
    pub(super) async fn claim_key(&mut self) -> Result<()> {
        let Some(claim) = self.claim() else {
            return Ok(());
        };
        match ClaimGuard::take(&self.store, self.tenant.id, claim.clone()).await? {
            Ok(holding) => self.holding = Some(holding),
            Err(earlier) => {
                if self.late.is_none() {
                    earlier.check(&claim.key, &claim.request)?;
                }
                self.earlier = Some(earlier);
            }
        }
        Ok(())
    }

    pub(super) async fn answer_again(&self, claim: &Claim, earlier: &Earlier) -> Result<Created> {
        earlier.check(&claim.key, &claim.request)?;
        self.store.repeat(&self.tenant, earlier).await
    }
}

impl Store {
    /// The answer of an earlier call under the spec's key, if any.
    pub(crate) async fn answer_before(
        &self,
        tenant: &Tenant,
        spec: &RawSpec,
        asked: &Fingerprint,
    ) -> Result<Option<Created>> {
        let key = IdempotencyKey::optional(spec.idempotency_key.clone())
            .map_err(|rule| Error::invalid("spec.idempotency_key", rule))?;
        let Some(key) = key else { return Ok(None) };
        let Some(earlier) = earlier_call(self, tenant.id, &key).await? else {
            return Ok(None);
        };
        earlier.check(&key, asked)?;
        self.repeat(tenant, &earlier).await.map(Some)
    }

    /// Returns the answer of an earlier call, with the artifact as it is now.
    async fn repeat(&self, tenant: &Tenant, earlier: &Earlier) -> Result<Created> {
        let answer: Answer = serde_json::from_value(earlier.result.clone())
            .map_err(|e| Error::Internal(e.into()))?;
        let client = self.meta.client().await?;
        let (artifact, state) = artifacts::get_any(&client, tenant.id, &answer.artifact_id).await?;
        metrics::uploaded("replayed", artifact.size_bytes, None);
        Ok(Created {
            artifact,
            origin: answer.origin,
            state,
        })
    }
}
