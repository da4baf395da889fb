//! Legal holds: as long as one lasts, what is held neither expires nor can be deleted, and keeps its bytes.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    meta::{holds as rows, sessions},
    model::{
        error::{Error, Result},
        idempotency::{Fingerprint, IdempotencyKey},
        job::{Bulk, Task},
        selection::Selection,
        session::{Session, session_id},
        tenant::Caller,
    },
    store::{
        Store,
        idempotent::IdempotentWrite,
        jobs::{Few, bulk_again},
    },
};

/// What setting holds did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HoldsSet {
    /// How many artifacts were changed; those that were so already do not count.
    pub changed: u64,
    /// Of those that were named: the ones that are not visible.
    pub missing: Vec<String>,
}

/// How many artifacts follow the hold of their session in one transaction: about a second's work.
const SETTLED_AT_ONCE: i64 = 5_000;

impl Store {
    /// Holds visible artifacts, or lets them go: those with these ids, or those that match, of which more than a thousand
    /// are left to a job. One that is held with its session stays so.
    ///
    /// # Errors
    /// What a key answers; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn set_legal_hold(
        &self,
        caller: &Caller,
        selected: &Selection,
        hold: bool,
        key: Option<&IdempotencyKey>,
    ) -> Result<Bulk<HoldsSet>> {
        let tenant = caller.tenant.id;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("SetLegalHold")
            .of_selection(selected)
            .with("legal_hold", &hold);
        let once = match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            Ok(once) => once,
            Err(earlier) => return bulk_again(&client, caller.reach(), earlier).await,
        };
        let result = match Few::of(&once, caller, selected, &Task::SetLegalHold { hold }).await? {
            Err(job) => Bulk::Started(Box::new(job)),
            Ok(few) => Bulk::Done(HoldsSet {
                changed: rows::set(&once.tx, tenant, &few.ids, hold).await?,
                missing: few.missing,
            }),
        };
        once.commit(result.to_json()).await?;
        Ok(result)
    }

    /// Holds a session, with every artifact that is in it or comes into it, or lets it go. Deleted artifacts of a held
    /// session keep their bytes.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, what a key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn set_session_legal_hold(
        &self,
        caller: &Caller,
        session: &str,
        hold: bool,
        key: Option<&IdempotencyKey>,
    ) -> Result<Session> {
        let session = session_id(session)?;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("SetSessionLegalHold")
            .with("session_id", &session)
            .with("legal_hold", &hold);
        let id = session.as_str();
        caller.reach().has_session(id)?;
        if let Ok(once) = IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            if !rows::set_of_session(&once.tx, caller.tenant.id, id, hold).await? {
                return Err(Error::SessionNotFound(id.to_owned()));
            }
            once.commit(json!({"session_id": id})).await?;
        }
        // A retry goes on here; without one, the collector does.
        let mut settled = false;
        while !settled {
            let (tx, window) = (client.transaction().await?, self.times.delete_window);
            settled = rows::settle(&tx, caller.tenant.id, id, window, SETTLED_AT_ONCE).await?;
            tx.commit().await?;
        }
        sessions::get(&client, caller.tenant.id, session.as_str()).await
    }
}
