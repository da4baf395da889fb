//! Finds bytes in the blob store without an object, such as those of a write that arrived after its row was gone, and
//! deletes them.
//!
//! A shard is listed first and the database asked second: an upload's row is committed before its bytes are written, so
//! a key that is listed and has no row then will never have one. In the other order, an upload that began in between
//! would look like an orphan. Everything else protects against operators' mistakes: a key must be old, be seen by two
//! scans far apart, have exactly the form of our keys and belong to a known tenant. When there are many suspects, the
//! database is probably the wrong one.

use std::time::Duration;

use super::{report::PlannedAction, run::Run, verdict::classify};
use crate::{
    blob::{Blobs, unavailable},
    meta::orphans::{self as rows, Shard, Suspect},
    model::error::Result,
};

/// How long a worker may take for a page of a listing before another one takes the shard.
const LEASE: Duration = Duration::from_secs(900);

pub(super) async fn run(run: &mut Run) -> Result<()> {
    run.verify().await?;
    if run.policy.dry_run {
        return rehearse(run).await;
    }
    let client = run.store.meta.client().await?;
    rows::acquit(&client).await?;
    let begun = rows::now(&client).await?;
    drop(client);
    let mut pages = 0;
    while pages < run.policy.max_pages && !too_many(run).await? {
        let client = run.store.meta.client().await?;
        if !run.may_go_on(&client).await? {
            return Ok(());
        }
        let round = run.config.orphan_round;
        let Some(mut shard) = rows::claim_shard(&client, begun, round, LEASE).await? else {
            return Ok(());
        };
        drop(client);
        let ended = scan(run, &mut shard, &mut pages).await;
        if !matches!(ended, Ok(true)) {
            let client = run.store.meta.client().await?;
            rows::give_back(&client, &shard).await?;
            ended?;
            continue;
        }
        rows::finish(&run.store.meta.client().await?, &shard).await?;
        if !too_many(run).await? {
            delete(run, &shard).await?;
        }
    }
    Ok(())
}

/// Whether there are so many suspects that something else must be wrong. That is a failure, for an operator to inspect.
async fn too_many(run: &mut Run) -> Result<bool> {
    let (suspects, listed) = rows::suspected(&run.store.meta.client().await?).await?;
    let limit = run.config.orphan_limit.max(listed / 100);
    if suspects <= limit {
        return Ok(false);
    }
    if run.report.failures_of(run.pass) == 0 {
        run.report.fail_with(
            run.pass,
            format!(
                "{suspects} keys of {listed} look like nobody's, more than the limit of {limit}: no orphan is deleted. Is \
                 this the right database, and as new as the blob store? If it is, raise CAIRN_GC_ORPHAN_LIMIT for a while"
            ),
        );
    }
    Ok(true)
}

/// Lists a shard to its end; false if the run has to stop before.
async fn scan(run: &mut Run, shard: &mut Shard, pages: &mut u32) -> Result<bool> {
    loop {
        *pages += 1;
        let (suspects, listed, next) = look(run, shard).await?;
        if let Some(last_key) = &next {
            shard.last_key.clone_from(last_key);
        }
        let client = run.store.meta.client().await?;
        rows::advance(&client, shard, &suspects, listed, LEASE).await?;
        if next.is_none() {
            return Ok(true);
        }
        if *pages >= run.policy.max_pages || !run.may_go_on(&client).await? {
            return Ok(false);
        }
        drop(client);
        if too_many(run).await? {
            return Ok(false);
        }
    }
}

/// One page of a listing: its suspects, its number of keys, and where the next page starts.
async fn look(run: &mut Run, shard: &Shard) -> Result<(Vec<Suspect>, usize, Option<String>)> {
    let start = Blobs::shard(shard.number);
    let listed = run.store.blobs.list(&start, &shard.last_key).await;
    let listed = listed.map_err(unavailable)?;
    let verdict = classify(&run.store, listed.entries).await?;
    run.report.add("listed", verdict.listed as u64);
    run.report.add("unknown_keys", verdict.strange.len() as u64);
    for path in verdict.strange.iter().take(10) {
        tracing::warn!(
            key = path,
            "a key in the blob store is not known here; it is left alone"
        );
    }
    let age = run.config.orphan_age;
    let suspects = verdict.orphans.into_iter().filter(|(_, lain)| *lain >= age);
    let suspects: Vec<_> = suspects.map(|(suspect, _)| suspect).collect();
    run.report.add("suspects", suspects.len() as u64);
    Ok((suspects, verdict.listed, listed.next))
}

/// Deletes the suspects of a shard that are due. The order to delete is committed first and removed with the entry in
/// the ledger, so a worker that dies in between leaves an order that is executed again.
async fn delete(run: &mut Run, shard: &Shard) -> Result<()> {
    let (confirm, worker) = (run.config.orphan_confirm, run.config.worker.clone());
    let limit = run.pace.at_once(run.policy.batch);
    loop {
        let client = run.store.meta.client().await?;
        if !run.may_go_on(&client).await? {
            return Ok(());
        }
        let due = rows::order(&client, shard, confirm, limit.into()).await?;
        drop(client);
        if due.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = due.iter().map(|s| Blobs::key(s.tenant, s.object)).collect();
        if !run.may_delete(keys.len()).await? {
            return Ok(());
        }
        let results = run.store.blobs.delete(&keys).await;
        let mut gone = Vec::with_capacity(keys.len());
        for (key, result) in keys.iter().zip(results) {
            match result {
                Ok(()) => gone.push(key.as_str()),
                Err(e) => run.report.fail(run.pass, &unavailable(e)),
            }
        }
        let client = run.store.meta.client().await?;
        for bytes in rows::deleted(&client, &worker, &gone).await? {
            run.report.add("orphans", 1);
            run.report.add("orphan_bytes", bytes);
        }
        if gone.len() < limit as usize {
            return Ok(());
        }
    }
}

/// Lists everything and records nothing: reports what the next scan would delete.
async fn rehearse(run: &mut Run) -> Result<()> {
    let confirm = run.config.orphan_confirm;
    let client = run.store.meta.client().await?;
    let started_at = rows::now(&client).await?;
    drop(client);
    let mut pages = 0;
    for number in 0..=u8::MAX {
        let mut shard = Shard {
            number,
            started_at,
            last_key: String::new(),
        };
        while pages < run.policy.max_pages {
            pages += 1;
            let (suspects, _, next) = look(run, &shard).await?;
            let client = run.store.meta.client().await?;
            for place in rows::due(&client, &suspects, confirm).await? {
                let Some(suspect) = suspects.get(place) else {
                    continue;
                };
                run.report.add("orphans", 1);
                run.report.add("orphan_bytes", suspect.size);
                run.report.plan(PlannedAction {
                    pass: run.pass,
                    action: "delete bytes",
                    id: suspect.key.clone(),
                    tenant: suspect.tenant.0.to_string(),
                    bytes: Some(suspect.size),
                    why: "no object has this key, now as at an earlier scan".to_owned(),
                });
            }
            match next {
                Some(last_key) => shard.last_key = last_key,
                None => break,
            }
        }
    }
    Ok(())
}
