//! What a request says of an artifact that is to be made.

use std::{collections::BTreeMap, str::FromStr};

use cairn_store::{Error, Expiry, OnDuplicate, RawSpec, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{Ttl, ttl};
use crate::grpc::convert::duration;

/// The fields of a spec: of a form, and of JSON.
#[derive(Debug, Default, Clone, PartialEq, Eq, JsonSchema, Deserialize)]
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
    /// Sets a field of a form. Labels and inputs may come several times; of any other field the last one counts.
    ///
    /// # Errors
    /// `Invalid`, for a field that is unknown or malformed.
    pub(super) fn set(&mut self, name: &str, text: String) -> Result<()> {
        let place = match name {
            "filename" => &mut self.filename,
            "content_type" => &mut self.content_type,
            "content_hash" => &mut self.content_hash,
            "session_id" => &mut self.session_id,
            "agent_id" => &mut self.agent_id,
            "namespace" => &mut self.namespace,
            "user_id" => &mut self.user_id,
            "ttl" => &mut self.ttl,
            "title" => &mut self.title,
            "kind" => &mut self.kind,
            "language" => &mut self.language,
            "change_summary" => &mut self.change_summary,
            "stage" => &mut self.stage,
            "on_duplicate" => &mut self.on_duplicate,
            "labels" => {
                self.labels.push(text);
                return Ok(());
            }
            "inputs" => {
                self.inputs.push(text);
                return Ok(());
            }
            "metadata" => {
                let rule = "must be a JSON object of strings";
                let read = serde_json::from_str(&text);
                self.metadata = read.map_err(|_| Error::invalid(name, rule))?;
                return Ok(());
            }
            "size_bytes" => {
                self.size_bytes = Some(parsed(name, &text, "must be a whole number")?);
                return Ok(());
            }
            "if_version" => {
                self.if_version = Some(parsed(name, &text, "must be a whole number")?);
                return Ok(());
            }
            "unpublished" => {
                self.unpublished = parsed(name, &text, "must be true or false")?;
                return Ok(());
            }
            "persistent" => {
                self.persistent = parsed(name, &text, "must be true or false")?;
                return Ok(());
            }
            unknown => {
                let unknown: String = unknown.chars().take(64).collect();
                let rule = "is no field of this form";
                return Err(Error::invalid(unknown, rule));
            }
        };
        *place = text;
        Ok(())
    }

    /// What can be judged before all fields are there: nothing of it depends on another field. Without a name, which may
    /// still come, it has one that every rule accepts.
    pub(super) fn known(&self) -> Self {
        let filename = if self.filename.is_empty() {
            "file".to_owned()
        } else {
            self.filename.clone()
        };
        Self {
            filename,
            content_type: self.content_type.clone(),
            session_id: self.session_id.clone(),
            ttl: self.ttl.clone(),
            content_hash: self.content_hash.clone(),
            size_bytes: self.size_bytes,
            ..Self::default()
        }
    }

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
                Ttl::For(ttl) => Expiry::After(duration(ttl)),
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

fn parsed<T: FromStr>(field: &str, text: &str, rule: &str) -> Result<T> {
    text.parse().map_err(|_| Error::invalid(field, rule))
}
