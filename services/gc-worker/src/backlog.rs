//! The collector's backlog as metrics: the same numbers from every worker, because they come from the database.

use std::time::Duration;

use cairn_store::{
    Store, describe,
    gc::{PASSES, Status},
};
use opentelemetry::{
    KeyValue, global,
    metrics::{Gauge, Meter},
};
use tokio_util::sync::CancellationToken;

/// How often the database is asked.
const INTERVAL: Duration = Duration::from_secs(60);
/// The time within which one worker counts for all; less than the interval, or every second count would be skipped.
const COUNTED_WITHIN: Duration = Duration::from_secs(50);

/// Exports the numbers until it is stopped.
pub(crate) async fn tell(store: Store, shutdown: CancellationToken) {
    let gauges = Gauges::new(&global::meter("cairn"));
    loop {
        let status = store.gc_status_within(COUNTED_WITHIN);
        match shutdown.run_until_cancelled(status).await {
            Some(Ok(Some(status))) => gauges.record(&status),
            // Another worker is counting for the first time.
            Some(Ok(None)) => {}
            Some(Err(e)) => tracing::warn!(error = describe(&e), "what waits is not known"),
            None => return,
        }
        let sleep = tokio::time::sleep(INTERVAL);
        if shutdown.run_until_cancelled(sleep).await.is_none() {
            return;
        }
    }
}

struct Gauges {
    queue_depth: Gauge<u64>,
    queue_age: Gauge<f64>,
    condemned: Gauge<u64>,
    condemned_bytes: Gauge<u64>,
    failing: Gauge<u64>,
    suspects: Gauge<u64>,
    ghosts: Gauge<u64>,
    paused: Gauge<u64>,
    last_success: Gauge<f64>,
    counted_at: Gauge<f64>,
    stored_artifacts: Gauge<u64>,
    stored_bytes: Gauge<u64>,
    physical_objects: Gauge<u64>,
    physical_bytes: Gauge<u64>,
    fullest_share: Gauge<f64>,
    near_quota: Gauge<u64>,
}

impl Gauges {
    fn new(meter: &Meter) -> Self {
        let count = |name| meter.u64_gauge(name).build();
        let bytes = |name| meter.u64_gauge(name).with_unit("By").build();
        Self {
            queue_depth: count("cairn.gc.queue.depth"),
            queue_age: meter
                .f64_gauge("cairn.gc.queue.oldest_age")
                .with_unit("s")
                .build(),
            condemned: count("cairn.gc.condemned.objects"),
            condemned_bytes: bytes("cairn.gc.condemned"),
            failing: count("cairn.gc.failing.objects"),
            suspects: count("cairn.gc.orphans"),
            ghosts: count("cairn.gc.ghosts"),
            paused: count("cairn.gc.paused"),
            last_success: meter
                .f64_gauge("cairn.gc.pass.last_success.timestamp")
                .with_unit("s")
                .build(),
            counted_at: meter
                .f64_gauge("cairn.gc.backlog.counted.timestamp")
                .with_unit("s")
                .build(),
            stored_artifacts: count("cairn.stored.artifacts"),
            stored_bytes: bytes("cairn.stored"),
            physical_objects: count("cairn.physical.objects"),
            physical_bytes: bytes("cairn.physical"),
            fullest_share: meter
                .f64_gauge("cairn.tenant.quota.usage.ratio.max")
                .build(),
            near_quota: count("cairn.tenants.near_quota"),
        }
    }

    fn record(&self, status: &Status) {
        let backlog = &status.backlog;
        self.queue_depth.record(backlog.queued, &[]);
        self.queue_age.record(backlog.oldest.as_secs_f64(), &[]);
        self.condemned.record(backlog.condemned, &[]);
        self.condemned_bytes.record(backlog.condemned_bytes, &[]);
        self.failing.record(backlog.failing, &[]);
        self.suspects.record(backlog.suspects, &[]);
        self.ghosts.record(status.ghosts.len() as u64, &[]);
        let paused = status.deployment.paused.is_some();
        self.paused.record(paused.into(), &[]);
        for pass in PASSES {
            let known = status.passes.iter().find(|state| state.name == pass.name);
            let at = known.and_then(|state| state.succeeded_at);
            // An alert must see a pass that has never succeeded.
            let seconds = at.map_or(0.0, |at| at.as_duration().as_secs_f64());
            let name = KeyValue::new("pass", pass.name);
            self.last_success.record(seconds, &[name]);
        }
        let counted_at = status.counted_at.as_duration().as_secs_f64();
        self.counted_at.record(counted_at, &[]);
        let usage = &status.usage;
        self.stored_artifacts.record(usage.stored_artifacts, &[]);
        self.stored_bytes.record(usage.stored_bytes, &[]);
        self.physical_objects.record(usage.physical_objects, &[]);
        self.physical_bytes.record(usage.physical_bytes, &[]);
        self.fullest_share.record(status.quotas.fullest_share, &[]);
        self.near_quota.record(status.quotas.near_quota, &[]);
    }
}
