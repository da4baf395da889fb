//! Continues the erasures of tenants that operators have requested, step by step, in turn.

use super::run::Run;
use crate::{model::error::Result, store::erasures::ErasureStep};

pub(super) async fn run(run: &mut Run) -> Result<()> {
    // The next step of an erasure depends on the previous ones.
    if run.policy.dry_run {
        return Ok(());
    }
    for _ in 0..run.policy.max_batches {
        if !run.may_begin().await? {
            return Ok(());
        }
        match run.store.advance_erasure(run.policy.batch).await? {
            ErasureStep::Idle => return Ok(()),
            ErasureStep::Done => run.count(1),
            ErasureStep::Waits => {}
            ErasureStep::Failed(e) => run.report.fail(run.pass, &e),
        }
    }
    Ok(())
}
