//! Finds live objects whose bytes are missing or differ, and raises an alarm. It deletes and changes nothing: an
//! artifact that cannot be read is bad, and losing the record of what it was is worse.

use futures_util::{StreamExt, stream};

use super::{
    examine::{Depth, examine},
    report::PlannedAction,
    run::Run,
};
use crate::{
    meta::ghosts::{self as rows, Live},
    model::{
        error::Result,
        id::{ObjectId, TenantId},
    },
};

/// How many objects are checked at once.
const AT_ONCE: usize = 8;
/// How many objects one step of a walk reads.
const PART: u32 = 100;

pub(super) async fn run(run: &mut Run) -> Result<()> {
    run.verify().await?;
    let client = run.store.meta.client().await?;
    let known = rows::known(&client, run.policy.heads.into()).await?;
    drop(client);
    // Known ghosts are checked first, and thoroughly: their bytes may have been brought back.
    look_at(run, known, Depth::Content).await?;
    walk(run, "heads", Depth::Size).await?;
    walk(run, "rehash", Depth::Content).await
}

/// Continues a walk through all live objects where the last run stopped, or from the start after the end.
async fn walk(run: &mut Run, name: &'static str, depth: Depth) -> Result<()> {
    let client = run.store.meta.client().await?;
    let mut at = rows::cursor(&client, name).await?;
    drop(client);
    let (mut objects, mut bytes) = (run.policy.heads, run.config.rehash_bytes);
    while objects > 0 && (depth == Depth::Size || bytes > 0) {
        let client = run.store.meta.client().await?;
        if !run.may_go_on(&client).await? {
            return Ok(());
        }
        let wanted = objects.min(PART);
        let mut part = rows::behind(&client, at, wanted.into()).await?;
        drop(client);
        let mut ended = part.len() < wanted as usize;
        if depth == Depth::Content {
            // At least one, so that the largest object does not stop the walk.
            let mut sum = 0;
            let fit = part.iter().take_while(|live| {
                let fits = sum == 0 || sum + live.size <= bytes;
                sum += live.size.max(1);
                fits
            });
            let fit = fit.count();
            if fit < part.len() {
                part.truncate(fit);
                (ended, bytes) = (false, 0);
            }
            bytes = bytes.saturating_sub(part.iter().map(|live| live.size).sum());
        }
        objects -= wanted;
        let last = part.last().map(|live| (live.tenant, live.object));
        if !look_at(run, part, depth).await? {
            return Ok(());
        }
        at = match last {
            Some(last) if !ended => last,
            _ => (TenantId(uuid::Uuid::nil()), ObjectId(uuid::Uuid::nil())),
        };
        if !run.policy.dry_run {
            let client = run.store.meta.client().await?;
            rows::move_cursor(&client, name, at).await?;
        }
        if ended {
            return Ok(());
        }
    }
    Ok(())
}

/// Checks objects; false if none could be checked, so that the walk should stop.
async fn look_at(run: &mut Run, objects: Vec<Live>, depth: Depth) -> Result<bool> {
    let (store, total) = (run.store.clone(), objects.len());
    // All are checked before the first is judged: a half-finished check may hold a connection.
    let looks: Vec<_> = stream::iter(objects)
        .map(|live| {
            let store = store.clone();
            async move {
                let found = examine(&store, &live, depth).await;
                (live, found)
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut failed = 0;
    for (live, found) in looks {
        match found {
            Ok(problem) => judge(run, &live, depth, problem).await?,
            Err(e) => {
                failed += 1;
                run.report.fail(run.pass, &e);
            }
        }
    }
    Ok(failed == 0 || failed < total)
}

async fn judge(
    run: &mut Run,
    live: &Live,
    depth: Depth,
    problem: Option<&'static str>,
) -> Result<()> {
    run.report.add("looked_at", 1);
    if depth == Depth::Content {
        run.report.add("rehashed", 1);
        run.report.add("rehashed_bytes", live.size);
    }
    let client = run.store.meta.client().await?;
    let Some(problem) = problem else {
        if depth == Depth::Content && !run.policy.dry_run {
            rows::acquit(&client, live).await?;
        }
        return Ok(());
    };
    // It may be found twice, by its size and by its content.
    if !run.accused.insert(live.object) {
        return Ok(());
    }
    if run.policy.dry_run {
        run.report.add("ghosts", 1);
        run.report.plan(PlannedAction {
            pass: run.pass,
            action: "alert",
            id: live.object.0.to_string(),
            tenant: live.tenant.0.to_string(),
            bytes: None,
            why: problem.to_owned(),
        });
        return Ok(());
    }
    if let Some(artifacts) = rows::accuse(&client, live, problem).await? {
        run.report.add("ghosts", 1);
        let words = format!(
            "object {} of tenant {}: {problem}; artifacts: {}",
            live.object.0,
            live.tenant.0,
            artifacts.join(", ")
        );
        run.report.fail_with(run.pass, words);
    }
    Ok(())
}
