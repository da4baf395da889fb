//! The days of the audit trail: those to come are prepared, and those that are no longer kept are dropped.

use super::run::Run;
use crate::{meta::audit as rows, model::error::Result};

pub(super) async fn run(run: &mut Run) -> Result<()> {
    if run.policy.dry_run || !run.may_begin().await? {
        return Ok(());
    }
    let client = run.store.meta.client().await?;
    let dropped = rows::turn(&client, run.config.audit_retention).await?;
    run.count(dropped);
    Ok(())
}
