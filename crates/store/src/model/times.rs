//! The times of the protocol.

use std::time::Duration;

/// The times of the protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// How long an upload may show no sign of life.
    pub(crate) lease: Duration,
    /// How long a resumable upload stays open without progress.
    pub(crate) upload_window: Duration,
    /// How long deleted and expired artifacts keep their bytes.
    pub(crate) delete_window: Duration,
    /// The grace of condemned bytes.
    pub(crate) grace: Duration,
    /// How long an idempotency key is remembered.
    pub(crate) idempotency_window: Duration,
    /// How long an unpublished artifact is kept.
    pub(crate) unpublished_window: Duration,
    /// How long the events of sessions are kept.
    pub(crate) event_retention: Duration,
    /// How long jobs are kept after their end.
    pub(crate) job_retention: Duration,
}
