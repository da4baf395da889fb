//! Finding artifacts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    artifact::Artifact,
    error::Result,
    meta::{artifacts, list as rows},
    page::{Listing, Page, PageSize, Range},
    reference::FileName,
    store::Store,
    tenant::Tenant,
    validate::Violations,
};

/// Which artifacts to list; what is not given does not filter, and all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct ArtifactFilter {
    /// Exactly this session.
    pub session_id: Option<String>,
    /// Exactly this agent.
    pub agent_id: Option<String>,
    /// Exactly this namespace.
    pub namespace: Option<String>,
    /// Exactly this user.
    pub user_id: Option<String>,
    /// Exactly this filename.
    pub filename: Option<String>,
    /// Exactly this content type.
    pub content_type: Option<String>,
    /// Created in this range.
    pub created: Range<Timestamp>,
    /// Every one of these pairs.
    pub metadata: BTreeMap<String, String>,
}

impl ArtifactFilter {
    /// The most metadata pairs: each one joins another table.
    pub const MAX_PAIRS: usize = 8;

    fn check(&self) -> Result<()> {
        let mut faults = Violations::new();
        if self.metadata.len() > Self::MAX_PAIRS {
            let rule = format!("must have at most {} pairs", Self::MAX_PAIRS);
            faults.add("metadata", rule);
        }
        let texts = [
            ("session_id", &self.session_id),
            ("agent_id", &self.agent_id),
            ("namespace", &self.namespace),
            ("user_id", &self.user_id),
            ("filename", &self.filename),
            ("content_type", &self.content_type),
        ];
        let texts = texts
            .iter()
            .filter_map(|(field, text)| text.as_deref().map(|text| (*field, text)));
        let pairs = self
            .metadata
            .iter()
            .flat_map(|(k, v)| [("metadata", k.as_str()), ("metadata", v.as_str())]);
        for (field, text) in texts.chain(pairs) {
            if text.contains('\0') {
                // PostgreSQL's text cannot hold it, so nothing can match.
                faults.add(field, "must not contain NUL");
            }
        }
        faults.finish(Some(()))
    }
}

impl Store {
    /// Lists the visible versions of a file, newest first.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    pub async fn list_versions(
        &self,
        tenant: &Tenant,
        name: &FileName,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Artifact>> {
        let listing = Listing::new(("versions", tenant.id, name));
        let before = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = artifacts::versions(&client, tenant.id, name, before, size).await?;
        Ok(listing.page(rows, size))
    }

    /// Lists visible artifacts, newest first.
    ///
    /// # Errors
    /// `Invalid` for a filter that cannot match or a token of another list; `Unavailable`.
    pub async fn list_artifacts(
        &self,
        tenant: &Tenant,
        filter: &ArtifactFilter,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Artifact>> {
        filter.check()?;
        let listing = Listing::new(("artifacts", tenant.id, filter));
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = rows::list(&client, tenant.id, filter, after.as_ref(), size).await?;
        Ok(listing.page(rows, size))
    }
}
