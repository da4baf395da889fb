//! Deletes the bytes of condemned objects whose grace is over.
//!
//! Claim, commit, delete, record: no transaction is open while the blob store works. A worker that dies in between leaves
//! a claim that runs out; deleting again is harmless, because nobody can refer to these bytes any more.

use super::{Policy, Report};
use crate::{
    blob::{BlobError, Blobs, ObjectKey},
    error::{Result, describe},
    meta::{
        error::from_pg,
        gc::{self as rows, Due},
    },
    store::{Store, unavailable},
};

pub(super) async fn run(store: &Store, policy: Policy, report: &mut Report) {
    for _ in 0..policy.max_batches {
        let due = match claim(store, policy).await {
            Ok(due) => due,
            Err(e) => return report.fail("reclaim", &e),
        };
        let last = (due.len() as u64) < u64::from(policy.batch);
        let gone = if policy.dry_run {
            due
        } else {
            match delete(store, due, report).await {
                Ok(gone) => gone,
                Err(e) => return report.fail("reclaim", &e),
            }
        };
        report.reclaimed += gone.len() as u64;
        report.bytes += gone.iter().map(|due| due.bytes).sum::<u64>();
        if last || policy.dry_run {
            return;
        }
    }
}

async fn claim(store: &Store, policy: Policy) -> Result<Vec<Due>> {
    let mut client = store.meta.client().await?;
    let tx = client.transaction().await.map_err(from_pg)?;
    let batch = if policy.dry_run {
        i64::from(policy.batch) * i64::from(policy.max_batches)
    } else {
        i64::from(policy.batch)
    };
    let due = rows::claim_condemned(&tx, batch).await?;
    let ended = if policy.dry_run {
        tx.rollback().await
    } else {
        tx.commit().await
    };
    ended.map_err(from_pg)?;
    Ok(due)
}

/// Deletes the bytes and returns what is gone. What could not be deleted is reported, noted in its row and tried again.
async fn delete(store: &Store, due: Vec<Due>, report: &mut Report) -> Result<Vec<Due>> {
    let (mut gone, stored): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.inline);
    let mut whole = Vec::with_capacity(stored.len());
    let mut failed = Vec::new();
    for due in stored {
        match abort_unfinished(store, &due).await {
            Ok(()) => whole.push(due),
            Err(e) => failed.push((due, e)),
        }
    }
    let keys: Vec<_> = whole.iter().map(key).collect();
    let results = store.blobs.delete(&keys).await;
    for (due, result) in whole.into_iter().zip(results) {
        match result {
            Ok(()) => gone.push(due),
            Err(e) => failed.push((due, e)),
        }
    }
    let client = store.meta.client().await?;
    rows::mark_gone(&client, gone.iter()).await?;
    for (due, e) in failed {
        let error = unavailable(e);
        rows::note_failure(&client, &due, &describe(&error)).await?;
        report.fail("reclaim", &error);
    }
    Ok(gone)
}

/// Ends multipart uploads to the key of an upload that was not completed, known or not.
async fn abort_unfinished(store: &Store, due: &Due) -> Result<(), BlobError> {
    if !due.unfinished {
        return Ok(());
    }
    let id = due.multipart_id.as_deref();
    store.blobs.abort(&key(due), id).await
}

fn key(due: &Due) -> ObjectKey {
    Blobs::key(due.tenant, due.object)
}
