//! Which artifacts a bulk call is about, by their fields.

use std::collections::BTreeMap;

use cairn_proto::v1::ArtifactFilter;
use cairn_store::Result;
use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{self, moment};

/// All that is given must hold.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Matching {
    session_id: String,
    agent_id: String,
    namespace: String,
    user_id: String,
    filename: String,
    filename_prefix: String,
    filename_glob: String,
    content_type: String,
    content_hash: String,
    kind: String,
    stage: String,
    labels: Vec<String>,
    metadata: BTreeMap<String, String>,
    metadata_keys: Vec<String>,
    created_after: Option<String>,
    created_before: Option<String>,
    min_size_bytes: Option<i64>,
    max_size_bytes: Option<i64>,
    include_user_scope: bool,
    persistent: Option<bool>,
    /// More conditions, as an expression.
    filter: String,
}

impl Matching {
    /// The same for the RPCs.
    ///
    /// # Errors
    /// `Invalid` for a time that cannot be read.
    pub(super) fn filter(self) -> Result<ArtifactFilter> {
        let created_after = self.created_after.as_deref();
        let created_before = self.created_before.as_deref();
        Ok(ArtifactFilter {
            created_after: moment("matching.created_after", created_after)?,
            created_before: moment("matching.created_before", created_before)?,
            kind: value::kind(&self.kind),
            stage: value::stage(&self.stage),
            session_id: self.session_id,
            agent_id: self.agent_id,
            namespace: self.namespace,
            user_id: self.user_id,
            filename: self.filename,
            filename_prefix: self.filename_prefix,
            filename_glob: self.filename_glob,
            content_type: self.content_type,
            content_hash: self.content_hash,
            labels: self.labels,
            metadata: self.metadata.into_iter().collect(),
            metadata_keys: self.metadata_keys,
            min_size_bytes: self.min_size_bytes,
            max_size_bytes: self.max_size_bytes,
            include_user_scope: self.include_user_scope,
            persistent: self.persistent,
            filter: self.filter,
        })
    }
}
