//! An artifact that is asked for before its content comes.

use serde_json::Value;

use crate::{
    model::{
        error::{Error, Result},
        idempotency::{Fingerprint, IdempotencyKey},
        spec::{ArtifactSpec, RawSpec},
        tenant::Caller,
    },
    store::{Store, idempotent::earlier_call},
};

/// What was asked for, checked as far as it can be without the content.
pub(in crate::store) struct Asked {
    pub(in crate::store) key: Option<IdempotencyKey>,
    pub(in crate::store) spec: ArtifactSpec,
    pub(in crate::store) request: Fingerprint,
}

impl Asked {
    /// Takes the key out of a spec, which `field` has, and checks the rest. `way` tells its fingerprint from those of
    /// other calls.
    ///
    /// # Errors
    /// `Invalid`, `OutOfReach`.
    pub(in crate::store) fn new(
        caller: &Caller,
        raw: &mut RawSpec,
        field: &'static str,
        way: &'static str,
    ) -> Result<Self> {
        let key = IdempotencyKey::optional(std::mem::take(&mut raw.idempotency_key))
            .map_err(|rule| Error::invalid(field, rule))?;
        let spec = ArtifactSpec::new(raw.clone())?;
        let reach = caller.reach();
        reach.may_create(&spec)?;
        let request = spec.fingerprint().with(way, &true);
        Ok(Self {
            request: request.with("narrowing", reach.narrowing),
            key,
            spec,
        })
    }

    /// The result of an earlier call under the same key.
    ///
    /// # Errors
    /// What a key returns; `Unavailable`.
    pub(in crate::store) async fn earlier(
        &self,
        store: &Store,
        caller: &Caller,
    ) -> Result<Option<Value>> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let earlier = earlier_call(store, caller.tenant.id, key).await?;
        earlier
            .map(|earlier| {
                earlier.check(key, &self.request)?;
                Ok(earlier.result)
            })
            .transpose()
    }
}
