//! One method of one path, while it is described.

use axum::http::{Method, StatusCode};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The schemas of what callers send, which are written out where they are used, and of answers, which have names.
pub(super) struct Schemas {
    pub(super) requests: SchemaGenerator,
    pub(super) answers: SchemaGenerator,
}

/// One method of one path.
pub(in crate::http::rest) struct Operation<'a> {
    pub(super) schemas: &'a mut Schemas,
    pub(super) method: Method,
    pub(super) parameters: Vec<Value>,
    pub(super) members: Map<String, Value>,
    pub(super) answers: Map<String, Value>,
}

impl Operation<'_> {
    /// The schema of something that a caller sends.
    pub(super) fn sent<T: JsonSchema>(&mut self) -> Value {
        plain(self.schemas.requests.subschema_for::<T>().into())
    }

    pub(super) fn parameter(&mut self, place: &str, name: &str, schema: Value) {
        let description = schema.get("description").cloned();
        let mut parameter = json!({"in": place, "name": name, "required": false, "schema": schema});
        if let Some(description) = description {
            parameter["description"] = description;
        }
        self.parameters.push(parameter);
    }

    pub(super) fn body(&mut self, kind: &str, schema: Value, required: bool) {
        let body = json!({"required": required, "content": {kind: {"schema": schema}}});
        self.members.insert("requestBody".to_owned(), body);
    }

    pub(super) fn answer(
        &mut self,
        status: StatusCode,
        description: &str,
        kind: &str,
        schema: Value,
    ) {
        let answer = json!({"description": description, "content": {kind: {"schema": schema}}});
        self.answers.insert(status.as_str().to_owned(), answer);
    }

    pub(super) fn json_answer<T: JsonSchema>(&mut self, status: StatusCode) {
        let schema = self.schemas.answers.subschema_for::<T>();
        let reason = status.canonical_reason().unwrap_or_default();
        self.answer(status, reason, "application/json", schema.into());
    }
}

/// Removes defaults: every field may be left out, and is as if it had not been there.
fn plain(schema: Value) -> Value {
    match schema {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, value)| {
                // A property may have that name; it has a schema then.
                name != "default" || value.is_object() && value.get("type").is_some()
            });
            Value::Object(kept.map(|(name, value)| (name, plain(value))).collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(plain).collect()),
        other => other,
    }
}
