//! Legal holds: a held artifact neither expires nor can be deleted, and keeps its bytes.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    meta::{holds as rows, sessions},
    model::{
        audit::Deed,
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
        jobs::{SelectedArtifacts, bulk_again},
    },
};

/// The result of setting holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HoldsSet {
    /// How many artifacts changed, without those that already were so.
    pub changed: u64,
    /// The named artifacts that are not visible.
    pub missing: Vec<String>,
}

/// How many artifacts follow the hold of their session in one transaction: about a second's work.
const SETTLED_AT_ONCE: i64 = 5_000;

impl Store {
    /// Puts visible artifacts under a legal hold, or releases it: those with these ids, or those that match; a job does
    /// more than a thousand. An artifact that its session holds stays held.
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
        let result =
            match SelectedArtifacts::of(&once, caller, selected, &Task::SetLegalHold { hold })
                .await?
            {
                Err(job) => Bulk::Started(Box::new(job)),
                Ok(few) => Bulk::Done(HoldsSet {
                    changed: rows::set(&once.tx, tenant, &few.ids, hold).await?,
                    missing: few.missing,
                }),
            };
        once.commit(
            Deed::done(caller, "SetLegalHold", &selected.to_string()),
            result.to_json(),
        )
        .await?;
        Ok(result)
    }

    /// Puts a session under a legal hold, with every artifact that it contains or will contain, or releases it. Deleted
    /// artifacts of a held session keep their bytes.
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
            once.commit(
                Deed::done(caller, "SetSessionLegalHold", &format!("session {id}")),
                json!({"session_id": id}),
            )
            .await?;
        }
        // A retry continues here, or else the collector does.
        let mut settled = false;
        while !settled {
            let (tx, window) = (client.transaction().await?, self.times.delete_window);
            settled = rows::settle(&tx, caller.tenant.id, id, window, SETTLED_AT_ONCE).await?;
            tx.commit().await?;
        }
        sessions::get(&client, caller.tenant.id, session.as_str()).await
    }
}
