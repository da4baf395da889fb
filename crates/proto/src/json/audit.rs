//! The audit trail: as it is, and as an event of the Open Cybersecurity Schema Framework (OCSF).

use jiff::Timestamp;
use serde::Serialize;

use super::value::{present, timestamp};
use crate::v1;

/// One line; the fields are those of [`v1::AuditLine`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// Its number.
    pub line_id: i64,
    /// When.
    pub at: Option<Timestamp>,
    /// The tenant's name; `None`: the caller is unknown.
    pub tenant_name: Option<String>,
    /// What proves who the actor is, such as `key`.
    pub actor_kind: String,
    /// The id of the key or workload.
    pub actor_id: Option<String>,
    /// The last four characters of the key or link, or the subject of the workload.
    pub actor_name: Option<String>,
    /// The id of the delegated token that was sent.
    pub token_id: Option<String>,
    /// From where the call came.
    pub address: Option<String>,
    /// The trace of the call.
    pub trace_id: Option<String>,
    /// What.
    pub operation: String,
    /// On what.
    pub resource: Option<String>,
    /// `OK`, or the reason of the error.
    pub result: String,
}

impl From<v1::AuditLine> for AuditLine {
    fn from(line: v1::AuditLine) -> Self {
        let actor = line.actor.unwrap_or_default();
        Self {
            line_id: line.line_id,
            at: timestamp(line.at),
            tenant_name: present(line.tenant_name),
            actor_kind: actor.kind,
            actor_id: present(actor.id),
            actor_name: present(actor.name),
            token_id: present(actor.token_id),
            address: present(actor.address),
            trace_id: present(actor.trace_id),
            operation: line.operation,
            resource: present(line.resource),
            result: line.result,
        }
    }
}

/// The class "API Activity" of OCSF, and its category "Application Activity".
const CLASS: u32 = 6003;
const CATEGORY: u32 = 6;
/// The version of the schema.
const SCHEMA: &str = "1.8.0";

/// An event of the class API Activity.
#[derive(Debug, Clone, Serialize)]
pub struct OcsfEvent {
    class_uid: u32,
    class_name: &'static str,
    category_uid: u32,
    category_name: &'static str,
    activity_id: u32,
    activity_name: &'static str,
    type_uid: u32,
    /// In milliseconds since 1970.
    time: i64,
    severity_id: u32,
    status_id: u32,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<String>,
    metadata: Metadata,
    actor: Actor,
    api: Api,
    src_endpoint: Endpoint,
    resources: Vec<Resource>,
}

#[derive(Debug, Clone, Serialize)]
struct Metadata {
    version: &'static str,
    uid: String,
    product: Named,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_uid: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Named {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_name: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
struct Actor {
    user: User,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session>,
}

/// The delegated token.
#[derive(Debug, Clone, Serialize)]
struct Session {
    uid: String,
}

#[derive(Debug, Clone, Serialize)]
struct User {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Api {
    operation: String,
    service: Named,
}

#[derive(Debug, Clone, Serialize)]
struct Endpoint {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Resource {
    uid: String,
}

impl From<AuditLine> for OcsfEvent {
    fn from(line: AuditLine) -> Self {
        let (activity_id, activity_name) = activity(&line.operation);
        let succeeded = line.result == "OK";
        Self {
            class_uid: CLASS,
            class_name: "API Activity",
            category_uid: CATEGORY,
            category_name: "Application Activity",
            activity_id,
            activity_name,
            type_uid: CLASS * 100 + activity_id,
            time: line.at.map_or(0, Timestamp::as_millisecond),
            severity_id: 1,
            status_id: if succeeded { 1 } else { 2 },
            status: if succeeded { "Success" } else { "Failure" },
            status_code: (!succeeded).then_some(line.result),
            metadata: Metadata {
                version: SCHEMA,
                uid: line.line_id.to_string(),
                product: Named {
                    name: "Cairn",
                    vendor_name: Some("Cairn"),
                },
                tenant_uid: line.tenant_name,
                correlation_uid: line.trace_id,
            },
            actor: Actor {
                user: User {
                    kind: line.actor_kind,
                    uid: line.actor_id,
                    name: line.actor_name,
                },
                session: line.token_id.map(|uid| Session { uid }),
            },
            api: Api {
                operation: line.operation,
                service: Named {
                    name: "cairn",
                    vendor_name: None,
                },
            },
            src_endpoint: Endpoint { ip: line.address },
            resources: line
                .resource
                .map(|uid| Resource { uid })
                .into_iter()
                .collect(),
        }
    }
}

/// The activity of an operation, by the verb at its beginning.
fn activity(operation: &str) -> (u32, &'static str) {
    let begins = |verbs: &[&str]| verbs.iter().any(|verb| operation.starts_with(verb));
    if begins(&["Create", "BatchCreate", "Upload", "Reserve", "Copy"]) {
        (1, "Create")
    } else if begins(&[
        "Download", "Follow", "Get", "List", "BatchGet", "Watch", "WhoAmI", "Find",
    ]) {
        (2, "Read")
    } else if begins(&[
        "Update", "Set", "Restore", "Seal", "Commit", "Rotate", "Apply", "Cancel",
    ]) {
        (3, "Update")
    } else if begins(&["Delete", "Revoke", "Remove"]) {
        (4, "Delete")
    } else {
        (99, "Other")
    }
}
