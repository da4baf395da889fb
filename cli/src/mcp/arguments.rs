//! The arguments of a call, checked against the tool's fields.

use std::collections::HashMap;

use rmcp::model::JsonObject;
use serde_json::Value;

use super::{
    answer::ToolError,
    tool::{Field, Kind, Tool},
};

/// The items of a page by default.
const PAGE: i32 = 20;

/// The arguments of a call. Every one of them is of its field's type; an empty text counts as not given.
#[derive(Debug, Default)]
pub(super) struct Arguments(HashMap<&'static str, Value>);

impl Arguments {
    /// Checks the arguments of a call.
    ///
    /// # Errors
    /// Every rule that they break, in one text.
    pub(super) fn of(
        tool: &Tool,
        with_paths: bool,
        given: Option<JsonObject>,
    ) -> Result<Self, ToolError> {
        let (mut kept, mut faults) = (HashMap::new(), Vec::new());
        let mut given = given.unwrap_or_default();
        for field in tool.fields(with_paths) {
            let value = given.remove(field.name).unwrap_or_default();
            let is_absent = value.is_null() || value.as_str() == Some("");
            match (is_absent, field.required) {
                (true, _) if takes_empty(field) && !value.is_null() => {
                    kept.insert(field.name, value);
                }
                (true, true) => faults.push(format!("{} is required", field.name)),
                (true, false) => {}
                (false, _) => match rule(field, &value) {
                    Some(rule) => faults.push(format!("{} {rule}", field.name)),
                    None => drop(kept.insert(field.name, value)),
                },
            }
        }
        for name in given.keys().take(4) {
            let name: String = name.chars().take(40).collect();
            faults.push(format!("{name} is not an argument"));
        }
        match faults.is_empty() {
            true => Ok(Self(kept)),
            false => {
                let names: Vec<_> = tool.fields(with_paths).map(|field| field.name).collect();
                let takes = match names.is_empty() {
                    true => "nothing".to_owned(),
                    false => names.join(", "),
                };
                let (faults, name) = (faults.join("; "), tool.name);
                Err(ToolError::new(format!("{faults}. {name} takes {takes}.")))
            }
        }
    }

    /// A text; empty if it is not given.
    pub(super) fn text(&self, name: &str) -> String {
        let text = self.0.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    }

    /// A text that is given.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// The number of a page's items.
    pub(super) fn limit(&self) -> i32 {
        match self.count("limit") {
            0 => PAGE,
            limit => limit,
        }
    }

    /// A small number; 0 if it is not given.
    pub(super) fn count(&self, name: &str) -> i32 {
        let count = self.number(name).unwrap_or_default();
        i32::try_from(count).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool) == Some(true)
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.0.get(name).and_then(Value::as_array);
        let texts = texts.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }
}

/// Whether an empty text is a value.
fn takes_empty(field: &Field) -> bool {
    matches!(field.kind, Kind::Content)
}

/// The rule that a value breaks.
fn rule(field: &Field, value: &Value) -> Option<String> {
    let is = match field.kind {
        Kind::Text | Kind::Content => value.is_string(),
        Kind::Number(least, most) => value.as_i64().is_some_and(|n| (least..=most).contains(&n)),
        Kind::Flag => value.is_boolean(),
        Kind::Texts => value
            .as_array()
            .is_some_and(|texts| texts.iter().all(Value::is_string)),
        Kind::OneOf(values) => value.as_str().is_some_and(|text| values.contains(&text)),
    };
    if is {
        return None;
    }
    Some(match field.kind {
        Kind::Text | Kind::Content => "must be a text".to_owned(),
        Kind::Number(least, i64::MAX) => format!("must be a whole number from {least}"),
        Kind::Number(least, most) => format!("must be a whole number from {least} to {most}"),
        Kind::Flag => "must be true or false".to_owned(),
        Kind::Texts => "must be a list of texts".to_owned(),
        Kind::OneOf(values) => format!("must be one of {}", values.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mcp::table::TOOLS;

    fn check(tool: &str, given: Value) -> Result<Arguments, String> {
        let tool = TOOLS.iter().find(|known| known.name == tool);
        let tool = tool.expect("a tool");
        Arguments::of(tool, false, given.as_object().cloned()).map_err(|e| e.to_string())
    }

    #[test]
    fn every_wrong_argument_is_named_with_those_that_are_right() {
        let words = check(
            "todo_list",
            json!({"state": "finished", "limit": 0, "plan": "x"}),
        );
        let words = words.expect_err("three faults");
        for part in [
            "state must be one of open, doing, done, dropped",
            "limit must be a whole number from 1 to 50",
            "plan is not an argument",
            "todo_list takes session_id, plan_id",
        ] {
            assert!(words.contains(part), "{words}");
        }
        let words = check("todo_update", json!({})).expect_err("a fault");
        assert!(words.starts_with("todo_id is required"), "{words}");
    }

    #[test]
    fn empty_texts_and_nulls_are_not_given() {
        let given = check("todo_list", json!({"state": "", "plan_id": null})).expect("nothing");
        assert!(!given.has("state") && given.given("plan_id").is_none());
        let empty = json!({"title": "t", "content": "", "kind": "plan"});
        assert!(
            check("artifact_create", empty)
                .expect("content")
                .has("content")
        );
        let removed = json!({"old_text": "a", "new_text": ""});
        assert!(
            check("edit_artifact", removed)
                .expect("a change")
                .has("new_text")
        );
        let blank = check("todo_add", json!({"text": ""}));
        assert!(blank.expect_err("no text").contains("text is required"));
    }

    #[test]
    fn a_path_is_an_argument_only_where_folders_are_allowed() {
        let words = check("store_artifact", json!({"filename": "a", "path": "b"}));
        assert!(
            words
                .expect_err("no folder")
                .contains("path is not an argument")
        );
    }
}
