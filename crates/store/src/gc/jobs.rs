//! Continues the jobs that callers have started, batch by batch, in turn.

use super::run::Run;
use crate::{model::error::Result, store::jobs::JobBatch};

pub(super) async fn run(run: &mut Run) -> Result<()> {
    // The next batch of a job depends on the previous ones.
    if run.policy.dry_run {
        return Ok(());
    }
    for _ in 0..run.policy.max_batches {
        if !run.may_begin().await? {
            return Ok(());
        }
        match run.store.run_job_batch(run.policy.batch).await? {
            JobBatch::Idle => return Ok(()),
            JobBatch::Done => run.report.add("job_batches", 1),
            JobBatch::Failed(e) => run.report.fail(run.pass, &e),
        }
    }
    Ok(())
}
