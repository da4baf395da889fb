//! What tenants store.

use serde::{Deserialize, Serialize};

/// How much is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Artifacts that are live, or wait to be published. One that is deleted stops counting at once, one that has expired
    /// when the collector has ended it.
    pub stored_artifacts: u64,
    /// The sum of their sizes in bytes. What several have in common counts for each.
    pub stored_bytes: u64,
    /// Objects whose bytes are there: live, or condemned and not deleted yet.
    pub physical_objects: u64,
    /// The sum of their sizes in bytes. The size of an upload that was never completed is not known, and counts as 0.
    pub physical_bytes: u64,
}

/// A tenant whose usage is not what it stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Miscount {
    /// The tenant's name.
    pub tenant: String,
    /// What its usage says.
    pub counted: Usage,
    /// What its rows add up to.
    pub found: Usage,
}
