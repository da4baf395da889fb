//! Deleting artifacts.

use std::{collections::HashSet, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use crate::model::change::Deleted;

use crate::{
    meta::{
        artifacts as rows, pending, reach,
        selection::{self, Match, Survey},
        sessions, todos,
    },
    model::{
        audit::Deed,
        error::{Error, Result},
        id::ArtifactId,
        idempotency::{Fingerprint, IdempotencyKey},
        job::{Bulk, Job, Task},
        list::RawFilter,
        reference::{ArtifactRef, FileName},
        selection::{Expression, Selection, filter_of},
        session::session_id,
        tenant::Caller,
    },
    store::{
        Store,
        idempotent::IdempotentWrite,
        jobs::{bulk_again, job_again, start_if_many, start_job},
    },
};

impl Store {
    /// Deletes a visible artifact: it disappears from every read at once, and stops pinning its bytes after the delete
    /// window. An unpublished artifact is discarded.
    ///
    /// # Errors
    /// `ArtifactNotFound`, `ArtifactExpired`, `ArtifactDeleted`, `LegalHold`, what a key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn delete_artifact(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        key: Option<&IdempotencyKey>,
    ) -> Result<Deleted> {
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("DeleteArtifact").with("artifact", wanted);
        let once = match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return serde_json::from_value(earlier).map_err(|e| Error::Internal(e.into()));
            }
        };
        let id = rows::resolve(&once.tx, caller.reach(), wanted).await?;
        let window = self.times.delete_window;
        let deleted = match rows::delete(&once.tx, caller.tenant.id, &id, window).await? {
            None => pending::discard(&once.tx, caller.tenant.id, &id).await?,
            deleted => deleted,
        };
        if let Some(deleted) = deleted {
            once.commit(
                Deed::done(caller, "DeleteArtifact", id.as_str()),
                json!(deleted),
            )
            .await?;
            return Ok(deleted);
        }
        let artifact = rows::get(&once.tx, caller.tenant.id, &id).await?;
        Err(if artifact.legal_hold {
            Error::LegalHold(id.to_string())
        } else {
            Error::internal("a visible artifact was not deleted")
        })
    }

    /// Deletes a file: every visible version of it that is not held. If there are more than a thousand, a job does it.
    ///
    /// # Errors
    /// `ArtifactNotFound` when it has none; what a key answers; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn delete_file(
        &self,
        caller: &Caller,
        name: &FileName,
        key: Option<&IdempotencyKey>,
    ) -> Result<Bulk<BulkDeleted>> {
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("DeleteArtifact").with("all_versions", name);
        let once = match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            Ok(once) => once,
            Err(earlier) => return bulk_again(&client, caller.reach(), earlier).await,
        };
        if !caller.reach().narrowing.admits_file(name) {
            let wanted = ArtifactRef::Name(name.clone(), None);
            return Err(Error::ArtifactNotFound(wanted.to_string()));
        }
        let versions = Expression::of(name.versions());
        let window = self.times.delete_window;
        let result = match start_if_many(&once, caller, &versions, &Task::DeleteArtifacts).await? {
            Ok(job) => Bulk::Started(Box::new(job)),
            Err(few) if few.is_empty() => {
                let wanted = ArtifactRef::Name(name.clone(), None);
                return Err(Error::ArtifactNotFound(wanted.to_string()));
            }
            Err(few) => Bulk::Done(delete(&once, caller, &with_held(few), window).await?),
        };
        once.commit(
            Deed::done(
                caller,
                "DeleteArtifact",
                &format!("every version of {}", ArtifactRef::Name(name.clone(), None)),
            ),
            result.to_json(),
        )
        .await?;
        Ok(result)
    }

    /// Starts a job that deletes what a session contains, except persistent and held artifacts.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, what a key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn delete_session(
        &self,
        caller: &Caller,
        session: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<Job> {
        let session = session_id(session)?;
        let tenant = caller.tenant.id;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("DeleteSession").with("session_id", &session);
        let once = match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            Ok(once) => once,
            Err(earlier) => return job_again(&client, caller.reach(), &earlier).await,
        };
        let session_id = session.as_str().to_owned();
        caller.reach().has_session(&session_id)?;
        sessions::get(&once.tx, tenant, &session_id).await?;
        let all = RawFilter {
            session_id: session_id.clone(),
            persistent: Some(false),
            ..RawFilter::default()
        };
        let matching = Expression::of(filter_of(all)?);
        let task = Task::DeleteSession { session_id };
        let job = start_job(&once, caller, &matching, &task).await?;
        todos::delete_of_session(&once.tx, tenant, &session).await?;
        once.commit(
            Deed::done(
                caller,
                "DeleteSession",
                &format!("session {}", session.as_str()),
            ),
            json!({"job_id": job.id.as_str()}),
        )
        .await?;
        Ok(job)
    }

    /// Deletes visible artifacts: those with these ids, or those that match and are not held. If more than a thousand
    /// match, a job does it. With `validate_only` it only returns what it would delete.
    ///
    /// # Errors
    /// What a key answers; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn delete_artifacts(
        &self,
        caller: &Caller,
        selected: &Selection,
        validate_only: bool,
        key: Option<&IdempotencyKey>,
    ) -> Result<Bulk<BulkDeleted>> {
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("DeleteArtifacts")
            .with("selection", selected)
            .with("validate_only", &validate_only);
        let once = match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            Ok(once) => once,
            Err(earlier) => return bulk_again(&client, caller.reach(), earlier).await,
        };
        let window = self.times.delete_window;
        let result = match selected {
            Selection::Matching(matching) if validate_only => {
                Bulk::Done(would_delete(&once, caller, matching).await?)
            }
            Selection::Matching(matching) => {
                match start_if_many(&once, caller, matching, &Task::DeleteArtifacts).await? {
                    Ok(job) => Bulk::Started(Box::new(job)),
                    Err(few) => {
                        let few = with_held(few);
                        Bulk::Done(delete(&once, caller, &few, window).await?)
                    }
                }
            }
            Selection::Ids(ids) => Bulk::Done(delete(&once, caller, ids, window).await?),
        };
        if !validate_only {
            once.commit(
                Deed::done(caller, "DeleteArtifacts", &selected.to_string()),
                result.to_json(),
            )
            .await?;
        }
        Ok(result)
    }
}

