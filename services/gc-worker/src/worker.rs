use std::time::Duration;

use cairn_store::{
    Store,
    gc::{self, Policy, Report},
};
use tokio_util::sync::CancellationToken;

use crate::config::Settings;

/// The longest pause between two runs while they fail.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Runs every pass again and again until it is told to stop, in the middle of a run if need be: a run can be cut off
/// anywhere. While runs fail, the pauses between them double.
pub async fn work(store: Store, settings: Settings, shutdown: CancellationToken) {
    let mut pause = settings.interval;
    loop {
        let run = gc::run(&store, Policy::default());
        let Some(report) = shutdown.run_until_cancelled(run).await else {
            return;
        };
        tell(&report);
        pause = if report.failures.is_empty() {
            settings.interval
        } else {
            (pause * 2).clamp(settings.interval, LONGEST_PAUSE.max(settings.interval))
        };
        // Workers that were started together should not stay together.
        let jittered = pause.mul_f64(rand::random_range(0.8..1.2));
        let sleep = tokio::time::sleep(jittered);
        if shutdown.run_until_cancelled(sleep).await.is_none() {
            return;
        }
    }
}

fn tell(report: &Report) {
    if report.is_idle() {
        tracing::debug!("nothing to collect");
        return;
    }
    tracing::info!(
        expired = report.expired,
        purged = report.purged,
        stale_uploads = report.stale_uploads,
        condemned = report.condemned,
        idempotency_keys = report.idempotency_keys,
        reclaimed = report.reclaimed,
        bytes = report.bytes,
        failures = report.failures.len(),
        "collected"
    );
}
