//! What a handler takes and answers, by its types.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{Method, StatusCode},
};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::operation::Operation;
use crate::{
    admission::Admission,
    http::{
        failure::Failure,
        rest::{
            answer::{
                Accepted, Appended, Created, Events, NoContent, Record, Streamed, WithHeaders,
            },
            call::{Call, Form, Input, Named, PartialUpload},
            query::{Query, QueryWithMetadata},
            spec::SpecFields,
        },
    },
};

/// Something that a handler takes of a request.
pub(in crate::http::rest) trait Taken {
    fn describe(_operation: &mut Operation<'_>) {}
}

/// Something that a handler answers with.
pub(in crate::http::rest) trait Answered {
    fn describe(operation: &mut Operation<'_>);
}

/// A handler, by what it takes and what it answers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` takes or answers something that cannot be described",
    note = "derive `JsonSchema` for what it reads and answers, and answer with `Json` or a type of answer.rs"
)]
pub(in crate::http::rest) trait Described<Arguments> {
    fn describe(operation: &mut Operation<'_>);
}

impl<F, Answer, A, B> Described<(A, B)> for F
where
    F: AsyncFn(A, B) -> Answer,
    A: Taken,
    B: Taken,
    Answer: Answered,
{
    fn describe(operation: &mut Operation<'_>) {
        A::describe(operation);
        B::describe(operation);
        Answer::describe(operation);
    }
}

impl<F, Answer, A, B, C> Described<(A, B, C)> for F
where
    F: AsyncFn(A, B, C) -> Answer,
    A: Taken,
    B: Taken,
    C: Taken,
    Answer: Answered,
{
    fn describe(operation: &mut Operation<'_>) {
        A::describe(operation);
        B::describe(operation);
        C::describe(operation);
        Answer::describe(operation);
    }
}

impl<F, Answer, A, B, C, D> Described<(A, B, C, D)> for F
where
    F: AsyncFn(A, B, C, D) -> Answer,
    A: Taken,
    B: Taken,
    C: Taken,
    D: Taken,
    Answer: Answered,
{
    fn describe(operation: &mut Operation<'_>) {
        A::describe(operation);
        B::describe(operation);
        C::describe(operation);
        D::describe(operation);
        Answer::describe(operation);
    }
}

impl<F, Answer, A, B, C, D, E> Described<(A, B, C, D, E)> for F
where
    F: AsyncFn(A, B, C, D, E) -> Answer,
    A: Taken,
    B: Taken,
    C: Taken,
    D: Taken,
    E: Taken,
    Answer: Answered,
{
    fn describe(operation: &mut Operation<'_>) {
        A::describe(operation);
        B::describe(operation);
        C::describe(operation);
        D::describe(operation);
        E::describe(operation);
        Answer::describe(operation);
    }
}

impl<S> Taken for State<S> {}

impl Taken for Extension<Arc<Admission>> {}

/// Parameters of a path are described by the path.
impl<T> Taken for Named<T> {}

impl Taken for Call {
    fn describe(operation: &mut Operation<'_>) {
        if operation.method != Method::GET {
            let schema = json!({
                "type": "string", "maxLength": 256,
                "description": "The same request with the same key has one effect and one answer.",
            });
            operation.parameter("header", "Idempotency-Key", schema);
        }
    }
}

impl<T: JsonSchema> Taken for Query<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.sent::<T>();
        let Some(Value::Object(fields)) = schema.get("properties").cloned() else {
            return;
        };
        for (name, mut schema) in fields {
            // A query has no null.
            if let Some(Value::Array(types)) = schema.get_mut("type") {
                types.retain(|kind| kind != "null");
            }
            operation.parameter("query", &name, schema);
        }
    }
}

/// OpenAPI has no parameters whose names begin with a text, so those of metadata are only written about.
impl<T: JsonSchema> Taken for QueryWithMetadata<T> {
    fn describe(operation: &mut Operation<'_>) {
        Query::<T>::describe(operation);
    }
}

impl<T: JsonSchema, const MOST: usize> Taken for Input<T, MOST> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.sent::<T>();
        operation.body("application/json", schema, false);
    }
}

impl Taken for Form {
    fn describe(operation: &mut Operation<'_>) {
        let mut schema = operation.sent::<SpecFields>();
        schema["properties"]["file"] = json!({"type": "string", "format": "binary"});
        schema["required"] = json!(["file"]);
        operation.body("multipart/form-data", schema, true);
    }
}

impl Taken for PartialUpload {
    fn describe(operation: &mut Operation<'_>) {
        let schema = json!({"type": "string", "format": "binary"});
        operation.body("application/partial-upload", schema, true);
        let offset = json!({"type": "integer", "minimum": 0});
        operation.parameter("header", "Upload-Offset", offset);
        let complete = json!({"type": "string", "enum": ["?0", "?1"]});
        operation.parameter("header", "Upload-Complete", complete);
    }
}

/// The bytes of a content.
impl Taken for Request {
    fn describe(operation: &mut Operation<'_>) {
        if operation.method != Method::GET {
            let schema = json!({"type": "string", "format": "binary"});
            operation.body("application/octet-stream", schema, true);
        }
    }
}

impl<T: Answered> Answered for Result<T, Failure> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
    }
}

impl<T: JsonSchema> Answered for Json<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.json_answer::<T>(StatusCode::OK);
    }
}

impl<T: JsonSchema> Answered for Created<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.json_answer::<T>(StatusCode::CREATED);
    }
}

impl<T: JsonSchema> Answered for Accepted<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.json_answer::<T>(StatusCode::ACCEPTED);
    }
}

impl Answered for NoContent {
    fn describe(operation: &mut Operation<'_>) {
        let answer = json!({"description": "It is done"});
        operation.answers.insert("204".to_owned(), answer);
    }
}

impl<T: Answered> Answered for WithHeaders<T> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
    }
}

impl Answered for Appended {
    fn describe(operation: &mut Operation<'_>) {
        NoContent::describe(operation);
        operation.json_answer::<cairn_proto::json::Artifact>(StatusCode::OK);
    }
}

impl Answered for Record {
    fn describe(operation: &mut Operation<'_>) {
        operation.json_answer::<cairn_proto::json::Artifact>(StatusCode::OK);
        let (header, unchanged) = if operation.method == Method::GET {
            ("If-None-Match", true)
        } else {
            ("If-Match", false)
        };
        operation.parameter("header", header, json!({"type": "string"}));
        if unchanged {
            let answer = json!({"description": "The record is as the caller has it"});
            operation.answers.insert("304".to_owned(), answer);
        }
    }
}

impl Answered for Events {
    fn describe(operation: &mut Operation<'_>) {
        let schema =
            json!({"type": "integer", "description": "The id of the last event that was read."});
        operation.parameter("header", "Last-Event-ID", schema);
        let description = "Server-Sent Events, each with an event as its data";
        let schema = json!({"type": "string"});
        operation.answer(StatusCode::OK, description, "text/event-stream", schema);
    }
}

impl Answered for Streamed {
    fn describe(operation: &mut Operation<'_>) {
        for (status, description) in [
            (StatusCode::OK, "The content, in its own type"),
            (
                StatusCode::PARTIAL_CONTENT,
                "The part of the content that was asked for",
            ),
        ] {
            operation.answer(status, description, "*/*", json!({}));
        }
        let answer = json!({"description": "The content is as the caller has it"});
        operation.answers.insert("304".to_owned(), answer);
    }
}
