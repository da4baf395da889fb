//! The erasure of a tenant. A call requests it, and the worker does it, one transaction for each step: whatever ends a
//! process, the next one goes on where it was.

use crate::{
    meta::{
        audit,
        erasures::{self as rows, Held, Stepped},
        error::from_pg,
    },
    model::{
        audit::Deed,
        erasure::Erasure,
        error::{Error, Result, describe},
        tenant::Caller,
        validate::excerpt,
    },
    store::Store,
};

/// How a step of the erasures ended.
pub(crate) enum ErasureStep {
    /// No erasure has anything to do now.
    Idle,
    /// Rows were deleted or changed.
    Done,
    /// One has to wait until the collector has deleted bytes.
    Waits,
    /// It failed, and waits for its retry.
    Failed(Error),
}

impl Store {
    /// Requests the erasure of a tenant: its credentials and links end at once, everywhere after `credential_trust`, and
    /// the worker deletes everything it has. A second request returns the same erasure. With `dry_run` nothing is changed,
    /// and the answer counts what would be deleted.
    ///
    /// # Errors
    /// `TenantNotFound`; `LegalHold` while something is under a hold; `Invalid` for the tenant of the caller;
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn erase_tenant(
        &self,
        by: Option<&Caller>,
        name: &str,
        dry_run: bool,
    ) -> Result<Erasure> {
        let missing = || Error::TenantNotFound(excerpt(name));
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        rows::lock_keys(&tx, name).await?;
        let found = rows::lock(&tx, name).await?.ok_or_else(missing)?;
        if found.erasing {
            return rows::newest(&tx, name).await?.ok_or_else(missing);
        }
        if by.is_some_and(|caller| caller.tenant.id == found.tenant) {
            let rule = "is the tenant of the credential that was sent: use that of another tenant";
            return Err(Error::invalid("name", rule));
        }
        match rows::held(&tx, found.tenant).await? {
            None => {}
            Some(Held::Artifact(id)) => return Err(Error::LegalHold(id)),
            Some(Held::Session(id)) => {
                let rule =
                    format!("has the session '{id}', which is under a legal hold: end it first");
                return Err(Error::invalid("name", rule));
            }
        }
        if dry_run {
            return rows::rehearse(&tx, found.tenant).await;
        }
        rows::begin(&tx, found.tenant).await?;
        let erasure = rows::newest(&tx, name).await?.ok_or_else(missing)?;
        let deed = Deed::by(by, "EraseTenant", &format!("tenant {name}"));
        audit::add(&tx, &[deed]).await?;
        tx.commit().await?;
        Ok(erasure)
    }

    /// Returns the newest erasure of a tenant of this name, under way or finished.
    ///
    /// # Errors
    /// `TenantNotFound` if there is none; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_erasure(&self, name: &str) -> Result<Erasure> {
        let client = self.meta.client().await?;
        let found = rows::newest(&client, name).await?;
        found.ok_or_else(|| Error::TenantNotFound(excerpt(name)))
    }

    /// Does one step of one erasure, in one transaction.
    ///
    /// # Errors
    /// `Unavailable`. A fault of the step itself is `ErasureStep::Failed`.
    pub(crate) async fn advance_erasure(&self, batch: u32) -> Result<ErasureStep> {
        let client = self.meta.client().await?;
        let tx = client.transaction().await.map_err(from_pg)?;
        let Some(erasure) = rows::claim(&tx).await? else {
            return Ok(ErasureStep::Idle);
        };
        let stepped = async {
            let stepped = rows::advance(&tx, &erasure, &self.times, batch.into()).await?;
            if stepped == Stepped::Finished {
                let resource = format!("tenant {} ({})", erasure.name, erasure.tenant.0);
                audit::add(&tx, &[Deed::by(None, "TenantErased", &resource)]).await?;
            }
            Ok::<_, Error>(stepped)
        };
        match stepped.await {
            Ok(stepped) => {
                tx.commit().await.map_err(from_pg)?;
                Ok(match stepped {
                    Stepped::Rows | Stepped::Finished => ErasureStep::Done,
                    Stepped::Waits => ErasureStep::Waits,
                })
            }
            Err(e) => {
                tx.rollback().await.map_err(from_pg)?;
                rows::wait(&client, erasure.id, &describe(&e)).await?;
                Ok(ErasureStep::Failed(e))
            }
        }
    }
}
