//! A panic is a fault of ours: it is logged as one, and counted.

use std::{
    future::Future,
    panic::{self, AssertUnwindSafe},
};

use futures_util::FutureExt;
use opentelemetry::global;

/// Logs and counts every panic of this process from now on.
pub(crate) fn tell() {
    let panics = global::meter("cairn").u64_counter("cairn.panics").build();
    panics.add(0, &[]);
    panic::set_hook(Box::new(move |panic| {
        panics.add(1, &[]);
        let place = panic.location().map(ToString::to_string);
        let words = panic.payload_as_str().unwrap_or_default();
        tracing::error!(place, words, "a panic");
    }));
}

/// What a future comes to; `None` if it panics, which the hook has told of. What it worked on must not be used after that.
pub async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}
