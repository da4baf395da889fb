//! What the collector records of its work, in Postgres.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// How a pass went the last time, whichever worker ran it.
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
    /// The latest failure, also when a run has succeeded since.
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
    /// `unreferenced`: no artifact needed the bytes, or not any more; `uncommitted`: the upload was given up; `orphan`: no
    /// object had the key.
    pub reason: String,
    /// The name of the tenant.
    pub tenant: String,
    /// The object.
    pub object: Uuid,
    /// The key in the blob store; `None` for bytes that were in the object's row.
    pub key: Option<String>,
    /// How many bytes, where it is known.
    pub size_bytes: Option<u64>,
}

/// What waits for the collector.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Backlog {
    /// Objects that have lost a reference and are to be reviewed.
    pub queued: u64,
    /// For how long the oldest of them could have been reviewed.
    #[serde(rename = "oldest_seconds", with = "seconds")]
    pub oldest: Duration,
    /// Condemned objects, whether or not their grace is over.
    pub condemned: u64,
    /// What they take.
    pub condemned_bytes: u64,
    /// Those of them that could not be deleted so far.
    pub failing: u64,
    /// Keys that are suspected to be nobody's.
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

/// A live object whose bytes are gone or differ.
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
