use std::time::Duration;

use cairn_store::{
    GcConfig, Store,
    gc::{Collector, PASSES, Pass, Policy, Report},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{backlog, config::Settings};

/// The longest pause between two runs of a pass while they fail, unless its own is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Runs every pass repeatedly, each at its own interval, until it is stopped, in the middle of a run if necessary: a
/// run can be interrupted anywhere. While runs of a pass fail, the pauses between them double; the others continue.
pub async fn work(store: Store, config: GcConfig, settings: Settings, shutdown: CancellationToken) {
    let collector = Collector::new(store.clone(), config);
    let mut passes = JoinSet::new();
    for pass in PASSES {
        passes.spawn(repeat(collector.clone(), pass, settings, shutdown.clone()));
    }
    passes.spawn(backlog::tell(store, shutdown));
    passes.join_all().await;
}

async fn repeat(
    collector: Collector,
    pass: &'static Pass,
    settings: Settings,
    shutdown: CancellationToken,
) {
    let every = pass.every.unwrap_or(settings.interval);
    let mut pause = every;
    loop {
        let run = collector.run_passes(Policy::default(), [pass]);
        let Some(report) = shutdown.run_until_cancelled(run).await else {
            return;
        };
        tell(pass, &report);
        pause = if report.failures.is_empty() {
            every
        } else {
            after_failure(pause, every, settings.interval)
        };
        // Workers that started together should not stay together.
        let jittered = pause.mul_f64(rand::random_range(0.8..1.2));
        let sleep = tokio::time::sleep(jittered);
        if shutdown.run_until_cancelled(sleep).await.is_none() {
            return;
        }
    }
}

/// The pause after a failed run. A pass that runs seldom is retried earlier than its interval.
fn after_failure(pause: Duration, every: Duration, interval: Duration) -> Duration {
    let longest = LONGEST_PAUSE.max(interval);
    if pause >= every && every > longest {
        return longest.min(interval * 2);
    }
    (pause * 2).min(longest)
}

fn tell(pass: &Pass, report: &Report) {
    if let Some(pause) = &report.paused {
        tracing::warn!(
            pass = pass.name,
            by = pause.by,
            reason = pause.reason,
            "the collector is paused"
        );
        return;
    }
    if report.is_idle() {
        tracing::debug!(pass = pass.name, "nothing to collect");
        return;
    }
    let counts: Vec<_> = report
        .counts
        .iter()
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
    tracing::info!(
        pass = pass.name,
        counts = counts.join(" "),
        failures = report.failures.len(),
        "collected"
    );
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::after_failure;

    #[test]
    fn pauses_double_while_runs_fail_up_to_ten_minutes() {
        let minute = Duration::from_secs(60);
        for every in [minute, 60 * minute] {
            let mut pause = every;
            let pauses = [2, 4, 8, 10, 10].map(|_| {
                pause = after_failure(pause, every, minute);
                pause.as_secs() / 60
            });
            assert_eq!(pauses, [2, 4, 8, 10, 10]);
        }
    }
}
