//! Reads some bytes of a content.

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    model::{
        artifact::Artifact, error::Result, reads::budget::ReadBudget, reference::ArtifactRef,
        tenant::Caller, validate::Violations,
    },
    store::{Store, reads::in_time::by},
};

/// Some bytes of a content.
#[derive(Debug, Clone)]
pub struct ReadBytes {
    /// The artifact.
    pub artifact: Artifact,
    /// Where the bytes begin.
    pub offset: u64,
    /// The bytes.
    pub data: Bytes,
    /// Where the next bytes begin; `None` at the end.
    pub next_offset: Option<u64>,
}

impl Store {
    /// Reads bytes of a visible artifact from an offset on: as many as are wanted, or the default for 0. An offset at or
    /// after the end reads none.
    ///
    /// # Errors
    /// `Invalid`; as `get_artifact`; `DataCorrupted`; `Unavailable` also when the time of a read is over.
    #[tracing::instrument(skip_all)]
    pub async fn read_bytes(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        offset: i64,
        limit: i64,
    ) -> Result<ReadBytes> {
        let mut faults = Violations::new();
        if offset < 0 {
            faults.add("offset", "must be 0 or more");
        }
        let (most, default) = (ReadBudget::MAX_BYTES, ReadBudget::DEFAULT_BYTES);
        if !(0..=most).contains(&limit) {
            faults.add("limit", format!("must be 1 to {most}, or 0 for {default}"));
        }
        faults.finish(Some(()))?;
        let limit = match limit {
            0 => default,
            limit => limit,
        };
        let download = self.open_for(caller, wanted, "ReadBytes").await?;
        let artifact = download.artifact().clone();
        let offset = offset.cast_unsigned().min(artifact.size_bytes);
        let content = download.look_at(offset, limit.cast_unsigned());
        let data = by(Instant::now() + ReadBudget::TIME, content.all()).await?;
        let end = offset + data.len() as u64;
        Ok(ReadBytes {
            next_offset: (end < artifact.size_bytes).then_some(end),
            artifact,
            offset,
            data,
        })
    }
}
