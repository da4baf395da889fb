//! Erasures of tenants.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

/// The erasure of a tenant: everything that it has is deleted, step by step. The worker does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Its id. For a rehearsal, which is not stored, it is nil.
    pub id: Uuid,
    /// The tenant's name.
    pub tenant: String,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// When the tenant and its last bytes were gone.
    pub finished_at: Option<Timestamp>,
    /// How many records were deleted, by their kind. For a rehearsal how many there are, up to `Erasure::COUNTED` and one.
    pub deleted: BTreeMap<String, u64>,
    /// The sum of the sizes of deleted objects in bytes.
    pub released_bytes: u64,
    /// The objects whose bytes the collector has not deleted yet.
    pub remaining_objects: u64,
    /// The sum of their sizes in bytes.
    pub remaining_bytes: u64,
    /// Why the last step failed; empty if it did not.
    pub last_error: String,
}

impl Erasure {
    /// How many records of a kind a rehearsal counts.
    pub const COUNTED: u64 = 10_000;
}
