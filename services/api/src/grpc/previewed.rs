//! The preview that a create returns when it is asked for.

use axum::body::Bytes;
use cairn_proto::v1::{Artifact, PreviewArtifactResponse};
use cairn_store::{
    ArtifactRef, Caller, Error, ReadBudget, Result, Scope, Store, Violations, described,
};

use super::convert;
use crate::error::log;

/// How long the preview may be, and the content that was sent; `None` if none was asked for.
pub(super) struct Previewed(Option<(ReadBudget, Bytes)>);

impl Previewed {
    /// Checks what a caller asks for; 0 is none.
    ///
    /// # Errors
    /// `Invalid`; `ScopeMissing` for a caller that may not read.
    pub(super) fn new(caller: &Caller, preview_bytes: i64, content: &Bytes) -> Result<Self> {
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
        Ok(Self(Some((budget, content.clone()))))
    }

    /// The preview of what was made. It exists already, so a preview that cannot be made is left out.
    pub(super) async fn of(
        &self,
        store: &Store,
        caller: &Caller,
        made: &Artifact,
    ) -> Option<PreviewArtifactResponse> {
        let (budget, content) = self.0.as_ref()?;
        // Of a content that the server had already, only the hash may have been sent.
        let is_sent = i64::try_from(content.len()) == Ok(made.size_bytes);
        let preview = if is_sent {
            let found = described(&made.content_type, &made.filename, content, budget).await;
            found.map(|description| PreviewArtifactResponse {
                artifact_id: made.artifact_id.clone(),
                filename: made.filename.clone(),
                content_type: made.content_type.clone(),
                size_bytes: made.size_bytes,
                ..convert::reads::description(description)
            })
        } else {
            let made = ArtifactRef::new(&made.artifact_id, None).ok()?;
            let preview = store.preview_artifact(caller, &made, budget).await;
            preview.map(convert::reads::preview)
        };
        preview.inspect_err(log).ok()
    }
}
