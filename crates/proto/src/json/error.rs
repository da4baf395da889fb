//! An error.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

/// `{"error": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Error {
    /// What went wrong.
    pub error: ErrorBody,
}

/// What went wrong. A field that has no value is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    code: Cow<'static, str>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Violation>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<String, String>,
}

/// A field of the request at fault, and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Violation {
    /// The path of the field in the request, such as `spec.filename`.
    pub field: String,
    /// The rule.
    pub description: String,
}

impl Error {
    /// The code, such as `session_sealed`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.error.code
    }

    /// What went wrong and what to do, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.error.message
    }

    /// An error with this code, such as `session_sealed`, and this message for people.
    #[must_use]
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            error: ErrorBody {
                code: code.into(),
                message: message.into(),
                status: None,
                retry_after_seconds: None,
                expires_at: None,
                deleted_at: None,
                fields: Vec::new(),
                details: BTreeMap::new(),
            },
        }
    }

    /// With the HTTP status, for an error that a server sent.
    #[must_use]
    pub fn with_status(mut self, status: Option<u16>) -> Self {
        self.error.status = status;
        self
    }

    /// With the pause in seconds before the call is worth repeating.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: Option<u64>) -> Self {
        self.error.retry_after_seconds = seconds;
        self
    }

    /// With the fields of the request at fault.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<Violation>) -> Self {
        self.error.fields = fields;
        self
    }

    /// With the metadata of the `google.rpc.ErrorInfo`. `expires_at` and `deleted_at` also stand beside the code.
    #[must_use]
    pub fn with_details(mut self, details: BTreeMap<String, String>) -> Self {
        self.error.expires_at = details.get("expires_at").cloned();
        self.error.deleted_at = details.get("deleted_at").cloned();
        self.error.details = details;
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_leaves_out_what_it_does_not_know() {
        let error = Error::new("local", "no");
        assert_eq!(
            serde_json::to_value(error).ok(),
            Some(json!({"error": {"code": "local", "message": "no"}}))
        );
    }

    #[test]
    fn an_error_of_an_ended_artifact_says_when_it_ended() {
        let details = [
            ("artifact_id", "art_1"),
            ("deleted_at", "2026-03-03T12:00:00Z"),
        ];
        let details = details.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let error = Error::new("artifact_already_deleted", "no")
            .with_status(Some(410))
            .with_details(details.into());
        assert_eq!(
            serde_json::to_value(error).ok(),
            Some(json!({"error": {
                "code": "artifact_already_deleted", "message": "no", "status": 410,
                "deleted_at": "2026-03-03T12:00:00Z",
                "details": {"artifact_id": "art_1", "deleted_at": "2026-03-03T12:00:00Z"}
            }}))
        );
    }
}
