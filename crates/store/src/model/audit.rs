//! The audit trail: who did what, on what, with which result. Secrets and contents are never in it.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    call_origin::CallOrigin,
    id::TenantId,
    tenant::{Caller, Credential},
};

/// The most characters of a resource.
const LONGEST: usize = 512;

/// Without the character that a text of Postgres cannot have: what callers send is here as they sent it.
fn short(resource: &str) -> String {
    let written = |c| if c == '\0' { '\u{fffd}' } else { c };
    resource.chars().map(written).take(LONGEST).collect()
}

/// The result of what succeeded.
pub(crate) const OK: &str = "OK";

/// What proves who an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// An API key.
    Key,
    /// A token of a workload.
    Workload,
    /// A public link.
    Link,
    /// Access to the database, without a call.
    Database,
    /// Nothing that is known.
    Unknown,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What proves it.
    pub kind: ActorKind,
    /// The id of the key or workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The last four characters of the key or link, or the subject of the workload.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The id of the delegated token that was sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token_id: String,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// In which trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

impl Actor {
    fn new(kind: ActorKind, id: Option<Uuid>, name: String, origin: &CallOrigin) -> Self {
        Self {
            kind,
            id,
            name,
            token_id: String::new(),
            address: origin.address,
            trace_id: origin.trace_id.clone(),
        }
    }

    /// The actor of a caller.
    pub(crate) fn of(caller: &Caller) -> Self {
        let (kind, name) = match &caller.credential {
            Credential::ApiKey(last_4) => (ActorKind::Key, last_4.clone()),
            Credential::Workload(subject) => (ActorKind::Workload, subject.clone()),
        };
        Self {
            token_id: caller.token_id.clone(),
            ..Self::new(kind, Some(caller.row), name, &caller.origin)
        }
    }

    /// The reader of a link.
    pub(crate) fn of_link(id: &str, origin: &CallOrigin) -> Self {
        let last = id.len().saturating_sub(4);
        let name = id.get(last..).unwrap_or_default().to_owned();
        Self::new(ActorKind::Link, None, name, origin)
    }

    /// Somebody of whom only the origin is known.
    pub(crate) fn unknown(origin: &CallOrigin) -> Self {
        Self::new(ActorKind::Unknown, None, String::new(), origin)
    }
}

/// One thing that was done, or refused.
#[derive(Debug, Clone)]
pub struct Deed {
    pub(crate) tenant: Option<TenantId>,
    pub(crate) actor: Actor,
    pub(crate) operation: String,
    pub(crate) resource: String,
    pub(crate) result: String,
}

impl Deed {
    /// What a caller did to something.
    pub(crate) fn done(caller: &Caller, operation: &str, resource: &str) -> Self {
        Self::of(caller.tenant.id, Actor::of(caller), operation, resource)
    }

    /// What an actor did to something of a tenant.
    pub(crate) fn of(tenant: TenantId, actor: Actor, operation: &str, resource: &str) -> Self {
        Self {
            tenant: Some(tenant),
            actor,
            operation: operation.to_owned(),
            resource: short(resource),
            result: OK.to_owned(),
        }
    }

    /// What a caller did, or with access to the database somebody else.
    pub(crate) fn by(caller: Option<&Caller>, operation: &str, resource: &str) -> Self {
        match caller {
            Some(caller) => Self::done(caller, operation, resource),
            None => Self::with_database_access(None, operation, resource),
        }
    }

    /// What somebody with access to the database did to something of a tenant.
    pub(crate) fn in_database(tenant: TenantId, operation: &str, resource: &str) -> Self {
        Self::with_database_access(Some(tenant), operation, resource)
    }

    fn with_database_access(tenant: Option<TenantId>, operation: &str, resource: &str) -> Self {
        Self {
            tenant,
            actor: Actor::new(
                ActorKind::Database,
                None,
                String::new(),
                &CallOrigin::default(),
            ),
            operation: operation.to_owned(),
            resource: short(resource),
            result: OK.to_owned(),
        }
    }

    /// A call that was refused, with the reason of its error; `None`: the caller is unknown.
    #[must_use]
    pub fn refused(
        caller: Option<&Caller>,
        origin: &CallOrigin,
        operation: &str,
        resource: &str,
        reason: &str,
    ) -> Self {
        Self {
            tenant: caller.map(|caller| caller.tenant.id),
            actor: caller.map_or_else(|| Actor::unknown(origin), Actor::of),
            operation: operation.to_owned(),
            resource: short(resource),
            result: reason.to_owned(),
        }
    }
}

/// A line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Its number: later lines have higher ones, except for those of transactions that ran at once.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The tenant's name; empty where the caller is unknown.
    pub tenant: String,
    /// Who.
    pub actor: Actor,
    /// What, by the name of the RPC.
    pub operation: String,
    /// On what; empty for nothing in particular.
    pub resource: String,
    /// `OK`, or the reason of the error.
    pub result: String,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Of the tenant of this name; `None`: of all, and of unknown callers.
    pub tenant: Option<String>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// After the line of this time and number.
    pub after: Option<(Timestamp, i64)>,
    /// The most lines.
    pub most: usize,
}

/// Which reads of content are in the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditedReads {
    /// None of them.
    None,
    /// One in a hundred.
    Sampled,
    /// All of them, as far as the queue to the database has room.
    #[default]
    All,
}

impl std::str::FromStr for AuditedReads {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "none" => Ok(Self::None),
            "sampled" => Ok(Self::Sampled),
            "all" => Ok(Self::All),
            _ => Err("must be none, sampled or all"),
        }
    }
}
