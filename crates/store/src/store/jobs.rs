//! Work that is too large for one call.
//!
//! A call that starts a job returns at once; the worker continues it, batch by batch. A batch and the job's progress
//! are one transaction, so whatever ends a process, nothing is done twice and nothing is left out.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    meta::{
        connection::Connection,
        jobs as rows, reach,
        selection::{self, Match, Survey},
    },
    model::{
        access::Reach,
        audit::Deed,
        error::{Error, Result},
        id::{ArtifactId, TenantId},
        idempotency::{Fingerprint, IdempotencyKey},
        job::{Bulk, Job, JobState, Task, job_id},
        page::{Page, PageSize},
        selection::{Expression, Selection},
        tenant::Caller,
    },
    store::{
        Store,
        idempotent::{IdempotentWrite, recorded},
    },
};

mod batch;

pub(crate) use batch::JobBatch;

/// The result of an earlier call under the same key: the same result, or the same job as it is now.
pub(crate) async fn bulk_again<T: DeserializeOwned>(
    client: &Connection,
    reach: Reach<'_>,
    earlier: Value,
) -> Result<Bulk<T>> {
    match job_again(client, reach, &earlier).await {
        Ok(job) => Ok(Bulk::Started(Box::new(job))),
        Err(e) if recorded(&earlier, "job_id").is_ok() => Err(e),
        Err(_) => serde_json::from_value(earlier)
            .map(Bulk::Done)
            .map_err(|e| Error::Internal(e.into())),
    }
}

/// The job that a call under the same key started before, as it is now.
pub(crate) async fn job_again(
    client: &Connection,
    reach: Reach<'_>,
    earlier: &Value,
) -> Result<Job> {
    let id = recorded(earlier, "job_id")?;
    rows::get(client, reach, &job_id(id)?).await
}

impl Store {
    /// Returns a job.
    ///
    /// # Errors
    /// `JobNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_job(&self, caller: &Caller, id: &str) -> Result<Job> {
        let id = job_id(id)?;
        let client = self.meta.client().await?;
        rows::get(&client, caller.reach(), &id).await
    }

    /// Lists jobs, newest first; those in one state, or all.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_jobs(
        &self,
        caller: &Caller,
        state: Option<JobState>,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Job>> {
        let listing = self.listing(&("jobs", caller.tenant.id, state)).await?;
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = rows::list(&client, caller.reach(), state, after.as_ref(), size).await?;
        Ok(listing.page(rows, size, Job::weight))
    }

    /// Cancels a job at the end of its running batch, and returns it; a job that has ended does not change.
    ///
    /// # Errors
    /// `JobNotFound`, what a key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn cancel_job(
        &self,
        caller: &Caller,
        id: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<Job> {
        let id = job_id(id)?;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("CancelJob").with("job_id", &id.as_str());
        if let Ok(once) = IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            let job = rows::get(&once.tx, caller.reach(), &id).await?;
            caller.require(job.task.scope())?;
            rows::cancel(&once.tx, caller.tenant.id, &id).await?;
            once.commit(
                Deed::done(caller, "CancelJob", id.as_str()),
                json!({"job_id": id.as_str()}),
            )
            .await?;
        }
        rows::get(&client, caller.reach(), &id).await
    }
}

/// Starts a job for more artifacts than one call changes; otherwise returns those that match.
pub(crate) async fn start_if_many(
    once: &IdempotentWrite<'_>,
    caller: &Caller,
    matching: &Expression,
    task: &Task,
) -> Result<Result<Job, Vec<Match>>> {
    let matching = &matching.within(caller.grant.narrowing());
    match surveyed(once, caller.tenant.id, matching, task).await? {
        (_, Some(few))
            if few.iter().filter(|one| is_meant(one, task)).count() <= Selection::MAX_IDS =>
        {
            Ok(Err(few))
        }
        (estimated, _) => start(once, caller, matching, task, estimated).await.map(Ok),
    }
}

/// The artifacts of a call that changes them itself.
pub(crate) struct SelectedArtifacts {
    pub(crate) ids: Vec<ArtifactId>,
    /// The named artifacts that are not visible.
    pub(crate) missing: Vec<String>,
}

impl SelectedArtifacts {
    /// The selected artifacts, or the job that was started for them if there are too many.
    pub(crate) async fn of(
        once: &IdempotentWrite<'_>,
        caller: &Caller,
        selected: &Selection,
        task: &Task,
    ) -> Result<Result<Self, Job>> {
        match selected {
            Selection::Ids(ids) => {
                let within = reach::within(&once.tx, caller.reach(), ids).await?;
                let mut missing: Vec<_> = ids
                    .iter()
                    .filter(|id| !within.contains(id))
                    .cloned()
                    .collect();
                missing.extend(selection::not_visible(&once.tx, caller.tenant.id, &within).await?);
                Ok(Ok(Self {
                    ids: within,
                    missing: missing.iter().map(ToString::to_string).collect(),
                }))
            }
            Selection::Matching(matching) => {
                Ok(match start_if_many(once, caller, matching, task).await? {
                    Ok(job) => Err(job),
                    Err(few) => Ok(Self {
                        ids: few.into_iter().map(|one| one.id).collect(),
                        missing: Vec::new(),
                    }),
                })
            }
        }
    }
}

/// Starts a job, for any number of artifacts.
pub(crate) async fn start_job(
    once: &IdempotentWrite<'_>,
    caller: &Caller,
    matching: &Expression,
    task: &Task,
) -> Result<Job> {
    let matching = &matching.within(caller.grant.narrowing());
    let (estimated, _) = surveyed(once, caller.tenant.id, matching, task).await?;
    start(once, caller, matching, task, estimated).await
}

fn is_meant(one: &Match, task: &Task) -> bool {
    !(one.held && task.deletes())
}

/// How many artifacts match, and which ones, if there are not too many.
async fn surveyed(
    once: &IdempotentWrite<'_>,
    tenant: TenantId,
    matching: &Expression,
    task: &Task,
) -> Result<(usize, Option<Vec<Match>>)> {
    let survey = selection::survey(&once.tx, tenant, &matching.filter, Job::MAX_COUNT).await?;
    Ok(match survey {
        Survey::More(_) => (Job::MAX_COUNT + 1, None),
        Survey::All(all) => {
            let count = all.iter().filter(|one| is_meant(one, task)).count();
            (count, Some(all))
        }
    })
}

async fn start(
    once: &IdempotentWrite<'_>,
    caller: &Caller,
    matching: &Expression,
    task: &Task,
    estimated: usize,
) -> Result<Job> {
    let estimated = i64::try_from(estimated).unwrap_or(i64::MAX);
    rows::insert(&once.tx, caller, task, &matching.text, estimated).await
}