/// The result of a bulk deletion, or of its dry run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BulkDeleted {
    /// How many.
    pub count: u64,
    /// The sum of their sizes; shared bytes count each time.
    pub bytes: u64,
    /// Artifacts that were not deleted, because they are not visible or held. At most a thousand.
    pub not_deleted: Vec<String>,
    /// Whether more match than were counted.
    pub more: bool,
}

/// Deletes those of these artifacts that can be.
async fn delete(
    once: &IdempotentWrite<'_>,
    caller: &Caller,
    ids: &[ArtifactId],
    window: Duration,
) -> Result<BulkDeleted> {
    let within = reach::within(&once.tx, caller.reach(), ids).await?;
    let deleted = rows::delete_all(&once.tx, caller.tenant.id, &within, window).await?;
    let known: HashSet<_> = deleted.iter().map(|(id, _)| id.as_str()).collect();
    let not_deleted = ids
        .iter()
        .map(ArtifactId::as_str)
        .filter(|id| !known.contains(id));
    Ok(BulkDeleted {
        count: deleted.len() as u64,
        bytes: deleted.iter().map(|(_, bytes)| bytes).sum(),
        not_deleted: not_deleted.map(str::to_owned).collect(),
        more: false,
    })
}

/// The artifacts that match and can be deleted, and the first held ones, so that the answer can name them.
fn with_held(few: Vec<Match>) -> Vec<ArtifactId> {
    let (held, free): (Vec<_>, Vec<_>) = few.into_iter().partition(|one| one.held);
    let held = held.into_iter().take(Selection::MAX_IDS);
    free.into_iter().chain(held).map(|one| one.id).collect()
}

async fn would_delete(
    once: &IdempotentWrite<'_>,
    caller: &Caller,
    matching: &Expression,
) -> Result<BulkDeleted> {
    let filter = caller.grant.narrowing().within(&matching.filter);
    let survey = selection::survey(&once.tx, caller.tenant.id, &filter, Job::MAX_COUNT).await?;
    let (found, more) = match survey {
        Survey::All(found) => (found, false),
        Survey::More(found) => (found, true),
    };
    let (held, free): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| one.held);
    let held = held.iter().take(Selection::MAX_IDS);
    Ok(BulkDeleted {
        count: free.len() as u64,
        bytes: free.iter().map(|one| one.size_bytes).sum(),
        not_deleted: held.map(|one| one.id.to_string()).collect(),
        more,
    })
}
