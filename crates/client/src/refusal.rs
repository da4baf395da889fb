//! An error that a Cairn server sent.

use std::{collections::BTreeMap, fmt, time::Duration};

use cairn_proto::{
    json::Violation,
    reason::{Mapping, Retry},
    v1::ItemError,
};
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt};

/// An error that a Cairn server sent, with its reason and its details.
#[derive(Debug, Clone)]
pub struct Refusal {
    reason: String,
    mapping: Mapping,
    message: String,
    violations: Vec<Violation>,
    details: BTreeMap<String, String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(status: &Status, info: ErrorInfo) -> Self {
        let violations = status
            .get_details_bad_request()
            .map(|bad| bad.field_violations)
            .unwrap_or_default();
        let violations = violations.into_iter().map(|violation| Violation {
            field: violation.field,
            description: violation.description,
        });
        let retry = status.get_details_retry_info();
        Self {
            mapping: Mapping::of_wire(&info.reason, status.code()),
            reason: info.reason,
            message: status.message().to_owned(),
            violations: violations.collect(),
            details: info.metadata.into_iter().collect(),
            retry_after: retry.and_then(|retry| retry.retry_delay),
        }
    }

    /// What the server did not do for one item of a batch.
    pub(crate) fn of_item(error: ItemError) -> Self {
        let violations = error.fields.into_iter().map(|field| Violation {
            field,
            description: String::new(),
        });
        Self {
            mapping: Mapping::of_wire(&error.reason, Code::from(error.code)),
            reason: error.reason,
            message: error.message,
            violations: violations.collect(),
            details: error.metadata.into_iter().collect(),
            retry_after: None,
        }
    }

    /// A name of `cairn.v1.ErrorReason` without its prefix, such as `SESSION_SEALED`. A newer server may send one that this
    /// build does not know.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What the reason is in gRPC and HTTP, and whether a retry helps.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// What the server says to people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fields of the request at fault, up to 16. Those of an item of a batch have no descriptions: the message has them.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The metadata of the `ErrorInfo`; `error_reason.proto` says which reason has which.
    #[must_use]
    pub fn details(&self) -> &BTreeMap<String, String> {
        &self.details
    }

    /// The pause that the server asks for before the next call.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.mapping.retry
    }

    pub(crate) fn missing_artifact(&self) -> Option<&str> {
        let id = self.details.get("artifact_id");
        id.filter(|_| self.reason == "ARTIFACT_NOT_FOUND")
            .map(String::as_str)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
