//! What a request says of an artifact that is to be made.

use std::collections::BTreeMap;

use cairn_store::{Error, Expiry, OnDuplicate, RawSpec, Result};
use serde::Deserialize;

use super::value::{Ttl, ttl};

/// The fields of a spec: of a form, and of JSON.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SpecFields {
    pub(super) filename: String,
    pub(super) content_type: String,
    pub(super) size_bytes: Option<i64>,
    pub(super) content_hash: String,
    pub(super) session_id: String,
    pub(super) agent_id: String,
    pub(super) namespace: String,
    pub(super) user_id: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) ttl: String,
    pub(super) title: String,
    pub(super) kind: String,
    pub(super) language: String,
    pub(super) change_summary: String,
    pub(super) stage: String,
    pub(super) labels: Vec<String>,
    pub(super) inputs: Vec<String>,
    pub(super) if_version: Option<i64>,
    /// `create_new` or `return_existing`.
    pub(super) on_duplicate: String,
    pub(super) unpublished: bool,
    pub(super) persistent: bool,
}

impl SpecFields {
    /// The same for the store, under an idempotency key or an empty one.
    ///
    /// # Errors
    /// `Invalid` for what no spec can have.
    pub(super) fn raw(self, idempotency_key: String) -> Result<RawSpec> {
        let on_duplicate = match self.on_duplicate.as_str() {
            "" | "create_new" => OnDuplicate::CreateNew,
            "return_existing" => OnDuplicate::ReturnExisting,
            _ => {
                let rule = "must be create_new or return_existing";
                return Err(Error::invalid("on_duplicate", rule));
            }
        };
        let expiry = match self.ttl.as_str() {
            "" => Expiry::Default,
            text => match ttl(text)? {
                Ttl::For(ttl) => Expiry::After(ttl.try_into().unwrap_or_default()),
                Ttl::Never => Expiry::Never,
                Ttl::Longest => Expiry::Longest,
            },
        };
        Ok(RawSpec {
            filename: self.filename,
            content_type: self.content_type,
            session_id: self.session_id,
            namespace: self.namespace,
            user_id: self.user_id,
            agent_id: self.agent_id,
            metadata: self.metadata.into_iter().collect(),
            expiry,
            content_hash: self.content_hash,
            size_bytes: self.size_bytes,
            title: self.title,
            kind: self.kind,
            language: self.language,
            change_summary: self.change_summary,
            stage: self.stage,
            labels: self.labels,
            inputs: self.inputs,
            if_version: self.if_version,
            on_duplicate,
            idempotency_key,
            unpublished: self.unpublished,
            persistent: self.persistent,
        })
    }
}
