//! Compares two versions.

use tokio::time::Instant;

use crate::{
    model::{
        artifact::Artifact,
        error::{Error, Result},
        reads::{
            budget::{ReadBudget, ReadStop},
            diff::{MOST_BYTES, TextDifference},
        },
        reference::ArtifactRef,
        tenant::Caller,
    },
    store::{
        Store,
        reads::{in_time::by, off_thread::off_thread},
    },
};

/// Two versions, and what differs.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The first.
    pub from: Artifact,
    /// The second.
    pub to: Artifact,
    /// What differs between their texts; `None` if one of them is not text.
    pub text: Option<TextDifference>,
}

impl Store {
    /// The most lines around a change.
    pub const MAX_DIFF_CONTEXT: i32 = 10;

    /// Compares the texts of two visible artifacts. Contents of more than 1 MiB are not compared.
    ///
    /// # Errors
    /// `Invalid`; as `get_artifact`; `DataCorrupted`; `Unavailable` also when the contents are not read in the time.
    #[tracing::instrument(skip_all)]
    pub async fn diff_versions(
        &self,
        caller: &Caller,
        from: &ArtifactRef,
        to: &ArtifactRef,
        context: i32,
        budget: &ReadBudget,
    ) -> Result<Difference> {
        let context = match usize::try_from(context) {
            Ok(lines) if context <= Self::MAX_DIFF_CONTEXT => lines,
            _ => {
                let rule = format!("must be 0 to {}", Self::MAX_DIFF_CONTEXT);
                return Err(Error::invalid("context", rule));
            }
        };
        let old = self.open_for(caller, from, "DiffVersions").await?;
        let new = self.open_for(caller, to, "DiffVersions").await?;
        let (from, to) = (old.artifact().clone(), new.artifact().clone());
        let text = if from.content_hash == to.content_hash {
            Some(TextDifference::none(ReadStop::End))
        } else if from.size_bytes.max(to.size_bytes) > MOST_BYTES {
            Some(TextDifference::none(ReadStop::BytesScanned))
        } else {
            let deadline = Instant::now() + budget.time;
            let both = async {
                Ok((
                    old.read(0, None).all().await?,
                    new.read(0, None).all().await?,
                ))
            };
            let (old, new) = by(deadline, both).await?;
            let bytes_out = budget.bytes_out;
            let time = deadline.saturating_duration_since(Instant::now());
            off_thread(move || TextDifference::of(&old, &new, context, bytes_out, time)).await?
        };
        Ok(Difference { from, to, text })
    }
}
