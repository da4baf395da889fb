//! The collector's history, for operators.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    meta::{backlog, connection::Connection, ghosts, ledger, orphans, passes, usage},
    model::{
        collector::{Backlog, Deletion, Ghost, PassState},
        deployment::DeploymentStatus,
        error::{Error, Result, describe},
        quota::Fullness,
        usage::Usage,
    },
    store::Store,
};

/// The collector's status.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The deployment, and whether the collector is paused.
    #[serde(flatten)]
    pub deployment: DeploymentStatus,
    /// The backlog, by pass.
    #[serde(rename = "waiting")]
    pub backlog: Backlog,
    /// When the backlog and what is stored were counted.
    pub counted_at: Timestamp,
    /// Live objects whose bytes are missing or differ, as far as the search has found them.
    pub ghosts: Vec<Ghost>,
    /// What all tenants store together.
    pub usage: Usage,
    /// How full their quotas are.
    pub quotas: Fullness,
    /// The passes, by name.
    pub passes: Vec<PassState>,
}

/// What is dear to count.
#[derive(Serialize, Deserialize)]
struct Counts {
    #[serde(rename = "waiting")]
    backlog: Backlog,
    usage: Usage,
    quotas: Fullness,
}

impl Counts {
    async fn take(client: &Connection) -> Result<Self> {
        let (usage, quotas) = usage::total(client).await?;
        Ok(Self {
            backlog: orphans::backlog(client).await?,
            usage,
            quotas,
        })
    }
}

impl Store {
    /// The collector's status, with fresh counts.
    ///
    /// # Errors
    /// As `deployment`.
    #[tracing::instrument(skip_all)]
    pub async fn gc_status(&self) -> Result<Status> {
        let deployment = self.deployment_status().await?;
        let client = self.meta.client().await?;
        let counts = Counts::take(&client).await?;
        let counted_at = orphans::now(&client).await?;
        status(&client, deployment, counts, counted_at).await
    }

    /// The collector's status, with the counts of any worker. It counts again if no worker has started to within this
    /// time; a failed count keeps the last one. `None` before the first count.
    ///
    /// # Errors
    /// As `deployment`.
    #[tracing::instrument(skip_all)]
    pub async fn gc_status_within(&self, within: Duration) -> Result<Option<Status>> {
        let deployment = self.deployment_status().await?;
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
        // Perhaps written by another version: the next count can be read.
        let Ok(counts) = serde_json::from_value(counts) else {
            return Ok(None);
        };
        status(&client, deployment, counts, counted_at)
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
    deployment: DeploymentStatus,
    counts: Counts,
    counted_at: Timestamp,
) -> Result<Status> {
    let Counts {
        backlog,
        usage,
        quotas,
    } = counts;
    Ok(Status {
        deployment,
        backlog,
        counted_at,
        ghosts: ghosts::all(client).await?,
        usage,
        quotas,
        passes: passes::all(client).await?,
    })
}
