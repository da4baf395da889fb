//! Work that is too large for one call.
//!
//! A call that starts a job answers at once; the worker goes on with it, batch by batch. A batch and the note of how far
//! the job came are one transaction, so whatever ends a process, nothing is done twice and nothing is left out.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    meta::{
        connection::Connection,
        jobs as rows,
        selection::{self, Match, Survey},
    },
    model::{
        error::{Error, Result},
        filter::{Comparison, Condition, Filter},
        id::{ArtifactId, JobId, TenantId},
        idempotency::{Fingerprint, IdempotencyKey, Once, recorded},
        page::{Page, PageSize},
        record::Stage,
        selection::{Expression, Selection},
        validate::excerpt,
    },
    store::{
        Store,
        tenants::{Caller, Credential, Tenant},
    },
};

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Deletes the artifacts that match.
    DeleteArtifacts,
    /// Moves the artifacts that match to a stage.
    SetStage {
        /// Where to.
        stage: Stage,
        /// Who asked for it; may be empty.
        agent_id: String,
    },
    /// Deletes what a session holds, but for what stays, and what is held.
    DeleteSession {
        /// Which.
        session_id: String,
    },
    /// Puts the artifacts that match under a legal hold, or ends it.
    SetLegalHold {
        /// Whether they are to be held.
        hold: bool,
    },
}

impl Task {
    /// Whether it leaves alone what is held.
    fn deletes(&self) -> bool {
        matches!(self, Self::DeleteArtifacts | Self::DeleteSession { .. })
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum JobState {
    /// It has work to do.
    Running,
    /// It has done all of it.
    Succeeded,
    /// It was ended before its time.
    Cancelled,
    /// It met faults too often.
    Failed,
}

impl JobState {
    /// Its name in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// Work that the store goes on with by itself.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its identifier.
    pub id: JobId,
    /// What it does.
    pub task: Task,
    /// How far it is.
    pub state: JobState,
    /// Which artifacts it is about, as it was put.
    pub filter: String,
    /// How many artifacts it has dealt with.
    pub done_count: u64,
    /// The sum of their sizes in bytes.
    pub size_bytes: u64,
    /// How many it left alone because they are held.
    pub held_count: u64,
    /// How many there were to deal with when it began; `MAX_COUNT` and one when they were not all counted.
    pub estimated_count: u64,
    /// When it was asked for. What was created since is not meant.
    pub created_at: Timestamp,
    /// When it last made progress.
    pub updated_at: Timestamp,
    /// When it ended, if it has.
    pub finished_at: Option<Timestamp>,
    /// By what it was asked for.
    pub credential: Credential,
    /// Why its last batch failed; empty when it did not.
    pub last_error: String,
}

impl Job {
    /// The most artifacts that are counted beforehand.
    pub(crate) const MAX_COUNT: usize = 10_000;

    /// About how many bytes it has in an answer.
    fn weight(&self) -> usize {
        let agent = match &self.task {
            Task::DeleteArtifacts | Task::SetLegalHold { .. } => 0,
            Task::SetStage { agent_id, .. } => agent_id.len(),
            Task::DeleteSession { session_id } => session_id.len(),
        };
        self.filter.len() + self.last_error.len() + self.credential.workload().len() + agent + 256
    }
}

/// What came of a call about any number of artifacts.
#[derive(Debug, Clone)]
pub enum Bulk<T> {
    /// They were few, and it is done.
    Done(T),
    /// They are many, and it goes on.
    Started(Box<Job>),
}

impl<T: Serialize + DeserializeOwned> Bulk<T> {
    /// What a key stands for.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Done(done) => json!(done),
            Self::Started(job) => json!({"job_id": job.id.as_str()}),
        }
    }
}

