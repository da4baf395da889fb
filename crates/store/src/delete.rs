//! Deleting artifacts.

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use crate::meta::artifacts::Deleted;

use crate::{
    error::{Error, Result},
    filter::{Condition, Filter},
    id::ArtifactId,
    idempotency::{Fingerprint, IdempotencyKey, Once},
    meta::{artifacts as rows, selection},
    reference::ArtifactRef,
    selection::Selection,
    store::Store,
    tenant::Tenant,
};

impl Store {
    /// Deletes a visible artifact: it is gone from every read at once, and lets go of its bytes after the delete window.
    ///
    /// # Errors
    /// `ArtifactNotFound`, `ArtifactExpired`, `ArtifactDeleted`, `LegalHold`, what a key answers, `Unavailable`.
    pub async fn delete_artifact(
        &self,
        tenant: &Tenant,
        wanted: &ArtifactRef,
        key: Option<&IdempotencyKey>,
    ) -> Result<Deleted> {
        let mut client = self.meta.client().await?;
        let asked = Fingerprint::of("DeleteArtifact").with("artifact", wanted);
        let once = match Once::begin(self, &mut client, tenant.id, key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return serde_json::from_value(earlier).map_err(|e| Error::Internal(e.into()));
            }
        };
        let id = rows::resolve(&once.tx, tenant.id, wanted).await?;
        let window = self.times.delete_window;
        if let Some(deleted) = rows::delete(&once.tx, tenant.id, &id, window).await? {
            once.commit(json!(deleted)).await?;
            return Ok(deleted);
        }
        let artifact = rows::get(&once.tx, tenant.id, &id).await?;
        Err(if artifact.legal_hold {
            Error::LegalHold(id.to_string())
        } else {
            Error::internal("a visible artifact was not deleted")
        })
    }

    /// Deletes visible artifacts, all together: those with these ids, or of those that match the first thousand by their
    /// ids. With `validate_only` it only says what that would be.
    ///
    /// # Errors
    /// What a key answers; `Unavailable`.
    pub async fn delete_artifacts(
        &self,
        tenant: &Tenant,
        selected: &Selection,
        validate_only: bool,
        key: Option<&IdempotencyKey>,
    ) -> Result<BulkDeleted> {
        let mut client = self.meta.client().await?;
        let asked = Fingerprint::of("DeleteArtifacts")
            .with("selection", selected)
            .with("validate_only", &validate_only);
        let once = match Once::begin(self, &mut client, tenant.id, key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return serde_json::from_value(earlier).map_err(|e| Error::Internal(e.into()));
            }
        };
        let (ids, more) = match selected {
            Selection::Ids(ids) => (ids.clone(), false),
            // Looked for apart: those that are held would be in the way of the rest, call after call.
            Selection::Matching(filter) => {
                let held = Filter::Is(Condition::LegalHold);
                let free = Filter::Not(Box::new(held.clone()));
                let among = |which| Filter::All(vec![filter.clone(), which]);
                let (free, held) = (among(free), among(held));
                let bound = Selection::MAX_IDS as i64;
                let mut ids =
                    selection::batch(&*once.tx, tenant.id, &free, None, bound + 1).await?;
                let more = ids.len() > Selection::MAX_IDS;
                ids.truncate(Selection::MAX_IDS);
                let held = selection::batch(&*once.tx, tenant.id, &held, None, bound).await?;
                ids.extend(held);
                (ids, more)
            }
        };
        let deleted = rows::delete_all(&once.tx, tenant.id, &ids, self.times.delete_window).await?;
        let not_deleted = ids
            .iter()
            .map(ArtifactId::as_str)
            .filter(|id| !deleted.iter().any(|(known, _)| known == id));
        let result = BulkDeleted {
            count: deleted.len() as u64,
            bytes: deleted.iter().map(|(_, bytes)| bytes).sum(),
            not_deleted: not_deleted.map(str::to_owned).collect(),
            more,
        };
        if !validate_only {
            once.commit(json!(result)).await?;
        }
        Ok(result)
    }
}

/// What deleting several artifacts did, or would do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BulkDeleted {
    /// How many.
    pub count: u64,
    /// The sum of their sizes, shared bytes counted each time.
    pub bytes: u64,
    /// Those that were not deleted: not visible, or held.
    pub not_deleted: Vec<String>,
    /// Whether others match that were left alone: a call deletes a thousand at the most.
    pub more: bool,
}
