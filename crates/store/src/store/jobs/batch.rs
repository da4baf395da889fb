//! One batch of a job.

use jiff::Timestamp;
use tracing::Instrument;

use crate::{
    meta::{
        artifacts,
        connection::Transaction,
        error::from_pg,
        holds,
        jobs::{self as rows, Claim, Claimed, Progress},
        pending, selection,
        stages::{self, By},
    },
    model::{
        error::{Error, Result, describe},
        filter::{Comparison, Condition, Filter},
        job::Task,
        selection::Expression,
        text::Identifier,
    },
    store::Store,
    trace,
};

/// How a batch of a job ended.
pub(crate) enum JobBatch {
    /// No job has work now.
    Idle,
    Done,
    /// A job failed, and waits for its retry.
    Failed(Error),
}

impl Store {
    /// Runs one batch of one job, in one transaction.
    ///
    /// # Errors
    /// `Unavailable`. A fault of the job itself is `JobBatch::Failed`.
    pub(crate) async fn run_job_batch(&self, batch: u32) -> Result<JobBatch> {
        let client = self.meta.client().await?;
        let tx = client.transaction().await.map_err(from_pg)?;
        let Some(Claim {
            tenant,
            id,
            claimed,
        }) = rows::claim(&tx).await?
        else {
            return Ok(JobBatch::Idle);
        };
        let span = tracing::info_span!("job", otel.name = "job batch", job = id);
        if let Ok(claimed) = &claimed
            && let Some(caller) = &claimed.traceparent
        {
            trace::continue_from(&span, caller);
        }
        let worked = async {
            let claimed = claimed?;
            let done = work(self, &tx, &claimed, batch.into()).await?;
            rows::note(&tx, &claimed, &done).await
        };
        match worked.instrument(span).await {
            Ok(()) => {
                tx.commit().await.map_err(from_pg)?;
                Ok(JobBatch::Done)
            }
            Err(e) => {
                tx.rollback().await.map_err(from_pg)?;
                rows::note_failure(&client, tenant, &id, &describe(&e)).await?;
                Ok(JobBatch::Failed(e))
            }
        }
    }
}

async fn work(
    store: &Store,
    tx: &Transaction<'_>,
    claimed: &Claimed,
    size: i64,
) -> Result<Progress> {
    let (tenant, job) = (claimed.tenant, &claimed.job);
    if let Task::DeleteSession { session_id } = &job.task {
        // In its own transaction: a discarded artifact queues its object, and the queue comes after artifacts in the
        // order of locks.
        let at = job.created_at;
        let (done, bytes) = pending::discard_of_session(tx, tenant, session_id, at, size).await?;
        if done > 0 {
            return Ok(Progress {
                reached: Some(claimed.reached.clone()),
                done,
                bytes,
                held: 0,
            });
        }
    }
    let matching = created_by(job.created_at, Expression::again(&job.filter)?);
    let found = selection::batch(tx, tenant, &matching, &claimed.reached, size).await?;
    let ids = found.ids;
    let mut batch = Progress {
        reached: found.reached,
        ..Progress::default()
    };
    match &job.task {
        Task::DeleteArtifacts | Task::DeleteSession { .. } => {
            let window = store.times.delete_window;
            let deleted = artifacts::delete_all(tx, tenant, &ids, window).await?;
            batch.done = deleted.len() as u64;
            batch.bytes = deleted.iter().map(|(_, bytes)| bytes).sum();
            batch.held = ids.len() as u64 - batch.done;
        }
        Task::SetLegalHold { hold } => batch.done = holds::set(tx, tenant, &ids, *hold).await?,
        Task::SetStage { stage, agent_id } => {
            let agent = Identifier::optional(agent_id.clone()).unwrap_or_default();
            let by = By {
                agent: agent.as_ref(),
                credential: &job.credential,
            };
            batch.done = stages::set_stage(tx, tenant, &ids, *stage, &by)
                .await?
                .changed;
        }
    }
    Ok(batch)
}

/// The artifacts that existed when a job was requested.
fn created_by(at: Timestamp, matching: Filter) -> Filter {
    let created = Condition::Created(Comparison::LessOrEqual, at);
    Filter::All(vec![matching, Filter::Is(created)])
}