/// What a call under the same key led to before: the same result, or the same job as it is now.
pub(crate) async fn bulk_again<T: DeserializeOwned>(
    client: &Connection,
    tenant: TenantId,
    earlier: Value,
) -> Result<Bulk<T>> {
    match job_again(client, tenant, &earlier).await {
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
    tenant: TenantId,
    earlier: &Value,
) -> Result<Job> {
    let id = recorded(earlier, "job_id")?;
    rows::get(client, tenant, &job_id(id)?).await
}

impl Store {
    /// Returns a job.
    ///
    /// # Errors
    /// `JobNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_job(&self, tenant: &Tenant, id: &str) -> Result<Job> {
        let id = job_id(id)?;
        let client = self.meta.client().await?;
        rows::get(&client, tenant.id, &id).await
    }

    /// Lists jobs, newest first; those in one state, or all.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_jobs(
        &self,
        tenant: &Tenant,
        state: Option<JobState>,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Job>> {
        let listing = self.listing(&("jobs", tenant.id, state)).await?;
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = rows::list(&client, tenant.id, state, after.as_ref(), size).await?;
        Ok(listing.page(rows, size, Job::weight))
    }

    /// Ends a job at the end of the batch that is under way, and returns it; one that has ended stays as it is.
    ///
    /// # Errors
    /// `JobNotFound`, what a key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn cancel_job(
        &self,
        tenant: &Tenant,
        id: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<Job> {
        let id = job_id(id)?;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("CancelJob").with("job_id", &id.as_str());
        if let Ok(once) = Once::begin(self, &client, tenant.id, key, asked).await? {
            rows::cancel(&once.tx, tenant.id, &id).await?;
            once.commit(json!({"job_id": id.as_str()})).await?;
        }
        rows::get(&client, tenant.id, &id).await
    }
}

fn job_id(text: &str) -> Result<JobId> {
    text.parse().map_err(|_| Error::JobNotFound(excerpt(text)))
}

/// Starts a job for more artifacts than one call deals with; otherwise says which those are that match.
pub(crate) async fn start_if_many(
    once: &Once<'_>,
    caller: &Caller,
    matching: &Expression,
    task: &Task,
) -> Result<Result<Job, Vec<Match>>> {
    let tenant = caller.tenant.id;
    match surveyed(once, tenant, matching, task).await? {
        (_, Some(few))
            if few.iter().filter(|one| is_meant(one, task)).count() <= Selection::MAX_IDS =>
        {
            Ok(Err(few))
        }
        (estimated, _) => start(once, caller, matching, task, estimated).await.map(Ok),
    }
}

/// The artifacts of a call that deals with them itself.
pub(crate) struct Few {
    pub(crate) ids: Vec<ArtifactId>,
    /// Of those that were named: the ones that are not visible.
    pub(crate) missing: Vec<String>,
}

impl Few {
    /// Those that are selected; the job that was started for them, when they are many.
    pub(crate) async fn of(
        once: &Once<'_>,
        caller: &Caller,
        selected: &Selection,
        task: &Task,
    ) -> Result<Result<Self, Job>> {
        match selected {
            Selection::Ids(ids) => {
                let missing = selection::not_visible(&once.tx, caller.tenant.id, ids).await?;
                Ok(Ok(Self {
                    ids: ids.clone(),
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

/// Starts a job, however many artifacts there are for it.
pub(crate) async fn start_job(
    once: &Once<'_>,
    caller: &Caller,
    matching: &Expression,
    task: &Task,
) -> Result<Job> {
    let (estimated, _) = surveyed(once, caller.tenant.id, matching, task).await?;
    start(once, caller, matching, task, estimated).await
}

fn is_meant(one: &Match, task: &Task) -> bool {
    !(one.held && task.deletes())
}

/// How many artifacts there are to deal with, and which match, if those were not too many.
async fn surveyed(
    once: &Once<'_>,
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
    once: &Once<'_>,
    caller: &Caller,
    matching: &Expression,
    task: &Task,
    estimated: usize,
) -> Result<Job> {
    let (tenant, text) = (caller.tenant.id, &matching.text);
    let estimated = i64::try_from(estimated).unwrap_or(i64::MAX);
    rows::insert(&once.tx, tenant, task, text, estimated, &caller.credential).await
}

/// Those that were there when a job was asked for.
pub(crate) fn created_by(at: Timestamp, matching: Filter) -> Filter {
    let created = Condition::Created(Comparison::LessOrEqual, at);
    Filter::All(vec![matching, Filter::Is(created)])
}
