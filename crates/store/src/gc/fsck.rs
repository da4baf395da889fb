//! Compares the records and the bytes in full, in both directions. It reads, and changes nothing.

use futures_util::{StreamExt, stream};
use serde::Serialize;
use uuid::Uuid;

use super::{
    examine::{Depth, examine},
    verdict::classify,
};
use crate::{
    blob::unavailable,
    meta::ghosts as rows,
    model::{
        collector::Ghost,
        error::{Result, describe},
        id::{ObjectId, TenantId},
        usage::Miscount,
    },
    store::Store,
};

/// How many objects are checked at once.
const AT_ONCE: usize = 16;
const PART: i64 = 1000;

/// What to compare.
#[derive(Debug, Clone, Copy)]
pub struct Fsck {
    /// Read and hash the bytes of every object, instead of asking for their size.
    pub hash: bool,
    /// The maximum items of each kind in the report; all are counted.
    pub names: usize,
}

impl Default for Fsck {
    fn default() -> Self {
        Self {
            hash: false,
            names: 1000,
        }
    }
}

/// The result of a comparison.
#[derive(Debug, Default, Serialize)]
pub struct FsckReport {
    /// Every live object has its bytes, all could be checked, and usage is right. Orphans cost space, and are not
    /// damage.
    pub sound: bool,
    /// Keys in the blob store.
    pub listed: u64,
    /// Their bytes.
    pub listed_bytes: u64,
    /// Live objects.
    pub objects: u64,
    /// Keys without an object.
    pub orphan_count: u64,
    /// Their bytes.
    pub orphan_bytes: u64,
    /// Some of them.
    pub orphans: Vec<Stray>,
    /// Entries of the blob store that are not keys of this deployment.
    pub unknown_count: u64,
    /// Some of it.
    pub unknown: Vec<String>,
    /// Live objects whose bytes are missing or differ.
    pub ghost_count: u64,
    /// Some of them.
    pub ghosts: Vec<Ghost>,
    /// Tenants whose usage differs from what they store.
    pub miscounts: Vec<Miscount>,
    /// Objects that could not be checked.
    pub failures: Vec<String>,
}

/// A key without an object.
#[derive(Debug, Clone, Serialize)]
pub struct Stray {
    /// The key.
    pub key: String,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Its age, in seconds by the blob store's clock. The collector deletes it when it is old enough.
    pub age_seconds: u64,
}

impl Store {
    /// Compares all records with all bytes. Artifacts may come and go meanwhile.
    ///
    /// # Errors
    /// `Invalid` when the blob store is another deployment's; `Unavailable`, also when the listing breaks off: half a
    /// comparison would say that the other half is fine.
    #[tracing::instrument(skip_all)]
    pub async fn fsck(&self, fsck: Fsck) -> Result<FsckReport> {
        self.check_deployment().await?;
        let mut report = FsckReport::default();
        self.fsck_bytes(fsck, &mut report).await?;
        self.fsck_records(fsck, &mut report).await?;
        report.miscounts = self.miscounts().await?;
        report.sound =
            report.ghost_count == 0 && report.failures.is_empty() && report.miscounts.is_empty();
        Ok(report)
    }

    /// From the bytes to the records: list first, ask Postgres second.
    async fn fsck_bytes(&self, fsck: Fsck, report: &mut FsckReport) -> Result<()> {
        let mut after = String::new();
        loop {
            let listed = self.blobs.list("", &after).await.map_err(unavailable)?;
            let bytes: u64 = listed.entries.iter().map(|entry| entry.size).sum();
            let verdict = classify(self, listed.entries).await?;
            report.listed += verdict.listed as u64;
            report.listed_bytes += bytes;
            report.unknown_count += verdict.strange.len() as u64;
            let room = fsck.names.saturating_sub(report.unknown.len());
            report
                .unknown
                .extend(verdict.strange.into_iter().take(room));
            for (orphan, age) in verdict.orphans {
                report.orphan_count += 1;
                report.orphan_bytes += orphan.size;
                if report.orphans.len() < fsck.names {
                    report.orphans.push(Stray {
                        key: orphan.key,
                        size_bytes: orphan.size,
                        age_seconds: age.as_secs(),
                    });
                }
            }
            match listed.next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }

    /// From the records to the bytes.
    async fn fsck_records(&self, fsck: Fsck, report: &mut FsckReport) -> Result<()> {
        let depth = if fsck.hash {
            Depth::Content
        } else {
            Depth::Size
        };
        let mut at = (TenantId(Uuid::nil()), ObjectId(Uuid::nil()));
        loop {
            let client = self.meta.client().await?;
            let part = rows::behind(&client, at, PART).await?;
            drop(client);
            let Some(last) = part.last() else {
                return Ok(());
            };
            at = (last.tenant, last.object);
            // All are looked at before the first is verdict: one that waits half looked at may hold a connection.
            let looks: Vec<_> = stream::iter(part)
                .map(|live| async move {
                    let found = examine(self, &live, depth).await;
                    (live, found)
                })
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            for (live, found) in looks {
                report.objects += 1;
                let (tenant, object) = (live.tenant.0, live.object.0);
                let problem = match found {
                    Ok(None) => continue,
                    Ok(Some(problem)) => problem,
                    Err(e) => {
                        if report.failures.len() < fsck.names {
                            let words = format!("object {object}: {}", describe(&e));
                            report.failures.push(words);
                        }
                        continue;
                    }
                };
                let client = self.meta.client().await?;
                // It may have been collected during the check.
                let Some(artifacts) = rows::victims(&client, &live).await? else {
                    continue;
                };
                report.ghost_count += 1;
                if report.ghosts.len() < fsck.names {
                    report.ghosts.push(Ghost {
                        tenant: tenant.to_string(),
                        object,
                        problem: problem.to_owned(),
                        artifacts,
                    });
                }
            }
        }
    }
}
