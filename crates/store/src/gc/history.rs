//! What the collector did, for those who run it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::fsck::Ghost;
use crate::{
    meta::{backlog, connection::Connection, ghosts, ledger, orphans, passes, usage},
    model::error::{Error, Result, describe},
    store::{Store, deployment::Standing, quotas::Fullness, usage::Usage},
};

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

/// How the collector stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The deployment, and whether the collector is paused.
    #[serde(flatten)]
    pub standing: Standing,
    /// What waits for it, by the pass that will take it.
    pub waiting: Waiting,
    /// When that, and what is stored, was counted.
    pub counted_at: Timestamp,
    /// Live objects whose bytes are gone or differ, as far as the search for them has come.
    pub ghosts: Vec<Ghost>,
    /// What all tenants store together.
    pub usage: Usage,
    /// How full their quotas are.
    pub quotas: Fullness,
    /// The passes, by name.
    pub passes: Vec<PassState>,
}

/// What waits for the collector.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Waiting {
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

/// What is dear to count.
#[derive(Serialize, Deserialize)]
struct Counts {
    waiting: Waiting,
    usage: Usage,
    quotas: Fullness,
}

impl Counts {
    async fn take(client: &Connection) -> Result<Self> {
        let (usage, quotas) = usage::total(client).await?;
        Ok(Self {
            waiting: orphans::waiting(client).await?,
            usage,
            quotas,
        })
    }
}

impl Store {
    /// How the collector stands, with all counted anew.
    ///
    /// # Errors
    /// As `standing`.
    #[tracing::instrument(skip_all)]
    pub async fn gc_status(&self) -> Result<Status> {
        let standing = self.standing().await?;
        let client = self.meta.client().await?;
        let counts = Counts::take(&client).await?;
        let counted_at = orphans::now(&client).await?;
        status(&client, standing, counts, counted_at).await
    }

    /// How the collector stands, with what some worker has counted. It is counted anew when no worker has begun to within
    /// this time; a count that fails leaves the last one. `None` before the first count.
    ///
    /// # Errors
    /// As `standing`.
    #[tracing::instrument(skip_all)]
    pub async fn gc_status_within(&self, within: Duration) -> Result<Option<Status>> {
        let standing = self.standing().await?;
        let client = self.meta.client().await?;
        if backlog::claim(&client, within).await? {
            match Counts::take(&client).await {
                Ok(counts) => {
                    let counts = serde_json::to_value(&counts);
                    let counts = counts.map_err(|e| Error::Internal(e.into()))?;
                    backlog::record(&client, &counts).await?;
                }
                Err(e) if client.is_lost() => return Err(e),
                Err(e) => tracing::warn!(error = describe(&e), "what waits cannot be counted"),
            }
        }
        let Some((counted_at, counts)) = backlog::last(&client).await? else {
            return Ok(None);
        };
        // Of another version, perhaps: the next count is known.
        let Ok(counts) = serde_json::from_value(counts) else {
            return Ok(None);
        };
        status(&client, standing, counts, counted_at)
            .await
            .map(Some)
    }

    /// The latest deletions, newest first; of one object when it is given.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn deletions(&self, object: Option<Uuid>, limit: u32) -> Result<Vec<Deletion>> {
        let client = self.meta.client().await?;
        ledger::latest(&client, object, limit.into()).await
    }
}

async fn status(
    client: &Connection,
    standing: Standing,
    counts: Counts,
    counted_at: Timestamp,
) -> Result<Status> {
    let Counts {
        waiting,
        usage,
        quotas,
    } = counts;
    Ok(Status {
        standing,
        waiting,
        counted_at,
        ghosts: ghosts::all(client).await?,
        usage,
        quotas,
        passes: passes::all(client).await?,
    })
}
