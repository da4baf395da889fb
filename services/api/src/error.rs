//! The reason of each error of the store, in one exhaustive table. No other code makes a status from an error.

use std::{collections::HashMap, time::Duration};

use axum::http::StatusCode;
use cairn_proto::{
    ERROR_DOMAIN, json,
    reason::{Mapping, Retry},
    v1::{ErrorReason, ItemError},
};
use cairn_store::{Artifact, Error, LINK_LOCK, Numbers, Violation, describe};
use tonic::{
    Code, Status,
    metadata::{Ascii, MetadataValue},
};
use tonic_types::{ErrorDetails, StatusExt};

mod brief;
mod transport;

pub(crate) use transport::TransportError;

/// The pause before a retry of an unavailable call.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The trailer that gRPC clients respect before an automatic retry: milliseconds, or a negative number for no retry.
const PUSHBACK: &str = "grpc-retry-pushback-ms";
/// The reason once more, in text: a program branches on it without decoding the details.
const REASON: &str = "cairn-reason";
/// Whether the same call may succeed when it is sent again under the same idempotency key: `yes` or `no`.
const RETRY: &str = "cairn-retry";

/// The reason of an error, which `cairn_proto::reason` has the codes of, and the metadata of its `ErrorInfo`.
struct ErrorMapping {
    reason: ErrorReason,
    metadata: Vec<(&'static str, String)>,
    /// The pause before a retry, where one helps.
    pause: Duration,
}

impl From<ErrorReason> for ErrorMapping {
    fn from(reason: ErrorReason) -> Self {
        Self {
            reason,
            metadata: vec![],
            pause: RETRY_AFTER,
        }
    }
}

fn mapping(error: &Error) -> ErrorMapping {
    let (reason, metadata) = match error {
        Error::Invalid(_) => (ErrorReason::InvalidArgument, vec![]),
        Error::Unauthenticated | Error::TokenRefused(_) | Error::UnknownWorkload { .. } => {
            (ErrorReason::Unauthenticated, vec![])
        }
        Error::TokensDisabled => (ErrorReason::TokensDisabled, vec![]),
        Error::ScopeMissing(scope) => (
            ErrorReason::PermissionDenied,
            vec![("scope", scope.to_string())],
        ),
        Error::OutOfReach { reach, .. } => (
            ErrorReason::PermissionDenied,
            vec![("reach", reach.clone())],
        ),
        Error::ArtifactNotFound(id) => (
            ErrorReason::ArtifactNotFound,
            vec![("artifact_id", id.clone())],
        ),
        Error::ArtifactExpired { id, expires_at } => (
            ErrorReason::ArtifactExpired,
            vec![
                ("artifact_id", id.clone()),
                ("expires_at", expires_at.to_string()),
            ],
        ),
        Error::ArtifactDeleted { id, deleted_at } => (
            ErrorReason::ArtifactDeleted,
            vec![
                ("artifact_id", id.clone()),
                ("deleted_at", deleted_at.to_string()),
            ],
        ),
        Error::SessionNotFound(id) => (
            ErrorReason::SessionNotFound,
            vec![("session_id", id.clone())],
        ),
        Error::LinkNotFound(id) => (ErrorReason::LinkNotFound, vec![("link_id", id.clone())]),
        Error::JobNotFound(id) => (ErrorReason::JobNotFound, vec![("job_id", id.clone())]),
        Error::TodoNotFound(id) => (ErrorReason::TodoNotFound, vec![("todo_id", id.clone())]),
        Error::UploadNotFound(id) => (
            ErrorReason::UploadNotFound,
            vec![("artifact_id", id.clone())],
        ),
        Error::OpenUploadNotFound(id) => {
            (ErrorReason::UploadNotFound, vec![("upload_id", id.clone())])
        }
        Error::UploadTakenOver(id) => (ErrorReason::LastWriter, vec![("upload_id", id.clone())]),
        Error::UploadOffsetMismatch { id, offset } => (
            ErrorReason::UploadOffsetMismatch,
            vec![("upload_id", id.clone()), ("offset", offset.to_string())],
        ),
        Error::UploadPartsMissing { id, parts } => (
            ErrorReason::UploadPartsMissing,
            vec![
                ("upload_id", id.clone()),
                ("parts", Numbers(parts).to_string()),
            ],
        ),
        Error::PresignUnsupported => (ErrorReason::PresignUnsupported, vec![]),
        Error::UploadStalled(id) => (
            ErrorReason::Unavailable,
            vec![
                ("dependency", "caller".to_owned()),
                ("upload_id", id.clone()),
            ],
        ),
        Error::KeyNotFound(id) => (ErrorReason::KeyNotFound, vec![("key_id", id.clone())]),
        Error::LinkExpired { id, ended_at } => (
            ErrorReason::LinkExpired,
            vec![
                ("link_id", id.clone()),
                ("expires_at", ended_at.to_string()),
            ],
        ),
        Error::LinksDisabled => (ErrorReason::LinksDisabled, vec![]),
        Error::LinkPassword => (ErrorReason::Unauthenticated, vec![]),
        Error::SessionSealed { id, sealed_at } => (
            ErrorReason::SessionSealed,
            vec![
                ("session_id", id.clone()),
                ("sealed_at", sealed_at.to_string()),
            ],
        ),
        Error::SessionFull(id) => (ErrorReason::SessionFull, vec![("session_id", id.clone())]),
        Error::LegalHold(id) => (ErrorReason::LegalHold, vec![("artifact_id", id.clone())]),
        Error::FilterTooCostly => (ErrorReason::FilterTooCostly, vec![]),
        Error::SessionNotSealed(id) => (
            ErrorReason::SessionNotSealed,
            vec![("session_id", id.clone())],
        ),
        Error::VersionConflict { filename, current } => (
            ErrorReason::VersionConflict,
            conflict(filename, current.as_deref()),
        ),
        Error::VersionTaken { filename, version } => (
            ErrorReason::VersionConflict,
            vec![
                ("filename", filename.clone()),
                ("current_version", version.to_string()),
            ],
        ),
        Error::IdempotencyKeyReused { fields, .. } => (
            ErrorReason::IdempotencyKeyReused,
            vec![("fields", fields.join(","))],
        ),
        Error::IdempotencyInProgress(_) => (ErrorReason::IdempotencyInProgress, vec![]),
        Error::ContentMismatch {
            field,
            declared,
            actual,
        } => (
            ErrorReason::ContentMismatch,
            vec![
                ("field", (*field).to_owned()),
                ("declared", declared.clone()),
                ("actual", actual.clone()),
            ],
        ),
        Error::UploadIncomplete { received_bytes } => (
            ErrorReason::UploadIncomplete,
            vec![("received_bytes", received_bytes.to_string())],
        ),
        Error::ContentMissing(hash) => (
            ErrorReason::ContentMissing,
            vec![("content_hash", hash.clone())],
        ),
        Error::FileTooLarge { limit_bytes, .. } => (
            ErrorReason::FileTooLarge,
            vec![("limit_bytes", limit_bytes.to_string())],
        ),
        Error::QuotaExceeded(exceeded) => (
            ErrorReason::QuotaExceeded,
            vec![
                ("limit", exceeded.limit.to_string()),
                ("max", exceeded.max.to_string()),
                ("used", exceeded.used.to_string()),
                ("needed", exceeded.needed.to_string()),
            ],
        ),
        Error::TtlExceedsLimit { max } => (
            ErrorReason::TtlExceedsLimit,
            max.iter()
                .map(|max| ("max_ttl_seconds", max.as_secs().to_string()))
                .collect(),
        ),
        Error::UploadExpired(_) => (ErrorReason::UploadExpired, vec![]),
        Error::EventsExpired { session, first } => (
            ErrorReason::EventsExpired,
            (session.iter().map(|id| ("session_id", id.clone())))
                .chain([("after_position", first.to_string())])
                .collect(),
        ),
        Error::RateLimited(_) => (ErrorReason::RateLimited, vec![]),
        Error::LimitReached(reached) => {
            let of = if reached.of_key { "key" } else { "tenant" };
            let mut mapping = ErrorMapping::from(ErrorReason::RateLimited);
            mapping.metadata = vec![
                ("limit", reached.kind.to_string()),
                ("max", reached.max.to_string()),
                ("of", of.to_owned()),
            ];
            // A pause of zero would be none.
            mapping.pause = reached.retry_after.max(Duration::from_millis(1));
            return mapping;
        }
        Error::LinkLocked => {
            return ErrorMapping {
                pause: LINK_LOCK,
                ..ErrorReason::RateLimited.into()
            };
        }
        Error::CountReached(reached) => (
            ErrorReason::QuotaExceeded,
            vec![
                ("limit", reached.kind.to_string()),
                ("max", reached.max.to_string()),
            ],
        ),
        Error::TenantNotFound(name) => (
            ErrorReason::TenantNotFound,
            vec![("tenant_name", name.clone())],
        ),
        Error::Stopping => (
            ErrorReason::Unavailable,
            vec![("dependency", "server".to_owned())],
        ),
        Error::Unavailable { dependency, .. } => (
            ErrorReason::Unavailable,
            vec![("dependency", (*dependency).to_owned())],
        ),
        Error::DataCorrupted(id) => (
            ErrorReason::DataCorrupted,
            vec![("artifact_id", id.clone())],
        ),
        Error::RecordDamaged { record, id, .. } => (
            ErrorReason::DataCorrupted,
            match *record {
                "artifact" => vec![("artifact_id", id.clone())],
                _ => vec![],
            },
        ),
        Error::Internal(_) => (ErrorReason::Internal, vec![]),
    };
    ErrorMapping {
        reason,
        metadata,
        pause: RETRY_AFTER,
    }
}

/// The present version and its author.
fn conflict(filename: &str, current: Option<&Artifact>) -> Vec<(&'static str, String)> {
    let filename = ("filename", filename.to_owned());
    let Some(current) = current else {
        return vec![filename, ("current_version", "0".to_owned())];
    };
    vec![
        filename,
        ("current_version", current.version.to_string()),
        ("artifact_id", current.id.to_string()),
        ("agent_id", current.agent_id.clone()),
        ("created_at", current.created_at.to_string()),
        ("etag", current.etag()),
    ]
}

/// The gRPC status of an error, with its details. Its size is bounded whatever was sent: at most 16 invalid fields, 64
/// characters of any input, and 4 KiB in all.
pub(crate) fn to_status(error: Error) -> Status {
    log(&error);
    let (faults, message) = brief(&error);
    status(mapping(&error), message, &faults)
}

/// The error of one item of a call.
pub(crate) fn of_item(error: &Error) -> ItemError {
    log(error);
    let (faults, message) = brief(error);
    let ErrorMapping {
        reason, metadata, ..
    } = mapping(error);
    ItemError {
        code: reason.mapping().grpc.into(),
        reason: reason.wire_name().to_owned(),
        message,
        metadata: short(metadata).collect(),
        fields: faults.into_iter().map(|fault| fault.field).collect(),
    }
}

/// The HTTP status and the JSON body of a gRPC status of this module, with the pause for the header `Retry-After`.
pub(crate) fn to_json(status: &Status) -> (StatusCode, json::Error, Option<Duration>) {
    let details = status.get_error_details();
    let (reason, metadata) = match details.error_info() {
        Some(info) => (info.reason.as_str(), info.metadata.clone()),
        None => (ErrorReason::Internal.wire_name(), HashMap::new()),
    };
    let row = Mapping::of_wire(reason, status.code());
    // In whole seconds, as HTTP has it.
    let pause = details.retry_info().and_then(|info| info.retry_delay);
    let pause = pause.map(|pause| Duration::from_secs(pause.as_secs_f64().ceil() as u64));
    let mut message = status.message().to_owned();
    let mut fields = Vec::new();
    for fault in details
        .bad_request()
        .into_iter()
        .flat_map(|all| &all.field_violations)
    {
        let field = json_field(&fault.field);
        let (of_grpc, of_json) = (format!("{}: ", fault.field), format!("{field}: "));
        message = message.replacen(&of_grpc, &of_json, 1);
        fields.push(json::Violation {
            field: field.to_owned(),
            description: fault.description.clone(),
        });
    }
    let body = json::Error::new(row.http_code, message)
        .with_status(Some(row.http.as_u16()))
        .with_retry_after(pause.map(|pause| pause.as_secs()))
        .with_fields(fields)
        .with_details(metadata.into_iter().collect());
    (row.http, body, pause)
}

/// The JSON body of the error of one item.
pub(crate) fn to_item_json(item: ItemError) -> json::Error {
    let code = Code::from_i32(item.code);
    let row = Mapping::of_wire(&item.reason, code);
    let fields = item.fields.iter().map(|field| json::Violation {
        field: json_field(field).to_owned(),
        description: item.message.clone(),
    });
    json::Error::new(row.http_code, item.message.clone())
        .with_status(Some(row.http.as_u16()))
        .with_fields(fields.collect())
        .with_details(item.metadata.into_iter().collect())
}

/// The name of a message's field in JSON: a spec's fields are not nested there, and pages have cursors.
fn json_field(field: &str) -> &str {
    match field {
        "page_size" => "limit",
        "page_token" => "cursor",
        field => field.strip_prefix("spec.").unwrap_or(field),
    }
}

/// The status of a call that fails outside of the store.
pub(crate) fn refusal(fault: &TransportError) -> Status {
    let message = brief::message(&fault.to_string());
    status(fault.reason().into(), message, &[])
}

/// The invalid fields and the message, both of bounded length.
fn brief(error: &Error) -> (Vec<Violation>, String) {
    match error {
        Error::Invalid(all) => brief::faults(all),
        error => (vec![], brief::message(&error.to_string())),
    }
}

/// Metadata with values of bounded length.
fn short(metadata: Vec<(&'static str, String)>) -> impl Iterator<Item = (String, String)> {
    let metadata = metadata.into_iter();
    metadata.map(|(key, value)| (key.to_owned(), brief::value(&value)))
}

fn status(error: ErrorMapping, message: String, faults: &[Violation]) -> Status {
    let metadata: HashMap<_, _> = short(error.metadata).collect();
    let reason = error.reason.wire_name();
    let row = error.reason.mapping();
    let mut details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata);
    for fault in faults {
        details.add_bad_request_violation(&fault.field, &fault.description);
    }
    if row.retry.needs_pause() {
        details.set_retry_info(Some(error.pause));
    }
    let pushback = pushback(&row, error.pause);
    let mut status = Status::with_error_details(row.grpc, message, details);
    let trailers = status.metadata_mut();
    trailers.insert(REASON, MetadataValue::from_static(reason));
    trailers.insert(RETRY, MetadataValue::from_static(retry(&row)));
    if let Some(pushback) = pushback {
        status.metadata_mut().insert(PUSHBACK, pushback);
    }
    status
}

/// Whether a retry can help. Past its deadline a call may succeed with a longer one.
fn retry(row: &Mapping) -> &'static str {
    match (row.retry, row.grpc) {
        (Retry::No, Code::DeadlineExceeded) => "yes",
        (Retry::No, _) => "no",
        (Retry::AfterPause | Retry::WhenFirstEnds | Retry::FromStart, _) => "yes",
    }
}

/// The trailer for clients that retry by code and do not know RetryInfo.
fn pushback(row: &Mapping, pause: Duration) -> Option<MetadataValue<Ascii>> {
    let millis = pause.as_millis() as u64;
    match (row.retry, row.grpc) {
        (Retry::AfterPause | Retry::WhenFirstEnds, _) => Some(millis.into()),
        // Other reasons with these codes are worth a retry.
        (Retry::No, Code::Aborted | Code::ResourceExhausted) => {
            Some(MetadataValue::from_static("-1"))
        }
        (Retry::No | Retry::FromStart, _) => None,
    }
}

/// Logs the cause of an error that is not the caller's; the caller does not see it.
pub(crate) fn log(error: &Error) {
    let (Error::Unavailable { .. }
    | Error::Internal(_)
    | Error::DataCorrupted(_)
    | Error::RecordDamaged { .. }) = error
    else {
        return;
    };
    tracing::error!(error = describe(error), "a call failed");
}

#[cfg(test)]
mod tests;
