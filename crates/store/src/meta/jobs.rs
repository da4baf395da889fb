//! Rows of jobs.

use tokio_postgres::Row;

use super::{
    batch::{Batch, Taken},
    connection::{Connection, Transaction},
    due::DueRows,
    error::from_pg,
    grants,
    row::{self, Damage, at, count, listed, position},
    time::millis,
};
use crate::{
    model::{
        access::{Narrowing, Reach},
        error::{Error, Result},
        id::{JobId, TenantId},
        job::{Job, JobState, Task},
        page::{PageSize, Position},
        tenant::{Caller, Credential},
    },
    trace,
};

const COLUMNS: &str = "id, type, state, filter, to_stage, agent_id, done_count, size_bytes, held_count, estimated_count, \
     created_at, updated_at, finished_at, key_last_4, last_error, workload, session_id, hold, narrowing";

fn read(row: &Row) -> Result<Job> {
    row::read(row, "job", "id", |row| {
        Ok(Job {
            id: (at::<&str>(row, "id")?.parse()).map_err(|_| Damage::Malformed("id"))?,
            task: match at(row, "type")? {
                "delete_artifacts" => Task::DeleteArtifacts,
                "set_stage" => Task::SetStage {
                    stage: (at::<&str>(row, "to_stage")?.parse())
                        .map_err(|_| Damage::Malformed("stage"))?,
                    agent_id: at(row, "agent_id")?,
                },
                "delete_session" => Task::DeleteSession {
                    session_id: at(row, "session_id")?,
                },
                "set_legal_hold" => Task::SetLegalHold {
                    hold: at(row, "hold")?,
                },
                _ => return Err(Damage::Malformed("type")),
            },
            state: match at(row, "state")? {
                "running" => JobState::Running,
                "succeeded" => JobState::Succeeded,
                "cancelled" => JobState::Cancelled,
                "failed" => JobState::Failed,
                _ => return Err(Damage::Malformed("state")),
            },
            filter: at(row, "filter")?,
            done_count: count(row, "done_count")?,
            size_bytes: count(row, "size_bytes")?,
            held_count: count(row, "held_count")?,
            estimated_count: count(row, "estimated_count")?,
            created_at: at(row, "created_at")?,
            updated_at: at(row, "updated_at")?,
            finished_at: at(row, "finished_at")?,
            credential: Credential::new(at(row, "key_last_4")?, at(row, "workload")?),
            last_error: at(row, "last_error")?,
            narrowing: grants::narrowing(row)?.unwrap_or_else(Narrowing::none),
        })
    })
}

#[tracing::instrument(target = "postgres", name = "jobs.insert", skip_all)]
pub(crate) async fn insert(
    tx: &Transaction<'_>,
    caller: &Caller,
    task: &Task,
    filter: &str,
    estimated: i64,
) -> Result<Job> {
    let (mut stage, mut agent, mut session, mut held) = (None, "", None, None);
    let kind = match task {
        Task::DeleteArtifacts => "delete_artifacts",
        Task::SetStage {
            stage: to,
            agent_id,
        } => {
            (stage, agent) = (Some(to.as_str()), agent_id.as_str());
            "set_stage"
        }
        Task::DeleteSession { session_id } => {
            session = Some(session_id.as_str());
            "delete_session"
        }
        Task::SetLegalHold { hold } => {
            held = Some(*hold);
            "set_legal_hold"
        }
    };
    let row = tx
        .query_one(
            &format!(
                "INSERT INTO jobs (tenant_id, id, type, filter, to_stage, agent_id, estimated_count, key_last_4,
                     workload, traceparent, session_id, hold, narrowing)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING {COLUMNS}"
            ),
            &[
                &caller.tenant.id.0,
                &JobId::fresh().as_str(),
                &kind,
                &filter,
                &stage,
                &agent,
                &estimated,
                &caller.credential.key_last_4(),
                &caller.credential.workload(),
                &trace::here(),
                &session,
                &held,
                &grants::kept(caller.grant.narrowing()),
            ],
        )
        .await
        .map_err(from_pg)?;
    read(&row)
}

#[tracing::instrument(target = "postgres", name = "jobs.get", skip_all)]
pub(crate) async fn get(client: &Connection, reach: Reach<'_>, id: &JobId) -> Result<Job> {
    let missing = || Error::JobNotFound(id.to_string());
    let row = client
        .query_opt(
            &format!("SELECT {COLUMNS} FROM jobs WHERE tenant_id = $1 AND id = $2"),
            &[&reach.tenant.0, &id.as_str()],
        )
        .await
        .map_err(from_pg)?
        .ok_or_else(missing)?;
    let job = read(&row)?;
    match reach.narrowing.covers(&job.narrowing) {
        true => Ok(job),
        false => Err(missing()),
    }
}

/// Jobs, newest first, each with its position. One that may do more than the caller is left out, and keeps its place.
#[tracing::instrument(target = "postgres", name = "jobs.list", skip_all)]
pub(crate) async fn list(
    client: &Connection,
    reach: Reach<'_>,
    state: Option<JobState>,
    after: Option<&Position>,
    size: PageSize,
) -> Result<Vec<(Option<Job>, Position)>> {
    let rows = client
        .query(
            &format!(
                "SELECT {COLUMNS} FROM jobs
                 WHERE tenant_id = $1 AND ($2::text IS NULL OR state = $2)
                     AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
                 ORDER BY created_at DESC, id DESC LIMIT $5"
            ),
            &[
                &reach.tenant.0,
                &state.map(JobState::as_str),
                &after.map(|p| p.at),
                &after.map_or("", |p| &p.id),
                &size.rows(),
            ],
        )
        .await
        .map_err(from_pg)?;
    let mut jobs = listed(&rows, read, |row| {
        position(row, "job", ["created_at", "id"])
    })?;
    for (job, _) in &mut jobs {
        job.take_if(|job| !reach.narrowing.covers(&job.narrowing));
    }
    Ok(jobs)
}

