//! What the audit trail learns of a call at its door: from where it came, and that it was refused. The store writes what was
//! done.

use axum::http::Extensions;
use cairn_process::{serve::Peer, trace};
use cairn_store::{CallOrigin, Caller, Deed, Store};
use tonic::Status;
use tonic_types::StatusExt;
use tracing::Span;

/// What says in an error's metadata what the call was about. Links are secrets, and are not among them.
const RESOURCES: [&str; 7] = [
    "artifact_id",
    "upload_id",
    "session_id",
    "job_id",
    "key_id",
    "filename",
    "tenant_name",
];
/// Reasons that say nothing of the caller: the server failed, or the caller left.
const OTHERS: [&str; 5] = [
    "INTERNAL",
    "UNAVAILABLE",
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
];

/// From where a request comes.
pub(crate) fn origin(extensions: &Extensions) -> CallOrigin {
    CallOrigin {
        address: extensions.get::<Peer>().map(|Peer(address)| *address),
        trace_id: trace::id(&Span::current()),
    }
}

/// Notes a call that failed, unless the fault is the server's; `None`: the caller is not known.
pub(crate) fn note(
    store: &Store,
    caller: Option<&Caller>,
    origin: &CallOrigin,
    rpc: &str,
    status: &Status,
) {
    let Some(info) = status.get_details_error_info() else {
        return;
    };
    let mut named = RESOURCES.iter().filter_map(|name| info.metadata.get(*name));
    let resource = named.next().map_or("", String::as_str);
    note_reason(store, caller, origin, rpc, resource, &info.reason);
}

/// The same by the reason alone, and what the call was about.
pub(crate) fn note_reason(
    store: &Store,
    caller: Option<&Caller>,
    origin: &CallOrigin,
    rpc: &str,
    resource: &str,
    reason: &str,
) {
    if OTHERS.contains(&reason) {
        return;
    }
    let method = rpc.rsplit('/').next().unwrap_or(rpc);
    store.note_refusal(Deed::refused(caller, origin, method, resource, reason));
}
