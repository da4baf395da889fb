//! What a call answers: text, a record, or an error that says which call to make next.

use std::fmt;

use cairn_proto::json::Violation;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::Value;

use crate::error::CliError;

/// The most text of an error, in bytes: hosts cut longer ones.
const MAX_ERROR: usize = 4 << 10;
/// The largest record of an answer, in bytes.
const MAX_RECORD: usize = 64 << 10;

/// The answer of a call.
#[derive(Debug)]
pub(super) enum Answer {
    Text(String),
    Record(Value),
}

impl Answer {
    /// A record, without its empty fields: a model pays for each of them.
    pub(super) fn record(record: &impl Serialize) -> Result<Self, ToolError> {
        let value = serde_json::to_value(record);
        let value = value.map_err(|e| ToolError::new(format!("the answer has no JSON: {e}")))?;
        let record = lean(value);
        match record.to_string().len() {
            ..=MAX_RECORD => Ok(Self::Record(record)),
            size => Err(ToolError::new(format!(
                "the answer has {size} bytes, more than {MAX_RECORD}. Next: call again with a smaller limit"
            ))),
        }
    }
}

impl From<Answer> for CallToolResult {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Text(text) => Self::success(vec![ContentBlock::text(text)]),
            Answer::Record(record) => {
                let mut result = Self::success(vec![ContentBlock::text(record.to_string())]);
                result.structured_content = Some(record);
                result
            }
        }
    }
}

/// Without nulls, empty lists, empty objects and empty texts.
pub(super) fn lean(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, lean(value)));
            fields.filter(|(_, value)| !is_empty(value)).collect()
        }
        Value::Array(items) => items.into_iter().map(lean).collect(),
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Why a call failed, as a model reads it.
#[derive(Debug)]
pub(super) struct ToolError {
    words: String,
    /// The code of the store's error; empty for others.
    code: String,
}

impl ToolError {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            code: String::new(),
        }
    }

    /// Its text, cut where hosts would cut it.
    pub(super) fn into_words(self) -> String {
        let mut words = self.words;
        words.truncate(words.floor_char_boundary(MAX_ERROR));
        words
    }

    /// Whether another version is the latest.
    pub(super) fn is_conflict(&self) -> bool {
        self.code == "version_conflict"
    }

    /// Whether it is about an artifact that is not visible.
    pub(super) fn is_missing(&self) -> bool {
        matches!(
            &*self.code,
            "artifact_not_found" | "artifact_expired" | "artifact_already_deleted"
        )
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl From<ToolError> for CallToolResult {
    fn from(error: ToolError) -> Self {
        Self::error(vec![ContentBlock::text(error.into_words())])
    }
}

impl From<CliError> for ToolError {
    fn from(error: CliError) -> Self {
        let code = error.code();
        let mut words = format!("{error} ({code})");
        for violation in error.violations() {
            words += &format!("; {}: {}", violation.field, violation.description);
        }
        let is_no_text = |v: &Violation| v.description.starts_with("is not text");
        let next = match error.violations().iter().any(is_no_text) {
            true => Some(NO_TEXT),
            false => next_call(&code),
        };
        if let Some(next) = next {
            words += &format!(". Next: {next}");
        }
        Self { words, code }
    }
}

impl From<cairn_client::Error> for ToolError {
    fn from(error: cairn_client::Error) -> Self {
        CliError::from(error).into()
    }
}

impl From<tonic::Status> for ToolError {
    fn from(status: tonic::Status) -> Self {
        cairn_client::Error::from(status).into()
    }
}

/// What to call about a content that is no text.
pub(super) const NO_TEXT: &str =
    "call preview_artifact for what it is, or get_artifact_download_url for its bytes";

/// What to call after an error.
fn next_call(code: &str) -> Option<&'static str> {
    Some(match code {
        "artifact_not_found" | "artifact_expired" | "artifact_already_deleted" => {
            "call list_artifacts to see what is there"
        }
        "session_not_found" => {
            "call list_sessions to see which there are; storing an artifact creates a session"
        }
        "session_sealed" => "store into another session_id",
        "session_full" => "store into another session_id",
        "version_conflict" => {
            "call get_artifact for the latest version, then store again with that if_version"
        }
        "file_too_large" => "call read_artifact, then store_artifact with the whole content",
        "todo_not_found" => "call todo_list to see which there are",
        "legal_hold" => "leave it: it cannot be deleted before the hold is released",
        "forbidden" | "unauthorized" => "call whoami to see what this key may do",
        "quota_exceeded" => "call whoami to see the quota, and delete what is not needed",
        "filter_too_costly" => "call it again with a session_id",
        "unavailable" | "rate_limited" | "network" | "deadline_exceeded" => {
            "call it again in some seconds"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_has_no_empty_fields_and_is_its_own_text() {
        let record =
            json!({"a": null, "b": [], "c": {"d": ""}, "e": false, "f": 0, "g": [{"h": null}]});
        let Ok(answer) = Answer::record(&record) else {
            panic!("a record");
        };
        let result = CallToolResult::from(answer);
        let value = serde_json::to_value(&result).expect("JSON");
        assert_eq!(
            value["structuredContent"],
            json!({"e": false, "f": 0, "g": [{}]})
        );
        let text = value["content"][0]["text"].as_str().expect("a text");
        assert_eq!(text, value["structuredContent"].to_string());
    }

    #[test]
    fn a_record_that_is_too_large_asks_for_a_smaller_limit() {
        let large = json!({"artifacts": vec!["x".repeat(2000); 40]});
        let words = Answer::record(&large).expect_err("too large").to_string();
        assert!(
            words.ends_with("call again with a smaller limit"),
            "{words}"
        );
    }

    #[test]
    fn a_text_has_no_structured_content() {
        let result = CallToolResult::from(Answer::Text("1\tline".to_owned()));
        let value = serde_json::to_value(&result).expect("JSON");
        assert_eq!(value.get("structuredContent"), None);
    }

    #[test]
    fn a_long_error_is_cut() {
        let result = CallToolResult::from(ToolError::new("é".repeat(9000)));
        let value = serde_json::to_value(&result).expect("JSON");
        let text = value["content"][0]["text"].as_str().expect("a text");
        assert!(text.len() <= MAX_ERROR && value["isError"] == true);
    }
}
