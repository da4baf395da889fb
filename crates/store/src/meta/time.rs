//! Times as Postgres takes them, and how long it may take.

use std::time::Duration;

/// Bounds every statement, so that a stuck one cannot keep its connection.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take to open.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A duration as the parameter of `$n * interval '1 ms'`, which takes a double.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
