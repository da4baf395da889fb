//! The preview that a create returns when it is asked for.

use cairn_proto::v1::{Artifact, PreviewArtifactResponse};
use cairn_store::{ArtifactRef, Caller, Error, ReadBudget, Result, Scope, Store, Violations};

use super::convert;
use crate::error::log;

/// How long the preview may be; `None` if none was asked for.
pub(super) struct Previewed(Option<ReadBudget>);

impl Previewed {
    /// Checks what a caller asks for; 0 is none.
    ///
    /// # Errors
    /// `Invalid`; `ScopeMissing` for a caller that may not read.
    pub(super) fn new(caller: &Caller, preview_bytes: i64) -> Result<Self> {
        if preview_bytes == 0 {
            return Ok(Self(None));
        }
        let range = ReadBudget::MIN_BYTES..=ReadBudget::MAX_BYTES;
        if !range.contains(&preview_bytes) {
            let (least, most) = range.into_inner();
            let rule = format!("must be {least} to {most}, or 0 for none");
            return Err(Error::invalid("preview_bytes", rule));
        }
        caller.require(Scope::Read)?;
        let budget = ReadBudget::new(preview_bytes, 0, &mut Violations::new());
        Ok(Self(Some(budget)))
    }

    /// The preview of what was made. It exists already, so a preview that cannot be made is left out.
    pub(super) async fn of(
        &self,
        store: &Store,
        caller: &Caller,
        made: &Artifact,
    ) -> Option<PreviewArtifactResponse> {
        let budget = self.0.as_ref()?;
        let made = ArtifactRef::new(&made.artifact_id, None).ok()?;
        match store.preview_artifact(caller, &made, budget).await {
            Ok(preview) => Some(convert::reads::preview(preview)),
            Err(e) => {
                log(&e);
                None
            }
        }
    }
}
