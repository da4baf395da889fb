//! Metrics of the store. They do nothing in a process that has not started its telemetry.

use std::{sync::LazyLock, time::Duration};

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Gauge, Histogram},
};

/// From a millisecond to a minute, in seconds: the range of waits.
const SECONDS: [f64; 15] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

struct Instruments {
    uploads: Counter<u64>,
    upload_bytes: Counter<u64>,
    download_bytes: Counter<u64>,
    pool_wait: Histogram<f64>,
    pool_connections: Gauge<u64>,
    pool_max: Gauge<u64>,
    s3: Histogram<f64>,
    pass: Histogram<f64>,
    pass_items: Counter<u64>,
    damaged_records: Counter<u64>,
    lost_audit_lines: Counter<u64>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter("cairn");
    let seconds = |name| {
        let histogram = meter.f64_histogram(name).with_unit("s");
        histogram.with_boundaries(SECONDS.into()).build()
    };
    let damaged_records = meter.u64_counter("cairn.damaged_records").build();
    // Register the series at zero: an alert cannot see a series begin.
    damaged_records.add(0, &[KeyValue::new("record", "artifact")]);
    let lost_audit_lines = meter.u64_counter("cairn.audit.lost").build();
    lost_audit_lines.add(0, &[]);
    Instruments {
        uploads: meter.u64_counter("cairn.uploads").build(),
        upload_bytes: meter.u64_counter("cairn.upload").with_unit("By").build(),
        download_bytes: meter.u64_counter("cairn.download").with_unit("By").build(),
        pool_wait: seconds("cairn.db.pool.wait"),
        pool_connections: meter.u64_gauge("cairn.db.pool.connections").build(),
        pool_max: meter.u64_gauge("cairn.db.pool.max").build(),
        s3: seconds("cairn.s3.duration"),
        pass: seconds("cairn.gc.pass.duration"),
        pass_items: meter.u64_counter("cairn.gc.items").build(),
        damaged_records,
        lost_audit_lines,
    }
});

/// A line of the audit trail that found the queue full, or could not be written.
pub(crate) fn lost_audit_line() {
    INSTRUMENTS.lost_audit_lines.add(1, &[]);
}

/// How the content of an upload was stored.
#[derive(Clone, Copy)]
pub(crate) enum StoredAs {
    Inline,
    Object,
    /// The tenant already had it.
    Deduplicated,
}

/// A record that a list left out because it is damaged.
pub(crate) fn damaged_record(record: &'static str) {
    let record = KeyValue::new("record", record);
    INSTRUMENTS.damaged_records.add(1, &[record]);
}

/// An upload that created an artifact, or returned the existing one.
pub(crate) fn uploaded(outcome: &'static str, bytes: u64, kept: Option<StoredAs>) {
    let outcome = KeyValue::new("outcome", outcome);
    INSTRUMENTS.uploads.add(1, &[outcome]);
    let kept = kept.map(|kept| match kept {
        StoredAs::Inline => "inline",
        StoredAs::Object => "object",
        StoredAs::Deduplicated => "deduplicated",
    });
    if let Some(kept) = kept {
        let kept = KeyValue::new("kept", kept);
        INSTRUMENTS.upload_bytes.add(bytes, &[kept]);
    }
}

/// Downloaded content.
pub(crate) fn downloaded(bytes: usize, inline: bool) {
    let from = if inline { "inline" } else { "object" };
    let from = KeyValue::new("from", from);
    INSTRUMENTS.download_bytes.add(bytes as u64, &[from]);
}

/// The time that a caller waited for a connection.
pub(crate) fn waited_for_connection(time: Duration) {
    INSTRUMENTS.pool_wait.record(time.as_secs_f64(), &[]);
}

/// How the connections are used.
pub(crate) fn pool(used: usize, idle: usize, max: usize) {
    for (state, count) in [("used", used), ("idle", idle)] {
        let state = KeyValue::new("state", state);
        let connections = &INSTRUMENTS.pool_connections;
        connections.record(count as u64, &[state]);
    }
    INSTRUMENTS.pool_max.record(max as u64, &[]);
}

/// One operation of S3, including all its attempts.
pub(crate) fn asked_s3(operation: String, failed: bool, time: Duration) {
    let labels = [
        KeyValue::new("operation", operation),
        KeyValue::new("outcome", if failed { "error" } else { "ok" }),
    ];
    INSTRUMENTS.s3.record(time.as_secs_f64(), &labels);
}

/// A run of a pass of the collector: whether something failed, how long it took, and what it counted.
pub(crate) fn pass_ended(
    pass: &'static str,
    failed: bool,
    time: Duration,
    counts: impl IntoIterator<Item = (&'static str, u64)>,
) {
    let name = || KeyValue::new("pass", pass);
    let outcome = KeyValue::new("outcome", if failed { "failed" } else { "ok" });
    let took = time.as_secs_f64();
    INSTRUMENTS.pass.record(took, &[name(), outcome]);
    for (what, count) in counts {
        let labels = [name(), KeyValue::new("what", what)];
        INSTRUMENTS.pass_items.add(count, &labels);
    }
}
