//! A tenant's own administration of its API keys.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    meta::{api_keys as rows, audit},
    model::{
        access::{Grant, Scope},
        api_key::{ApiKey, ApiKeySecret, NewApiKey},
        audit::Deed,
        error::{Error, Result},
        tenant::{Caller, Credential},
        validate::excerpt,
    },
    store::Store,
};

/// How long a key works on that is replaced, when nothing is said, and at the most.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);
const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 24 * 3600);

impl Store {
    /// Makes an API key for the caller's tenant, which allows no more than the caller may do.
    ///
    /// # Errors
    /// `ScopeMissing` for a scope that the caller has not, or without the scope to administrate; `Invalid` for an expiry
    /// that is later than the caller's; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn create_key(
        &self,
        caller: &Caller,
        new: &NewApiKey,
    ) -> Result<(ApiKey, ApiKeySecret)> {
        caller.require(Scope::Admin)?;
        let wanted = new.grant.scopes();
        wanted.iter().try_for_each(|scope| caller.require(scope))?;
        // A workload gets a fresh token whenever it needs one, so the end of its present one bounds no key.
        let end = match &caller.credential {
            Credential::ApiKey(_) => caller.grant.not_after(),
            Credential::Workload(_) => None,
        };
        if let Some(end) = end {
            let ends = |time| Timestamp::now().checked_add(time).ok();
            let in_time = new.expires_in.and_then(ends).is_some_and(|it| it <= end);
            if !in_time {
                let rule =
                    format!("must be given, and end by {end}, when the caller's own key does");
                return Err(Error::invalid("expires_in", rule));
            }
        }
        let secret = ApiKeySecret::fresh();
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        let key = rows::add(&tx, &caller.tenant.name, &secret, new).await?;
        let deed = Deed::done(caller, "CreateKey", &format!("key {}", key.id));
        audit::add(&tx, &[deed]).await?;
        tx.commit().await?;
        Ok((key, secret))
    }

    /// Lists the API keys of the caller's tenant, newest first, at most 200.
    ///
    /// # Errors
    /// `ScopeMissing`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_keys(&self, caller: &Caller) -> Result<Vec<ApiKey>> {
        caller.require(Scope::Admin)?;
        self.list_api_keys(&caller.tenant.name).await
    }

    /// Makes a key like another one, which works on for the overlap; a day when none is given. Returns the new key, its
    /// secret and the old key.
    ///
    /// # Errors
    /// `ScopeMissing` as `create_key`; `Invalid` for an overlap of more than 30 days; `KeyNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn rotate_key(
        &self,
        caller: &Caller,
        id: &str,
        overlap: Option<Duration>,
    ) -> Result<(ApiKey, ApiKeySecret, ApiKey)> {
        caller.require(Scope::Admin)?;
        let overlap = overlap.unwrap_or(OVERLAP);
        if overlap > LONGEST_OVERLAP {
            return Err(Error::invalid("overlap", "must be at most 30 days"));
        }
        let missing = || Error::KeyNotFound(excerpt(id));
        let uuid: Uuid = id.parse().map_err(|_| missing())?;
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        let old = rows::lock_working(&tx, caller.tenant.id, uuid).await?;
        let old = old.ok_or_else(missing)?;
        let scopes = old.grant.scopes();
        scopes.iter().try_for_each(|scope| caller.require(scope))?;
        let left = |end: Timestamp| Duration::try_from(end.duration_since(Timestamp::now()));
        let new = NewApiKey {
            name: old.name.clone(),
            grant: Grant::new(scopes, old.grant.narrowing().clone(), None),
            // Over by this clock and not by the database's: at once, and not never.
            expires_in: old
                .grant
                .not_after()
                .map(|end| left(end).unwrap_or_default()),
            limits: old.limits.clone(),
        };
        let secret = ApiKeySecret::fresh();
        let key = rows::add(&tx, &caller.tenant.name, &secret, &new).await?;
        let old = rows::end_in(&tx, caller.tenant.id, uuid, overlap).await?;
        let deed = Deed::done(caller, "RotateKey", &format!("key {uuid}"));
        audit::add(&tx, &[deed]).await?;
        tx.commit().await?;
        Ok((key, secret, old.ok_or_else(missing)?))
    }

    /// Revokes an API key of the caller's tenant, and returns it: it answers `Unauthenticated`, everywhere after
    /// `credential_trust`.
    ///
    /// # Errors
    /// `ScopeMissing`, `KeyNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn revoke_key(&self, caller: &Caller, id: &str) -> Result<ApiKey> {
        caller.require(Scope::Admin)?;
        let missing = || Error::KeyNotFound(excerpt(id));
        let uuid: Uuid = id.parse().map_err(|_| missing())?;
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        let revoked = rows::revoke_of(&tx, caller.tenant.id, uuid).await?;
        let revoked = revoked.ok_or_else(missing)?;
        let deed = Deed::done(caller, "RevokeKey", &format!("key {uuid}"));
        audit::add(&tx, &[deed]).await?;
        tx.commit().await?;
        Ok(revoked)
    }
}
