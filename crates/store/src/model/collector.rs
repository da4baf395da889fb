//! The collector's records in Postgres.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The last run of a pass, by any worker.
#[derive(Debug, Clone, Serialize)]
pub struct PassState {
    /// The pass.
    pub name: String,
    /// The worker.
    pub worker: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// When a run last ended without a failure.
    pub succeeded_at: Option<Timestamp>,
    /// How many runs in a row have failed since.
    pub failures: u32,
    /// The latest failure, even if a run has succeeded since.
    pub last_error: Option<String>,
    /// What the run counted.
    pub counts: Value,
}

/// One physical deletion.
#[derive(Debug, Clone, Serialize)]
pub struct Deletion {
    /// When it was known to be done.
    pub deleted_at: Timestamp,
    /// The worker that did it.
    pub worker: String,
    /// `unreferenced`: no artifact referred to the bytes, or no longer; `uncommitted`: the upload was given up;
    /// `orphan`: no object had the key.
    pub reason: String,
    /// The name of the tenant.
    pub tenant: String,
    /// The object.
    pub object: Uuid,
    /// The key in the blob store; `None` for bytes that were in the object's row.
    pub key: Option<String>,
    /// The number of bytes, if known.
    pub size_bytes: Option<u64>,
}

/// The collector's backlog.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Backlog {
    /// Objects that have lost a reference and wait for review.
    pub queued: u64,
    /// How long the oldest of them has been due.
    #[serde(rename = "oldest_seconds", with = "seconds")]
    pub oldest: Duration,
    /// Condemned objects, whether or not their grace is over.
    pub condemned: u64,
    /// Their size in bytes.
    pub condemned_bytes: u64,
    /// Those whose deletion has failed so far.
    pub failing: u64,
    /// Suspected orphans.
    pub suspects: u64,
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(time.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_secs)
    }
}

/// A live object whose bytes are missing or differ.
#[derive(Debug, Clone, Serialize)]
pub struct Ghost {
    /// The tenant: its name, or its id.
    pub tenant: String,
    /// The object.
    pub object: Uuid,
    /// What is wrong with it.
    pub problem: String,
    /// The artifacts that have these bytes, at most ten.
    pub artifacts: Vec<String>,
}
