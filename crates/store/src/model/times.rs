//! Times that the protocol depends on.

use std::time::Duration;

/// Times that the protocol depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// How long an upload may show no sign of life.
    pub(crate) lease: Duration,
    /// How long deleted and expired artifacts keep their bytes.
    pub(crate) delete_window: Duration,
    /// How long condemned bytes are left alone.
    pub(crate) grace: Duration,
    /// How long an idempotency key stands for its write.
    pub(crate) idempotency_window: Duration,
    /// How long an unpublished artifact waits.
    pub(crate) unpublished_window: Duration,
    /// How long the events of sessions are kept.
    pub(crate) event_retention: Duration,
    /// How long jobs are kept after their end.
    pub(crate) job_retention: Duration,
}
