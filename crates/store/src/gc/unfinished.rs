//! Aborts uploads to the blob store that began for an object whose row is gone by now: by a process that slept, or a
//! request that arrived late. Reclaim looked for them before, when they did not exist yet.
//!
//! As with orphans, the uploads are listed first and the database is asked second: the row of an upload exists before
//! its first byte, and a row that is gone never comes back, so no process can complete these uploads any more. Aborting
//! one removes nothing from complete objects.

use super::{report::PlannedAction, run::Run};
use crate::{
    blob::{Blobs, Unfinished, unavailable},
    meta::orphans::{self as rows, Owner},
    model::{
        error::Result,
        id::{ObjectId, TenantId},
    },
};

pub(super) async fn run(run: &mut Run) -> Result<()> {
    run.verify().await?;
    let mut after = None;
    for _ in 0..run.policy.max_pages {
        if !run.may_begin().await? {
            return Ok(());
        }
        let listed = run.store.blobs.list_unfinished(after).await;
        let listed = listed.map_err(unavailable)?;
        run.report.add("unfinished", listed.uploads.len() as u64);
        for (owner, upload) in nobodys(run, listed.uploads).await? {
            if !abort(run, owner, &upload).await? {
                return Ok(());
            }
        }
        after = listed.next;
        if after.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

type Ids = (TenantId, ObjectId);

/// Uploads that are old enough, and whose object has no row or is gone.
async fn nobodys(run: &Run, uploads: Vec<Unfinished>) -> Result<Vec<(Ids, Unfinished)>> {
    let age = run.config.orphan_age;
    let old = uploads.into_iter().filter(|upload| upload.age >= age);
    let ours: Vec<_> = old
        .filter_map(|upload| Some((upload.owner?, upload)))
        .collect();
    let ids: Vec<_> = ours.iter().map(|(ids, _)| *ids).collect();
    let client = run.store.meta.client().await?;
    let owners = rows::owners(&client, &ids).await?;
    let ours = ours.into_iter().zip(owners);
    Ok(ours
        .filter(|(_, owner)| *owner == Owner::Nobody)
        .map(|(upload, _)| upload)
        .collect())
}

/// Aborts one; false if the run has to stop.
async fn abort(run: &mut Run, (tenant, object): Ids, upload: &Unfinished) -> Result<bool> {
    let key = Blobs::key(tenant, object);
    if run.policy.dry_run {
        run.report.add("aborted_uploads", 1);
        run.report.plan(PlannedAction {
            pass: run.pass,
            action: "abort upload",
            id: key.to_string(),
            tenant: tenant.0.to_string(),
            bytes: None,
            why: "no object has this key, so the upload cannot be completed".to_owned(),
        });
        return Ok(true);
    }
    if !run.may_delete(1).await? {
        return Ok(false);
    }
    match run.store.blobs.abort(&key, Some(&upload.id)).await {
        Ok(()) => run.report.add("aborted_uploads", 1),
        Err(e) => run.report.fail(run.pass, &unavailable(e)),
    }
    Ok(true)
}
