//! The garbage collector: passes that turn what nobody can reach any more into free space, and nothing else.
//!
//! A pass is a function of the store and its policy, takes no other input, and can be cut off anywhere: what it did is
//! committed, what it did not do is found again by the next one. Any number of workers may run passes at the same time.

use deadpool_postgres::Transaction;
use serde::Serialize;

use crate::{
    error::{Error, Result, describe},
    meta::{error::from_pg, events, gc as rows, jobs as jobs_rows, pending},
    store::{Store, Times},
};

mod jobs;
mod reclaim;

/// How a pass goes about its work.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How many rows one transaction takes at the most.
    pub batch: u32,
    /// How many batches one pass takes at the most; the next pass goes on from there.
    pub max_batches: u32,
    /// Do everything but commit and delete; the report says what would have been done.
    pub dry_run: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            batch: 500,
            max_batches: 1000,
            dry_run: false,
        }
    }
}

/// What a run of all passes did, or in a dry run would do of what is due now.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Artifacts whose time to live was over.
    pub expired: u64,
    /// Artifacts whose delete window was over, and which let go of their bytes.
    pub purged: u64,
    /// Uploads whose lease had run out.
    pub stale_uploads: u64,
    /// Objects that nothing referred to any more.
    pub condemned: u64,
    /// Unpublished artifacts that had waited too long.
    pub unpublished: u64,
    /// Idempotency keys whose window was over.
    pub idempotency_keys: u64,
    /// Events of sessions that had been kept long enough.
    pub session_events: u64,
    /// Jobs whose end was long enough ago.
    pub jobs: u64,
    /// Batches of jobs under way that were done.
    pub job_batches: u64,
    /// Objects whose grace was over and whose bytes were deleted.
    pub reclaimed: u64,
    /// How many bytes those were; an upload that was never completed counts none.
    pub bytes: u64,
    /// What failed; it is tried again by the next run.
    pub failures: Vec<Failure>,
}

/// One thing that a run could not do.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The pass that it happened in.
    pub pass: &'static str,
    /// What happened.
    pub error: String,
}

impl Report {
    /// Whether the run found nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let done = [
            self.expired,
            self.purged,
            self.stale_uploads,
            self.condemned,
            self.unpublished,
            self.idempotency_keys,
            self.session_events,
            self.jobs,
            self.job_batches,
            self.reclaimed,
        ];
        done.iter().all(|count| *count == 0) && self.failures.is_empty()
    }

    fn count_of(&mut self, pass: Pass) -> &mut u64 {
        match pass {
            Pass::Expire => &mut self.expired,
            Pass::Purge => &mut self.purged,
            Pass::StaleUploads => &mut self.stale_uploads,
            Pass::Condemn => &mut self.condemned,
            Pass::Unpublished => &mut self.unpublished,
            Pass::IdempotencyKeys => &mut self.idempotency_keys,
            Pass::SessionEvents => &mut self.session_events,
            Pass::Jobs => &mut self.jobs,
        }
    }

    fn fail(&mut self, pass: &'static str, error: &Error) {
        let error = describe(error);
        tracing::error!(pass, error, "a garbage collection pass failed");
        self.failures.push(Failure { pass, error });
    }
}

/// A pass that is nothing but transactions.
#[derive(Debug, Clone, Copy)]
enum Pass {
    Expire,
    Purge,
    StaleUploads,
    Unpublished,
    Condemn,
    IdempotencyKeys,
    SessionEvents,
    Jobs,
}

impl Pass {
    fn name(self) -> &'static str {
        match self {
            Self::Expire => "expire",
            Self::Purge => "purge",
            Self::StaleUploads => "stale_uploads",
            Self::Condemn => "condemn",
            Self::Unpublished => "unpublished",
            Self::IdempotencyKeys => "idempotency_keys",
            Self::SessionEvents => "session_events",
            Self::Jobs => "jobs",
        }
    }

    /// One batch: how many rows it took, and how many of them count.
    async fn step(self, tx: &Transaction<'_>, times: Times, batch: i64) -> Result<(u64, u64)> {
        let rows = match self {
            Self::Expire => rows::expire(tx, times.delete_window, batch).await?,
            Self::Purge => rows::purge(tx, batch).await?,
            Self::Unpublished => pending::discard_overdue(tx, batch).await?,
            Self::IdempotencyKeys => rows::forget_keys(tx, batch).await?,
            Self::SessionEvents => events::forget(tx, times.event_retention, batch).await?,
            Self::Jobs => jobs_rows::forget(tx, times.job_retention, batch).await?,
            Self::StaleUploads => rows::condemn_stale(tx, times.grace, batch).await?,
            Self::Condemn => {
                let reviewed = rows::condemn(tx, times.grace, batch).await?;
                return Ok((reviewed.reviewed, reviewed.condemned));
            }
        };
        Ok((rows, rows))
    }
}

/// Runs every pass once, in the order in which garbage moves through them. One that fails does not stop the others.
pub async fn run(store: &Store, policy: Policy) -> Report {
    let mut report = Report {
        dry_run: policy.dry_run,
        ..Report::default()
    };
    jobs::run(store, policy, &mut report).await;
    for pass in [
        Pass::Expire,
        Pass::Purge,
        Pass::StaleUploads,
        Pass::Unpublished,
        Pass::Condemn,
        Pass::IdempotencyKeys,
        Pass::SessionEvents,
        Pass::Jobs,
    ] {
        match in_batches(store, policy, pass).await {
            Ok(count) => *report.count_of(pass) = count,
            Err(e) => report.fail(pass.name(), &e),
        }
    }
    reclaim::run(store, policy, &mut report).await;
    report
}

/// Runs a pass until it finds less than a batch, each time in a transaction of its own; in a dry run in a single one that
/// is rolled back.
async fn in_batches(store: &Store, policy: Policy, pass: Pass) -> Result<u64> {
    let batch = u64::from(policy.batch);
    let mut client = store.meta.client().await?;
    let mut tx = client.transaction().await.map_err(from_pg)?;
    let mut counted = 0;
    for _ in 0..policy.max_batches {
        let (taken, count) = pass.step(&tx, store.times, i64::from(policy.batch)).await?;
        counted += count;
        if !policy.dry_run {
            tx.commit().await.map_err(from_pg)?;
            tx = client.transaction().await.map_err(from_pg)?;
        }
        if taken < batch {
            break;
        }
    }
    tx.rollback().await.map_err(from_pg)?;
    Ok(counted)
}
