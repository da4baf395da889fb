//! Makes todos of final plans that no call has read.

use super::run::Run;
use crate::model::error::Result;

pub(super) async fn run(run: &mut Run) -> Result<()> {
    // It adds and deletes no artifact.
    if run.policy.dry_run {
        return Ok(());
    }
    for _ in 0..run.policy.max_batches {
        if !run.may_begin().await? {
            return Ok(());
        }
        let (read, errors) = run.store.read_due_plans().await?;
        run.report.add("plans_read", read);
        let failed = errors.len();
        for e in errors {
            run.report.fail(run.pass, &e);
        }
        if read == 0 || failed > 0 {
            return Ok(());
        }
    }
    Ok(())
}
