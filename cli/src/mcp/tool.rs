//! What a tool is: a name, one sentence, flat arguments, and who may call it.

use rmcp::model::{JsonObject, Tool as Listed, ToolAnnotations};
use serde_json::{Map, Value, json};

/// The set that a tool belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    /// Storing, finding, reading and sharing files.
    Core,
    /// Working on titled documents with stages, and on todos.
    Harness,
}

/// What a call does to what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    /// It adds, or changes a record so that it can be changed back.
    Writes,
    /// As `Writes`, and repeating it changes nothing more.
    WritesOnce,
    /// As `Writes`, and those who have the answer can read what is stored.
    Shares,
    /// It ends something for good, and takes nothing away.
    Ends,
    /// It takes something away.
    Destroys,
}

/// The type of an argument.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// A text that may be empty.
    Content,
    /// A whole number from the first to the second.
    Number(i64, i64),
    Flag,
    Texts,
    OneOf(&'static [&'static str]),
}

/// An argument.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Empty where the name says it.
    pub(super) about: &'static str,
    pub(super) required: bool,
}

/// A tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) set: Set,
    /// All that the key needs.
    pub(super) scopes: &'static [&'static str],
    pub(super) effect: Effect,
    pub(super) fields: &'static [Field],
}

impl Field {
    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text | Kind::Content => json!({"type": "string"}),
            // The call checks it; a model seldom gives less.
            Kind::Number(1, i64::MAX) => json!({"type": "integer"}),
            Kind::Number(least, i64::MAX) => json!({"type": "integer", "minimum": least}),
            Kind::Number(least, most) => {
                json!({"type": "integer", "minimum": least, "maximum": most})
            }
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
            Kind::OneOf(values) => json!({"type": "string", "enum": values}),
        };
        if !self.about.is_empty() {
            schema["description"] = self.about.into();
        }
        schema
    }
}

impl Tool {
    /// The fields that are offered; `path` only where folders are.
    pub(super) fn fields(&self, with_paths: bool) -> impl Iterator<Item = &'static Field> {
        let fields = self.fields.iter();
        fields.filter(move |field| with_paths || field.name != "path")
    }

    /// The tool as a list of tools has it.
    pub(super) fn listed(&self, with_paths: bool) -> Listed {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in self.fields(with_paths) {
            properties.insert(field.name.to_owned(), field.schema());
            if field.required {
                required.push(field.name);
            }
        }
        let mut schema = JsonObject::new();
        schema.insert("type".to_owned(), "object".into());
        schema.insert("properties".to_owned(), properties.into());
        if !required.is_empty() {
            schema.insert("required".to_owned(), required.into());
        }
        let hints = ToolAnnotations::new().open_world(false);
        let hints = match self.effect {
            Effect::Reads => hints.read_only(true),
            Effect::Writes => hints.destructive(false),
            Effect::WritesOnce => hints.destructive(false).idempotent(true),
            Effect::Shares => hints.destructive(false).open_world(true),
            Effect::Ends | Effect::Destroys => hints.destructive(true).idempotent(true),
        };
        Listed::new(self.name, self.about, schema).with_annotations(hints)
    }
}
