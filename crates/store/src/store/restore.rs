//! Taking deletions back.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    meta::{quotas, reach, restore as rows, sessions},
    model::{
        audit::Deed,
        error::{Error, Result},
        filter::Filter,
        id::ArtifactId,
        idempotency::{Fingerprint, IdempotencyKey},
        selection::Selection,
        tenant::Caller,
    },
    store::{Store, idempotent::IdempotentWrite},
};

/// What restoring did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Restored {
    /// How many are visible again.
    pub restored: u64,
    /// The named artifacts that cannot be restored, because they were not deleted, have expired, were purged, or were
    /// deleted before their session was sealed.
    pub not_restored: Vec<String>,
    /// Whether more of those that match can be restored.
    #[serde(default)]
    pub more: bool,
}

impl Store {
    /// Restores deleted artifacts, all that can be restored, in one transaction: while the delete window is open, their
    /// bytes exist. Those with these ids, or the first thousand of a session that match.
    ///
    /// # Errors
    /// `Invalid` for what matches in no one session; `QuotaExceeded`, and then none is restored; what a key answers;
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn restore_artifacts(
        &self,
        caller: &Caller,
        selected: &Selection,
        key: Option<&IdempotencyKey>,
    ) -> Result<Restored> {
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("RestoreArtifacts").of_selection(selected);
        let once = match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return serde_json::from_value(earlier).map_err(|e| Error::Internal(e.into()));
            }
        };
        let (ids, more) = match selected {
            Selection::Ids(ids) => {
                let within = reach::within(&once.tx, caller.reach(), ids).await?;
                (within, false)
            }
            Selection::Matching(matching) => {
                let mut found = restorable(&once, caller, &matching.filter).await?;
                let more = found.len() > Selection::MAX_IDS;
                found.truncate(Selection::MAX_IDS);
                (found, more)
            }
        };
        sessions::enter_those_of(&once.tx, caller.tenant.id, &ids).await?;
        let quota = quotas::enter(&once.tx, caller.tenant.id).await?;
        let (restored, bytes) = rows::restore(&once.tx, caller.tenant.id, &ids).await?;
        if let Some(quota) = quota {
            quota.admit(restored.len() as u64, bytes)?;
        }
        let known: HashSet<_> = restored.iter().collect();
        let not_restored = match selected {
            Selection::Ids(ids) => {
                let others = ids.iter().filter(|id| !known.contains(id));
                others.map(ToString::to_string).collect()
            }
            Selection::Matching(_) => Vec::new(),
        };
        let result = Restored {
            restored: restored.len() as u64,
            not_restored,
            more,
        };
        once.commit(
            Deed::done(caller, "RestoreArtifacts", &selected.to_string()),
            json!(result),
        )
        .await?;
        Ok(result)
    }
}

/// The first artifacts of a session that match and can be restored, and one more if there are more than a call
/// restores.
async fn restorable(
    once: &IdempotentWrite<'_>,
    caller: &Caller,
    filter: &Filter,
) -> Result<Vec<ArtifactId>> {
    let Some(session) = filter.session().filter(|session| !session.is_empty()) else {
        return Err(Error::invalid("matching.session_id", "is required"));
    };
    let most = Selection::MAX_IDS as i64 + 1;
    let within = caller.grant.narrowing().within(filter);
    rows::restorable(&once.tx, caller.tenant.id, session, &within, most).await
}
