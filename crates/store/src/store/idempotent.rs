//! Writes under an idempotency key: the claim of a key, and the transaction that records the write's result.

use std::time::Instant;

use serde_json::Value;
use tokio::join;
use uuid::Uuid;

use crate::{
    meta::{
        audit,
        connection::{Connection, Transaction},
        idempotency as rows,
    },
    model::{
        access::Reach,
        audit::Deed,
        error::{Error, Result},
        id::TenantId,
        idempotency::{Claim, Earlier, Fingerprint, IdempotencyKey, LEASE},
    },
    store::Store,
};

/// A key that a running attempt has claimed. Dropped before it is done, it releases the key, so that a retry need not
/// wait for the lease to expire; a key that was done after all stays.
pub(crate) struct ClaimGuard {
    store: Store,
    tenant: TenantId,
    claim: Claim,
    renewed: Instant,
    done: bool,
}

impl ClaimGuard {
    /// Claims a key, or returns the stored result.
    ///
    /// # Errors
    /// `IdempotencyInProgress`, `Unavailable`.
    pub(crate) async fn take(
        store: &Store,
        tenant: TenantId,
        claim: Claim,
    ) -> Result<Result<Self, Earlier>> {
        let client = store.meta.client().await?;
        let held = rows::claim(&client, tenant, &claim).await?;
        if let Some(earlier) = claim.against(held)? {
            return Ok(Err(earlier));
        }
        Ok(Ok(Self {
            store: store.clone(),
            tenant,
            claim,
            renewed: Instant::now(),
            done: false,
        }))
    }

    /// Renews the lease once a third of it has passed.
    ///
    /// # Errors
    /// `UploadExpired` when another attempt has the key now; `Unavailable`.
    pub(crate) async fn keep_alive(&mut self) -> Result<()> {
        if self.renewed.elapsed() < LEASE / 3 {
            return Ok(());
        }
        let client = self.store.meta.client().await?;
        if !rows::renew(&client, self.tenant, &self.claim).await? {
            let words = "another attempt with the same idempotency key has taken over";
            return Err(Error::UploadExpired(words));
        }
        self.renewed = Instant::now();
        Ok(())
    }

    pub(crate) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let (store, tenant, claim) = (self.store.clone(), self.tenant, self.claim.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let release = async {
                    let client = store.meta.client().await?;
                    rows::release(&client, tenant, &claim).await
                };
                if let Err(e) = release.await {
                    tracing::debug!(error = %e, "a key was not let go of; its lease will end it");
                }
            });
        }
    }
}

/// A write in one transaction, with or without a key. Dropped before `commit`, it has no effect.
pub(crate) struct IdempotentWrite<'a> {
    /// The transaction to write in.
    pub(crate) tx: Transaction<'a>,
    tenant: TenantId,
    claim: Option<Claim>,
}

impl<'a> IdempotentWrite<'a> {
    /// Begins, or returns the result of an earlier call with the same key.
    ///
    /// # Errors
    /// `IdempotencyInProgress`, `IdempotencyKeyReused`, `Unavailable`.
    pub(crate) async fn begin(
        store: &Store,
        client: &'a Connection,
        reach: Reach<'_>,
        key: Option<&IdempotencyKey>,
        request: Fingerprint,
    ) -> Result<Result<Self, Value>> {
        let tenant = reach.tenant;
        // What one caller was answered is for those alone that reach the same.
        let request = request.with("narrowing", reach.narrowing);
        let claim = key.map(|key| Claim {
            key: key.clone(),
            request,
            owner: Uuid::now_v7(),
            window: store.times.idempotency_window,
        });
        let tx = client.transaction().await?;
        if let Some(claim) = &claim {
            let held = rows::claim(&tx, tenant, claim).await?;
            if let Some(earlier) = claim.against(held)? {
                earlier.check(&claim.key, &claim.request)?;
                return Ok(Err(earlier.result));
            }
        }
        Ok(Ok(Self { tx, tenant, claim }))
    }

    /// Commits with a line of the audit trail, and stores the write's result.
    ///
    /// # Errors
    /// `Unavailable`, after which it may have been committed.
    pub(crate) async fn commit(self, deed: Deed, result: Value) -> Result<()> {
        let deeds = [deed];
        let finish = async {
            match &self.claim {
                Some(claim) => rows::finish(&self.tx, self.tenant, claim, &result).await,
                None => Ok(()),
            }
        };
        // In one flight.
        let (added, finished) = join!(audit::add(&self.tx, &deeds), finish);
        added.and(finished)?;
        Ok(self.tx.commit().await?)
    }
}

/// A text of the stored result, by name.
pub(crate) fn recorded<'a>(result: &'a Value, name: &str) -> Result<&'a str> {
    let text = result.get(name).and_then(Value::as_str);
    text.ok_or_else(|| Error::internal(format!("a key's stored result has no {name}")))
}

/// The stored result of a key, if there is one.
pub(crate) async fn earlier_call(
    store: &Store,
    tenant: TenantId,
    key: &IdempotencyKey,
) -> Result<Option<Earlier>> {
    let client = store.meta.client().await?;
    let done = rows::find(&client, tenant, key.as_str()).await?;
    Ok(done.map(|(request, result)| Earlier { request, result }))
}
