//! Passes that consist of transactions only.

use futures_util::future::BoxFuture;

use super::{report::PlannedAction, run::Run};
use crate::{
    meta::{
        batch::{Batch, Taken},
        connection::{Connection, Transaction},
        due::DueRows,
        error::from_pg,
    },
    model::error::Result,
};

/// One batch, in a transaction that the caller ends.
pub(super) type Step = for<'a, 't> fn(&'a Transaction<'t>, Batch) -> BoxFuture<'a, Result<Taken>>;

/// A pass that consists of transactions only.
#[derive(Clone, Copy)]
pub(super) struct Batches {
    /// What it does to each row.
    pub(super) action: &'static str,
    /// The due rows; `None` if the pass adds and removes nothing: a dry run leaves it out.
    pub(super) due: Option<DueRows>,
    pub(super) step: Step,
}

/// How many faulty rows one run skips before it gives up.
const BAD_ROWS: u32 = 20;

/// Processes batches until one is not full, each in its own transaction.
///
/// A batch that fails is retried in halves, until the faulty row is alone. That row is reported and skipped, so it
/// delays nothing else.
pub(super) async fn run(run: &mut Run, pass: Batches) -> Result<()> {
    let Batches { action, due, step } = pass;
    let client = run.store.meta.client().await?;
    if run.policy.dry_run {
        return match due {
            Some(due) => rehearse(run, &client, action, due).await,
            None => Ok(()),
        };
    }
    let (mut limit, mut bad) = (run.policy.batch, 0);
    for _ in 0..run.policy.max_batches {
        if !run.may_go_on(&client).await? {
            return Ok(());
        }
        match one(&client, step, batch(run, limit, bad)).await {
            Ok(taken) => {
                run.count(taken.done.len() as u64);
                if taken.taken < u64::from(limit) {
                    return Ok(());
                }
                limit = limit.saturating_mul(2).min(run.policy.batch);
            }
            Err(e) if client.is_lost() => return Err(e),
            Err(_) if limit > 1 => limit /= 2,
            Err(e) => {
                run.report.fail(run.pass, &e);
                bad += 1;
                if bad == BAD_ROWS {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

async fn one(client: &Connection, step: Step, batch: Batch) -> Result<Taken> {
    let tx = client.transaction().await.map_err(from_pg)?;
    let taken = step(&tx, batch).await?;
    tx.commit().await.map_err(from_pg)?;
    Ok(taken)
}

/// How many rows a dry run reads at once.
const TOLD_AT_ONCE: u32 = 10_000;

/// Reports the rows of as many batches, and locks and changes nothing.
async fn rehearse(
    run: &mut Run,
    client: &Connection,
    action: &'static str,
    due: DueRows,
) -> Result<()> {
    let all = run.policy.batch.saturating_mul(run.policy.max_batches);
    let mut told = 0;
    while told < all {
        let limit = TOLD_AT_ONCE.min(all - told);
        let rows = due.look(client, batch(run, limit, told)).await?;
        told += limit;
        run.count(rows.done.len() as u64);
        for done in rows.done {
            run.report.plan(PlannedAction {
                pass: run.pass,
                action,
                id: done.id,
                tenant: done.tenant.to_string(),
                bytes: None,
                why: done.why,
            });
        }
        if rows.taken < u64::from(limit) {
            break;
        }
    }
    Ok(())
}

fn batch(run: &Run, limit: u32, skip: u32) -> Batch {
    Batch {
        limit: limit.into(),
        skip: skip.into(),
        times: run.store.times,
        record_retention: run.config.record_retention,
        ledger_retention: run.config.ledger_retention,
        session_max_artifacts: run.config.session_max_artifacts.into(),
    }
}
