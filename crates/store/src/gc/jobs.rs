//! Goes on with the jobs that callers have started, batch by batch, in turn.

use tracing::Instrument;

use super::Run;
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
        job::Task,
        selection::Expression,
        text::Label,
    },
    store::{Store, jobs::created_by},
    trace,
};

pub(super) async fn run(run: &mut Run) -> Result<()> {
    // What a job would do depends on what it has done.
    if run.policy.dry_run {
        return Ok(());
    }
    for _ in 0..run.policy.max_batches {
        if !run.may_begin().await? {
            return Ok(());
        }
        match step(&run.store, i64::from(run.policy.batch)).await? {
            Step::Idle => return Ok(()),
            Step::Done => run.report.add("job_batches", 1),
            Step::Failed(e) => run.report.fail(run.pass, &e),
        }
    }
    Ok(())
}

enum Step {
    /// No job has anything to do now.
    Idle,
    Done,
    /// A job has met a fault, and waits.
    Failed(Error),
}

/// One batch of one job, in one transaction.
async fn step(store: &Store, batch: i64) -> Result<Step> {
    let client = store.meta.client().await?;
    let tx = client.transaction().await.map_err(from_pg)?;
    let Some(Claim {
        tenant,
        id,
        claimed,
    }) = rows::claim(&tx).await?
    else {
        return Ok(Step::Idle);
    };
    let span = tracing::info_span!("job", otel.name = "job batch", job = id);
    if let Ok(claimed) = &claimed
        && let Some(caller) = &claimed.traceparent
    {
        trace::continue_from(&span, caller);
    }
    let worked = async {
        let claimed = claimed?;
        let done = work(store, &tx, &claimed, batch).await?;
        rows::note(&tx, &claimed, &done).await
    };
    match worked.instrument(span).await {
        Ok(()) => {
            tx.commit().await.map_err(from_pg)?;
            Ok(Step::Done)
        }
        Err(e) => {
            tx.rollback().await.map_err(from_pg)?;
            rows::note_failure(&client, tenant, &id, &describe(&e)).await?;
            Ok(Step::Failed(e))
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
        // In a transaction of its own: what is discarded leads to the queue, which comes behind artifacts in the order of
        // locks.
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
            let agent = Label::optional(agent_id.clone()).unwrap_or_default();
            let by = By {
                agent: agent.as_ref(),
                credential: &job.credential,
            };
            batch.done = stages::set_stage(tx, tenant, &ids, *stage, &by).await?;
        }
    }
    Ok(batch)
}
