//! Compares two versions.

use bytes::BytesMut;

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
    store::{Store, read::Download, reads::off_thread::off_thread},
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
    /// `Invalid`; as `get_artifact`; `DataCorrupted`.
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
            let (old, new) = (whole(old).await?, whole(new).await?);
            let (bytes_out, time) = (budget.bytes_out, budget.time);
            off_thread(move || TextDifference::of(&old, &new, context, bytes_out, time)).await?
        };
        Ok(Difference { from, to, text })
    }
}

/// A whole content, checked against its hash. The caller bounds its size.
///
/// # Errors
/// `DataCorrupted`, `Unavailable`.
pub(super) async fn whole(download: Download) -> Result<BytesMut> {
    let mut content = download.read(0, None);
    let mut all = BytesMut::new();
    while let Some(piece) = content.next().await? {
        all.extend_from_slice(&piece);
    }
    Ok(all)
}
