use std::{sync::LazyLock, time::Duration};

use opentelemetry::{
    KeyValue, global,
    metrics::{Histogram, UpDownCounter},
};

/// From a millisecond to ten minutes, in seconds: the time of uploads and downloads grows with their size.
const SECONDS: [f64; 17] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    180.0, 600.0,
];

pub(super) struct Instruments {
    rpc: Histogram<f64>,
    http: Histogram<f64>,
    pub(super) in_flight: UpDownCounter<i64>,
}

pub(super) static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter("cairn");
    let seconds = |name| {
        let histogram = meter.f64_histogram(name).with_unit("s");
        histogram.with_boundaries(SECONDS.into()).build()
    };
    Instruments {
        rpc: seconds("cairn.rpc.duration"),
        http: seconds("cairn.http.duration"),
        in_flight: meter.i64_up_down_counter("cairn.rpc.in_flight").build(),
    }
});

impl Instruments {
    pub(super) fn rpc(&self, rpc: &str, code: &'static str, reason: &str, time: Duration) {
        let labels = [
            KeyValue::new("rpc", rpc.to_owned()),
            KeyValue::new("code", code),
            KeyValue::new("reason", reason.to_owned()),
        ];
        self.rpc.record(time.as_secs_f64(), &labels);
    }

    pub(super) fn http(&self, route: &str, method: &'static str, status: u16, time: Duration) {
        let labels = [
            KeyValue::new("route", route.to_owned()),
            KeyValue::new("method", method),
            KeyValue::new("status", status.to_string()),
        ];
        self.http.record(time.as_secs_f64(), &labels);
    }
}
