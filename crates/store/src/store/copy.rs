//! Artifacts with bytes that are already stored: nothing is sent or moved.

use crate::{
    meta::objects as rows,
    model::{
        access::Scope,
        artifact::Created,
        digest::ContentHash,
        error::{Error, Result},
        reference::ArtifactRef,
        spec::{ArtifactSpec, RawSpec},
        tenant::Caller,
        validate::{Violations, excerpt},
    },
    store::Store,
};

/// A hash and a size from a caller, unchecked.
#[derive(Debug, Clone)]
pub struct RawContent<'a> {
    /// `sha256:` and 64 hex digits.
    pub content_hash: &'a str,
    /// In bytes.
    pub size_bytes: i64,
}

impl Store {
    /// The maximum contents of one call.
    const MAX_CONTENTS: usize = 1000;

    /// Creates an artifact with another one's bytes. Filename and content type are the source's unless they are given,
    /// and the source is one of the inputs.
    ///
    /// # Errors
    /// As `get_artifact` and `create_artifact`.
    #[tracing::instrument(skip_all)]
    pub async fn copy_artifact(
        &self,
        caller: &Caller,
        source: &ArtifactRef,
        mut spec: RawSpec,
    ) -> Result<Created> {
        // By the source as named: a retry gets the first answer, whatever has happened to the source since.
        let asked = spec.fingerprint_of_copy(source);
        if let Some(created) = self.answer_before(&caller.tenant, &spec, &asked).await? {
            // What it took from its source was not in the request.
            return match caller.reach().has(&created.artifact) {
                true => Ok(created),
                false => Err(Error::ArtifactNotFound(source.to_string())),
            };
        }
        let source = self.get_artifact(caller, source).await?;
        let hash = source.content_hash.to_string();
        if !spec.content_hash.is_empty() && spec.content_hash != hash {
            return Err(Error::ContentMismatch {
                field: "content_hash",
                declared: excerpt(&spec.content_hash),
                actual: hash,
            });
        }
        if spec.filename.is_empty() {
            spec.filename = source.filename;
        }
        if spec.content_type.is_empty() {
            spec.content_type = source.content_type;
        }
        let id = source.id.to_string();
        if !spec.inputs.contains(&id) {
            spec.inputs.push(id);
        }
        spec.content_hash = hash.clone();
        spec.size_bytes = Some(i64::try_from(source.size_bytes).unwrap_or(i64::MAX));
        let mut spec = ArtifactSpec::new(spec)?;
        spec.asked = Some(asked);
        let mut upload = self.begin_upload(caller, spec).await?;
        let created = upload.finish_early().await?;
        created.ok_or(Error::ContentMissing(hash))
    }

    /// Says which of these contents would have to be sent, by their places in the list: those that no visible artifact has
    /// that the caller may read.
    ///
    /// # Errors
    /// `Invalid`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn find_missing_content(
        &self,
        caller: &Caller,
        contents: impl ExactSizeIterator<Item = RawContent<'_>>,
    ) -> Result<Vec<usize>> {
        let mut faults = Violations::new();
        let mut asked = Vec::new();
        if faults.fits("contents", contents.len(), Self::MAX_CONTENTS) {
            for (i, content) in contents.enumerate() {
                let at = |part| format!("contents[{i}].{part}");
                let hash = content.content_hash.parse::<ContentHash>();
                let hash = faults.check(&at("content_hash"), hash);
                if content.size_bytes < 0 {
                    faults.add(at("size_bytes"), "must be 0 or more");
                }
                asked.extend(hash.map(|hash| (hash, content.size_bytes)));
                if faults.is_full() {
                    break;
                }
            }
        }
        let asked = faults.finish(Some(asked))?;
        if caller.require(Scope::Read).is_err() {
            return Ok((0..asked.len()).collect());
        }
        let client = self.meta.client().await?;
        rows::missing(&client, caller.reach(), &asked).await
    }
}
