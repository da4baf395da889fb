//! The audit trail between the wire and the store.

use cairn_proto::v1::{self, ListAuditRequest, ListAuditResponse};
use cairn_store::{ActorKind, AuditLine, AuditQuery, Caller, Error, Result, Store};
use jiff::Timestamp;

use super::convert;

/// The lines of a page, when no number is given.
const LINES: usize = 100;

/// What is wanted.
///
/// # Errors
/// `Invalid`.
pub(super) fn query(caller: &Caller, request: ListAuditRequest) -> Result<AuditQuery> {
    let most = match usize::try_from(request.page_size) {
        Ok(0) => LINES,
        Ok(size) if size <= Store::AUDIT_PAGE => size,
        _ => {
            let rule = format!("must be 1 to {}, or 0 for {LINES}", Store::AUDIT_PAGE);
            return Err(Error::invalid("page_size", rule));
        }
    };
    let tenant = match (request.all_tenants, request.tenant_name) {
        (true, name) if !name.is_empty() => {
            let rule = "must not be given beside tenant_name";
            return Err(Error::invalid("all_tenants", rule));
        }
        (true, _) => None,
        (false, name) if name.is_empty() => Some(caller.tenant.name.clone()),
        (false, name) => Some(name),
    };
    Ok(AuditQuery {
        tenant,
        since: moment("since", request.since)?,
        until: moment("until", request.until)?,
        after: position(&request.page_token)?,
        most,
    })
}

fn moment(field: &str, at: Option<prost_types::Timestamp>) -> Result<Option<Timestamp>> {
    let read = |at: prost_types::Timestamp| {
        let moment = Timestamp::new(at.seconds, at.nanos);
        moment.map_err(|_| Error::invalid(field, "must be a valid timestamp"))
    };
    at.map(read).transpose()
}

/// The place after a line, as `page` writes it.
fn position(token: &str) -> Result<Option<(Timestamp, i64)>> {
    if token.is_empty() {
        return Ok(None);
    }
    let parts = token.split_once('.');
    let read = parts.and_then(|(at, id)| {
        let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
        Some((at, id.parse().ok()?))
    });
    let wrong = || Error::invalid("page_token", "must be the next_page_token of a page");
    read.map(Some).ok_or_else(wrong)
}

/// A page of lines.
pub(super) fn page(query: &AuditQuery, lines: Vec<AuditLine>) -> ListAuditResponse {
    let last = (lines.len() == query.most).then(|| lines.last()).flatten();
    let token = |line: &AuditLine| format!("{}.{}", line.at.as_microsecond(), line.id);
    ListAuditResponse {
        next_page_token: last.map_or_else(String::new, token),
        lines: lines.into_iter().map(line).collect(),
    }
}

fn line(line: AuditLine) -> v1::AuditLine {
    let actor = line.actor;
    let kind = match actor.kind {
        ActorKind::Key => "key",
        ActorKind::Workload => "workload",
        ActorKind::Link => "link",
        ActorKind::Database => "database",
        ActorKind::Unknown => "unknown",
    };
    v1::AuditLine {
        line_id: line.id,
        at: Some(convert::timestamp(line.at)),
        tenant_name: line.tenant,
        actor: Some(v1::AuditActor {
            kind: kind.to_owned(),
            id: actor.id.map_or_else(String::new, |id| id.to_string()),
            name: actor.name,
            address: actor.address.map_or_else(String::new, |at| at.to_string()),
            trace_id: actor.trace_id.unwrap_or_default(),
            token_id: actor.token_id,
        }),
        operation: line.operation,
        resource: line.resource,
        result: line.result,
    }
}
