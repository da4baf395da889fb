//! Deletes the bytes of condemned objects whose grace is over.
//!
//! Claim, commit, delete, record: no transaction is open while the blob store works. A worker that dies in between
//! leaves a claim that expires. Deleting again is harmless, because nothing can refer to these bytes any more.

use futures_util::{StreamExt, stream};

use super::{report::PlannedAction, run::Run};
use crate::{
    blob::{BlobError, Blobs, ObjectKey, unavailable},
    meta::{
        collector::{self as rows, Due},
        connection::Connection,
        error::from_pg,
        ledger,
    },
    model::error::{Error, Result, describe},
};

/// How many unfinished uploads are aborted at once: each takes two requests, and a batch of them must be done before
/// its claims expire.
const ABORTS: usize = 32;
/// How many rows a dry run reads at once.
const TOLD_AT_ONCE: i64 = 10_000;

pub(super) async fn run(run: &mut Run) -> Result<()> {
    if run.policy.dry_run {
        return rehearse(run).await;
    }
    let batch = run.pace.at_once(run.policy.batch);
    for _ in 0..run.policy.max_batches {
        if !run.may_begin().await? {
            return Ok(());
        }
        let claimed = claim(run, batch.into()).await?;
        let last = (claimed.len() as u64) < u64::from(batch);
        let due = legible(run, claimed);
        if due.is_empty() {
            return Ok(());
        }
        // Only now: a run with nothing to delete need not ask the blob store.
        if let Err(e) = run.verify().await {
            note(run, &due, &e).await?;
            return Err(e);
        }
        let before = run.report.count("reclaimed");
        delete(run, due).await?;
        // If nothing can be deleted, further attempts are useless.
        if last || run.report.count("reclaimed") == before {
            return Ok(());
        }
    }
    Ok(())
}

async fn rehearse(run: &mut Run) -> Result<()> {
    let all = i64::from(run.policy.batch) * i64::from(run.policy.max_batches);
    let mut told = 0;
    while told < all {
        let limit = TOLD_AT_ONCE.min(all - told);
        let client = run.store.meta.client().await?;
        let due = rows::due_condemned(&client, limit, told).await?;
        told += limit;
        let last = (due.len() as i64) < limit;
        tell(run, due);
        if last {
            break;
        }
    }
    Ok(())
}

fn tell(run: &mut Run, due: Vec<Result<Due>>) {
    for due in legible(run, due) {
        run.report.add("reclaimed", 1);
        run.report.add("bytes", due.bytes.unwrap_or(0));
        run.report.plan(PlannedAction {
            pass: run.pass,
            action: "delete bytes",
            id: match due.inline {
                true => due.object.0.to_string(),
                false => key(&due).to_string(),
            },
            tenant: due.tenant.0.to_string(),
            bytes: due.bytes,
            why: format!("{}; its grace was over at {}", due.reason(), due.not_before),
        });
    }
}

/// Reports damaged rows, which an operator must inspect.
fn legible(run: &mut Run, claimed: Vec<Result<Due>>) -> Vec<Due> {
    let report = |due: Result<Due>| due.inspect_err(|e| run.report.fail(run.pass, e)).ok();
    claimed.into_iter().filter_map(report).collect()
}

async fn claim(run: &Run, batch: i64) -> Result<Vec<Result<Due>>> {
    let client = run.store.meta.client().await?;
    let tx = client.transaction().await.map_err(from_pg)?;
    let due = rows::claim_condemned(&tx, batch).await?;
    tx.commit().await.map_err(from_pg)?;
    Ok(due)
}

/// Deletes the bytes. A failure is reported, recorded in the row and retried.
async fn delete(run: &mut Run, due: Vec<Due>) -> Result<()> {
    let (mut gone, stored): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.inline);
    if !run.may_delete(stored.len()).await? {
        return Ok(());
    }
    let mut whole = Vec::with_capacity(stored.len());
    let mut failed = Vec::new();
    let blobs = &run.store.blobs;
    let mut aborted = stream::iter(stored)
        .map(async |due| (abort_unfinished(blobs, &due).await, due))
        .buffer_unordered(ABORTS);
    while let Some((result, due)) = aborted.next().await {
        match result {
            Ok(()) => whole.push(due),
            Err(e) => failed.push((due, e)),
        }
    }
    drop(aborted);
    let keys: Vec<_> = whole.iter().map(key).collect();
    let results = run.store.blobs.delete(&keys).await;
    for (due, result) in whole.into_iter().zip(results) {
        match result {
            Ok(()) => gone.push(due),
            Err(e) => failed.push((due, e)),
        }
    }
    for (due, e) in failed {
        let error = unavailable(e);
        run.report.fail(run.pass, &error);
        note(run, &[due], &error).await?;
    }
    record(run, &gone).await
}

/// Records what is gone; if that fails, one by one, so that one bad row does not block the others.
async fn record(run: &mut Run, gone: &[Due]) -> Result<()> {
    let client = run.store.meta.client().await?;
    let whole = mark(run, &client, gone).await;
    let Err(e) = whole else { return Ok(()) };
    if client.is_lost() {
        return Err(e);
    }
    for due in gone {
        if let Err(e) = mark(run, &client, std::slice::from_ref(due)).await {
            run.report.fail(run.pass, &e);
        }
    }
    Ok(())
}

async fn mark(run: &mut Run, client: &Connection, gone: &[Due]) -> Result<()> {
    let keys: Vec<_> = gone
        .iter()
        .map(|due| (!due.inline).then(|| key(due).to_string()))
        .collect();
    for bytes in ledger::mark_gone(client, &run.config.worker, gone, &keys).await? {
        run.report.add("reclaimed", 1);
        run.report.add("bytes", bytes);
    }
    Ok(())
}

async fn note(run: &Run, due: &[Due], error: &Error) -> Result<()> {
    let client = run.store.meta.client().await?;
    rows::note_failure(&client, due, &describe(error)).await
}

/// Aborts multipart uploads to the key of an unfinished upload, known or not.
async fn abort_unfinished(blobs: &Blobs, due: &Due) -> Result<(), BlobError> {
    if !due.unfinished {
        return Ok(());
    }
    let id = due.multipart_id.as_deref();
    blobs.abort(&key(due), id).await
}

fn key(due: &Due) -> ObjectKey {
    Blobs::key(due.tenant, due.object)
}