/// Cancels a running job; waits for its running batch.
#[tracing::instrument(target = "postgres", name = "jobs.cancel", skip_all)]
pub(crate) async fn cancel(tx: &Transaction<'_>, tenant: TenantId, id: &JobId) -> Result<()> {
    tx.execute(
        "UPDATE jobs SET state = 'cancelled', finished_at = now() WHERE tenant_id = $1 AND id = $2 AND state = 'running'",
        &[&tenant.0, &id.as_str()],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}

/// A job whose row is locked, and its progress.
pub(crate) struct Claimed {
    pub(crate) tenant: TenantId,
    pub(crate) job: Job,
    /// Its position, as `selection::batch` returns it.
    pub(crate) reached: String,
    /// The trace of the call that requested it.
    pub(crate) traceparent: Option<String>,
}

/// A locked job and its row: a damaged one waits like a failed one, and delays no other.
pub(crate) struct Claim {
    pub(crate) tenant: TenantId,
    pub(crate) id: String,
    pub(crate) claimed: Result<Claimed>,
}

/// Locks the job that has waited longest, among those with work that no other worker has locked.
#[tracing::instrument(target = "postgres", name = "jobs.claim", skip_all)]
pub(crate) async fn claim(tx: &Transaction<'_>) -> Result<Option<Claim>> {
    let row = tx
        .query_opt(
            &format!(
                "SELECT {COLUMNS}, tenant_id, reached, traceparent FROM jobs
                 WHERE state = 'running' AND next_attempt_at <= now()
                 ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED"
            ),
            &[],
        )
        .await
        .map_err(from_pg)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Claim {
        tenant: TenantId(at(&row, "tenant_id")?),
        id: at(&row, "id")?,
        claimed: claimed(&row),
    }))
}

fn claimed(row: &Row) -> Result<Claimed> {
    Ok(Claimed {
        tenant: TenantId(at(row, "tenant_id")?),
        job: read(row)?,
        reached: at(row, "reached")?,
        traceparent: at(row, "traceparent")?,
    })
}

/// What a batch did.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Its position; `None` once the job is done.
    pub(crate) reached: Option<String>,
    pub(crate) done: u64,
    pub(crate) bytes: u64,
    pub(crate) held: u64,
}

/// Records the result of a locked job's batch. The next batch is that of the job that has waited longest.
#[tracing::instrument(target = "postgres", name = "jobs.note", skip_all)]
pub(crate) async fn note(tx: &Transaction<'_>, claimed: &Claimed, batch: &Progress) -> Result<()> {
    let count = |n| i64::try_from(n).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE jobs SET reached = coalesce($3, reached), done_count = done_count + $4, size_bytes = size_bytes + $5,
             held_count = held_count + $6, updated_at = now(), next_attempt_at = clock_timestamp(),
             attempts = 0, last_error = '',
             state = CASE WHEN $3::text IS NULL THEN 'succeeded' ELSE state END,
             finished_at = CASE WHEN $3::text IS NULL THEN now() END
         WHERE tenant_id = $1 AND id = $2",
        &[
            &claimed.tenant.0,
            &claimed.job.id.as_str(),
            &batch.reached,
            &count(batch.done),
            &count(batch.bytes),
            &count(batch.held),
        ],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}

/// Records that a batch failed: the job is retried after a pause that doubles, and fails after some attempts.
#[tracing::instrument(target = "postgres", name = "jobs.note_failure", skip_all)]
pub(crate) async fn note_failure(
    client: &Connection,
    tenant: TenantId,
    id: &str,
    error: &str,
) -> Result<()> {
    const ATTEMPTS: i32 = 12;
    client
        .execute(
            "UPDATE jobs SET attempts = attempts + 1, last_error = left($3, 500),
                 next_attempt_at = now() + interval '1 s' * 2 ^ attempts,
                 state = CASE WHEN attempts + 1 >= $4 THEN 'failed' ELSE state END,
                 finished_at = CASE WHEN attempts + 1 >= $4 THEN now() END
             WHERE tenant_id = $1 AND id = $2 AND state = 'running'",
            &[&tenant.0, &id, &error, &ATTEMPTS],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// Jobs past their retention.
pub(crate) const ENDED: DueRows = DueRows {
    sql: "SELECT tenant_id, id, 'it ended at ' || finished_at AS why FROM jobs
         WHERE finished_at <= now() - $3 * interval '1 ms' ORDER BY finished_at LIMIT $1 OFFSET $2",
    wait: Some(|batch| batch.times.job_retention),
};

/// Deletes jobs past their retention.
#[tracing::instrument(target = "postgres", name = "jobs.forget", skip_all)]
pub(crate) async fn forget(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            &format!(
                "DELETE FROM jobs j USING {} old WHERE j.tenant_id = old.tenant_id AND j.id = old.id
                 RETURNING j.tenant_id, j.id, old.why",
                ENDED.locked()
            ),
            &[
                &batch.limit,
                &batch.skip,
                &millis(batch.times.job_retention),
            ],
        )
        .await
        .map_err(from_pg)?;
    Taken::all(&rows)
}
