//! Uploads whose spec is complete only after their content, such as those of a form whose fields follow its file.

use std::sync::Arc;

use super::{Upload, late_spec::LateSpec};
use crate::{
    model::{error::Result, spec::ArtifactSpec, tenant::Caller, text::ContentType},
    store::Store,
};

impl Store {
    /// Begins to store content before its spec is complete: `specify` brings the rest before `finish`. What is known
    /// already is checked already, except that an idempotency key is compared only when the spec is complete.
    ///
    /// # Errors
    /// As `begin_upload`.
    #[tracing::instrument(skip_all)]
    pub async fn begin_upload_with_late_spec(
        &self,
        caller: &Caller,
        known: ArtifactSpec,
    ) -> Result<Upload> {
        let mut upload = Upload::new(self.clone(), caller, known)?;
        upload.late = Some(LateSpec::default());
        upload.claim_key().await?;
        // What is known may lie outside of the reach, and what comes then within it.
        if upload.earlier.is_none() && upload.reach().is_all() {
            upload.check_early().await?;
        }
        Ok(upload)
    }
}

impl Upload {
    /// Replaces what was known of the spec by all of it, with the same idempotency key. The commit checks it in full.
    ///
    /// # Errors
    /// `TtlExceedsLimit`; `OutOfReach`; `Invalid` for inputs beyond reach; `Unavailable`.
    pub async fn specify(&mut self, spec: ArtifactSpec) -> Result<()> {
        self.reach().may_create(&spec)?;
        self.ttl = spec.expiry.resolve(self.tenant.keeping)?;
        let first_bytes = self.late.take().and_then(|late| late.first_bytes);
        let guess = |bytes: Vec<u8>| ContentType::guess(&spec.filename, &bytes);
        self.content_type = spec.content_type.clone().or_else(|| first_bytes.map(guess));
        self.spec = Arc::new(spec);
        self.check_inputs().await
    }
}
