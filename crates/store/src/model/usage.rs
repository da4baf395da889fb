//! What tenants store.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How much is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Artifacts that are live or unpublished. A deleted one stops counting at once, an expired one when the collector
    /// has processed it.
    pub stored_artifacts: u64,
    /// The sum of their sizes in bytes. Shared bytes count for each artifact.
    pub stored_bytes: u64,
    /// Objects whose bytes exist: live, or condemned and not yet deleted.
    pub physical_objects: u64,
    /// The sum of their sizes in bytes. An upload that was never completed has an unknown size, and counts as 0.
    pub physical_bytes: u64,
}

/// What a tenant has, and how often it calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// What it stores.
    pub usage: Usage,
    /// Links that work, at most 100,000. `None`: not counted, as with the next two.
    pub links: Option<u64>,
    /// Sessions that exist.
    pub sessions: Option<u64>,
    /// Open uploads.
    pub open_uploads: Option<u64>,
    /// Calls today, as far as the replicas have added them.
    pub calls_today: u64,
    /// Calls in this month of UTC, likewise.
    pub calls_this_month: u64,
}

/// A tenant whose usage differs from what it stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Miscount {
    /// The tenant's name.
    pub tenant: String,
    /// What its usage says.
    pub counted: Usage,
    /// The sum of its rows.
    pub found: Usage,
}

/// Calls of a tenant on one day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayOfCalls {
    /// The tenant's id.
    pub tenant: Uuid,
    /// The day.
    pub day: Date,
    /// How many there were.
    pub requests: u64,
    /// How many of them a limit refused.
    pub refused: u64,
    /// The bytes of their requests.
    pub received_bytes: u64,
    /// The bytes of their answers.
    pub sent_bytes: u64,
}
