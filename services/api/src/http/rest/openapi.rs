//! The description of the API as OpenAPI 3.1, made of the types of the handlers. A route is described where it is added,
//! so there is none without a description.

use axum::http::Method;
use schemars::{
    SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value, json};

mod comments;
mod described;
mod keyed;
mod operation;
mod page;

use comments::Comments;
pub(super) use described::Described;
use keyed::Keyed;
use operation::{Operation, Schemas};
pub(super) use page::page;

/// The description while routes are added to it.
pub(super) struct Document {
    paths: Map<String, Value>,
    schemas: Schemas,
    comments: Comments,
    keyed: Keyed,
}

fn generator(change: impl FnOnce(&mut SchemaSettings)) -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    change(&mut settings);
    settings.into_generator()
}

impl Document {
    pub(super) fn new() -> Self {
        Self {
            paths: Map::new(),
            schemas: Schemas {
                requests: generator(|settings| settings.inline_subschemas = true),
                answers: generator(|settings| {
                    settings.contract = Contract::Serialize;
                    "/components/schemas".clone_into(settings.definitions_path.to_mut());
                }),
            },
            comments: Comments::read(),
            keyed: Keyed::read(),
        }
    }

    /// Describes a route by its handler, and by the comment of the RPC that it makes; a route without one needs no
    /// credential.
    pub(super) fn add<D, H: Described<D>>(
        &mut self,
        method: &Method,
        path: &str,
        rpc: Option<&str>,
        _handler: &H,
    ) {
        let mut operation = Operation {
            schemas: &mut self.schemas,
            method: method.clone(),
            parameters: parameters_of(path),
            members: Map::new(),
            answers: Map::new(),
        };
        H::describe(&mut operation);
        if !rpc.is_some_and(|rpc| self.keyed.has(rpc)) {
            let is_key = |parameter: &Value| parameter["name"] == "Idempotency-Key";
            operation.parameters.retain(|parameter| !is_key(parameter));
        }
        let mut members = operation.members;
        let mut answers = operation.answers;
        answers.insert(
            "default".to_owned(),
            json!({"$ref": "#/components/responses/Error"}),
        );
        members.insert("responses".to_owned(), answers.into());
        members.insert("parameters".to_owned(), operation.parameters.into());
        members.insert("operationId".to_owned(), name(method, path).into());
        match rpc {
            Some(rpc) => {
                let (service, called) = rpc.split_once('/').unwrap_or((rpc, ""));
                members.insert(
                    "tags".to_owned(),
                    json!([service.trim_end_matches("Service")]),
                );
                members.insert("summary".to_owned(), called.into());
                let comment = self.comments.of(rpc);
                members.insert("description".to_owned(), comment.into());
            }
            None => {
                members.insert("summary".to_owned(), "Content by a signed URL".into());
                members.insert("security".to_owned(), json!([]));
            }
        }
        let place = self.paths.entry(path).or_insert_with(|| json!({}));
        place[method.as_str().to_ascii_lowercase()] = members.into();
    }

    /// The whole document.
    pub(super) fn finish(mut self) -> Value {
        let problem = json!({"schema": {"type": "object", "required": ["type", "title", "detail", "status"]}});
        let error = self
            .schemas
            .answers
            .subschema_for::<cairn_proto::json::Error>();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Cairn",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "The JSON API of an artifact store for agents. Each route does what an RPC does, whose name \
                    and comment it has here; docs/http.md is the guide.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "security": [{"bearer": []}],
            "paths": self.paths,
            "components": {
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
                "responses": {"Error": {
                    "description": "An error: a stable code, and what to do",
                    "content": {"application/json": {"schema": error}, "application/problem+json": problem},
                }},
                "schemas": self.schemas.answers.take_definitions(true),
            },
        })
    }
}

/// The parameters in a path.
fn parameters_of(path: &str) -> Vec<Value> {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name| json!({"in": "path", "name": name, "required": true, "schema": {"type": "string", "minLength": 1}});
    names.map(parameter).collect()
}

/// The name of an operation for generated clients, such as `get_artifacts_by_artifact_id`.
fn name(method: &Method, path: &str) -> String {
    let mut name = method.as_str().to_ascii_lowercase();
    for part in path.split('/').filter(|part| !matches!(*part, "" | "v1")) {
        name.push('_');
        match part.strip_prefix('{') {
            Some(parameter) => {
                name += "by_";
                name += parameter.trim_end_matches('}');
            }
            None => name += &part.replace('-', "_"),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_named_by_its_method_and_path() {
        for (method, path, expected) in [
            (Method::GET, "/v1/artifacts", "get_artifacts"),
            (
                Method::POST,
                "/v1/artifacts/{artifact_id}/legal-hold",
                "post_artifacts_by_artifact_id_legal_hold",
            ),
            (Method::GET, "/api/v1/sessions", "get_api_sessions"),
        ] {
            assert_eq!(name(&method, path), expected);
        }
    }
}
