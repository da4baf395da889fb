//! How each error of the store looks on each face. One exhaustive table; nothing else makes a status of an error.

use std::{collections::HashMap, time::Duration};

use axum::http::StatusCode;
use cairn_proto::{
    ERROR_DOMAIN,
    v1::{ErrorReason, ItemError},
};
use cairn_store::{Artifact, Error, Violation, describe};
use tonic::{Code, Status, metadata::MetadataValue};
use tonic_types::{ErrorDetails, StatusExt};

mod brief;
mod transport;

pub(crate) use transport::Fault;

/// When to try again what was not available.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What gRPC clients heed before they repeat a call by themselves: milliseconds, or a negative number for never.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// One row of the table.
pub(crate) struct Face {
    pub(crate) reason: ErrorReason,
    pub(crate) grpc: Code,
    pub(crate) http: StatusCode,
    /// The `code` of the JSON error.
    pub(crate) http_code: &'static str,
    /// The `ErrorInfo` metadata.
    pub(crate) metadata: Vec<(&'static str, String)>,
}

/// The row of an error.
pub(crate) fn face(error: &Error) -> Face {
    use Code::{
        Aborted, DataLoss, FailedPrecondition, Internal, InvalidArgument, NotFound,
        ResourceExhausted, Unauthenticated, Unavailable,
    };
    let row = |reason, grpc, http, http_code, metadata: Vec<(&'static str, String)>| Face {
        reason,
        grpc,
        http,
        http_code,
        metadata,
    };
    match error {
        Error::Invalid(_) => row(
            ErrorReason::InvalidArgument,
            InvalidArgument,
            StatusCode::BAD_REQUEST,
            "invalid_request",
            vec![],
        ),
        Error::Unauthenticated | Error::TokenRefused(_) | Error::UnknownWorkload { .. } => row(
            ErrorReason::Unauthenticated,
            Unauthenticated,
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            vec![],
        ),
        Error::ArtifactNotFound(id) => row(
            ErrorReason::ArtifactNotFound,
            NotFound,
            StatusCode::NOT_FOUND,
            "artifact_not_found",
            vec![("artifact_id", id.clone())],
        ),
        Error::ArtifactExpired { id, expires_at } => row(
            ErrorReason::ArtifactExpired,
            NotFound,
            StatusCode::GONE,
            "artifact_expired",
            vec![
                ("artifact_id", id.clone()),
                ("expires_at", expires_at.to_string()),
            ],
        ),
        Error::ArtifactDeleted { id, deleted_at } => row(
            ErrorReason::ArtifactDeleted,
            NotFound,
            StatusCode::GONE,
            "artifact_already_deleted",
            vec![
                ("artifact_id", id.clone()),
                ("deleted_at", deleted_at.to_string()),
            ],
        ),
        Error::SessionNotFound(id) => row(
            ErrorReason::SessionNotFound,
            NotFound,
            StatusCode::NOT_FOUND,
            "session_not_found",
            vec![("session_id", id.clone())],
        ),
        Error::LinkNotFound(id) => row(
            ErrorReason::LinkNotFound,
            NotFound,
            StatusCode::NOT_FOUND,
            "link_not_found",
            vec![("link_id", id.clone())],
        ),
        Error::JobNotFound(id) => row(
            ErrorReason::JobNotFound,
            NotFound,
            StatusCode::NOT_FOUND,
            "job_not_found",
            vec![("job_id", id.clone())],
        ),
        Error::LinkExpired { id, ended_at } => row(
            ErrorReason::LinkExpired,
            NotFound,
            StatusCode::GONE,
            "link_expired",
            vec![
                ("link_id", id.clone()),
                ("expires_at", ended_at.to_string()),
            ],
        ),
        Error::SessionSealed { id, sealed_at } => row(
            ErrorReason::SessionSealed,
            FailedPrecondition,
            StatusCode::CONFLICT,
            "session_sealed",
            vec![
                ("session_id", id.clone()),
                ("sealed_at", sealed_at.to_string()),
            ],
        ),
        Error::SessionFull(id) => row(
            ErrorReason::SessionFull,
            FailedPrecondition,
            StatusCode::CONFLICT,
            "session_full",
            vec![("session_id", id.clone())],
        ),
        Error::LegalHold(id) => row(
            ErrorReason::LegalHold,
            FailedPrecondition,
            StatusCode::CONFLICT,
            "legal_hold",
            vec![("artifact_id", id.clone())],
        ),
        Error::FilterTooCostly => row(
            ErrorReason::FilterTooCostly,
            FailedPrecondition,
            StatusCode::UNPROCESSABLE_ENTITY,
            "filter_too_costly",
            vec![],
        ),
        Error::SessionNotSealed(id) => row(
            ErrorReason::SessionNotSealed,
            FailedPrecondition,
            StatusCode::CONFLICT,
            "session_not_sealed",
            vec![("session_id", id.clone())],
        ),
        Error::VersionConflict { filename, current } => row(
            ErrorReason::VersionConflict,
            Aborted,
            StatusCode::CONFLICT,
            "version_conflict",
            conflict(filename, current.as_deref()),
        ),
        Error::IdempotencyKeyReused { fields, .. } => row(
            ErrorReason::IdempotencyKeyReused,
            InvalidArgument,
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            vec![("fields", fields.join(","))],
        ),
        Error::IdempotencyInProgress(_) => row(
            ErrorReason::IdempotencyInProgress,
            Aborted,
            StatusCode::CONFLICT,
            "idempotency_in_progress",
            vec![],
        ),
        Error::ContentMismatch {
            field,
            declared,
            actual,
        } => row(
            ErrorReason::ContentMismatch,
            InvalidArgument,
            StatusCode::BAD_REQUEST,
            "content_mismatch",
            vec![
                ("field", (*field).to_owned()),
                ("declared", declared.clone()),
                ("actual", actual.clone()),
            ],
        ),
        Error::UploadIncomplete { received_bytes } => row(
            ErrorReason::UploadIncomplete,
            InvalidArgument,
            StatusCode::BAD_REQUEST,
            "upload_incomplete",
            vec![("received_bytes", received_bytes.to_string())],
        ),
        Error::ContentMissing(hash) => row(
            ErrorReason::ContentMissing,
            FailedPrecondition,
            StatusCode::CONFLICT,
            "content_missing",
            vec![("content_hash", hash.clone())],
        ),
        Error::FileTooLarge { limit_bytes, .. } => row(
            ErrorReason::FileTooLarge,
            InvalidArgument,
            StatusCode::PAYLOAD_TOO_LARGE,
            "file_too_large",
            vec![("limit_bytes", limit_bytes.to_string())],
        ),
        Error::QuotaExceeded(exceeded) => row(
            ErrorReason::QuotaExceeded,
            ResourceExhausted,
            StatusCode::TOO_MANY_REQUESTS,
            "quota_exceeded",
            vec![
                ("limit", exceeded.limit.to_string()),
                ("max", exceeded.max.to_string()),
                ("used", exceeded.used.to_string()),
                ("needed", exceeded.needed.to_string()),
            ],
        ),
        Error::TtlExceedsLimit { max } => row(
            ErrorReason::TtlExceedsLimit,
            InvalidArgument,
            StatusCode::BAD_REQUEST,
            "ttl_exceeds_plan_limit",
            max.iter()
                .map(|max| ("max_ttl_seconds", max.as_secs().to_string()))
                .collect(),
        ),
        Error::UploadExpired(_) => row(
            ErrorReason::UploadExpired,
            Aborted,
            StatusCode::CONFLICT,
            "upload_expired",
            vec![],
        ),
        Error::EventsExpired { session, first } => row(
            ErrorReason::EventsExpired,
            FailedPrecondition,
            StatusCode::GONE,
            "events_expired",
            vec![
                ("session_id", session.clone()),
                ("after_position", first.to_string()),
            ],
        ),
        Error::RateLimited(_) => row(
            ErrorReason::RateLimited,
            ResourceExhausted,
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            vec![],
        ),
        Error::Stopping => row(
            ErrorReason::Unavailable,
            Unavailable,
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            vec![("dependency", "server".to_owned())],
        ),
        Error::Unavailable { dependency, .. } => row(
            ErrorReason::Unavailable,
            Unavailable,
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            vec![("dependency", (*dependency).to_owned())],
        ),
        Error::DataCorrupted(id) => row(
            ErrorReason::DataCorrupted,
            DataLoss,
            StatusCode::INTERNAL_SERVER_ERROR,
            "data_corrupted",
            vec![("artifact_id", id.clone())],
        ),
        Error::RecordDamaged { record, id, .. } => row(
            ErrorReason::DataCorrupted,
            DataLoss,
            StatusCode::INTERNAL_SERVER_ERROR,
            "data_corrupted",
            match *record {
                "artifact" => vec![("artifact_id", id.clone())],
                _ => vec![],
            },
        ),
        Error::Internal(_) => row(
            ErrorReason::Internal,
            Internal,
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            vec![],
        ),
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

/// The status of an error, with its details. It is short whatever was sent: at most 16 faults, 64 characters of any input,
/// and 4 KiB in all.
pub(crate) fn to_status(error: Error) -> Status {
    log(&error);
    let face = face(&error);
    match &error {
        Error::Invalid(all) => {
            let (faults, words) = brief::faults(all);
            status(face, words, &faults)
        }
        error => status(face, brief::message(&error.to_string()), &[]),
    }
}

/// An error that is of one item of a call and not of the call.
pub(crate) fn of_item(error: &Error) -> ItemError {
    log(error);
    let face = face(error);
    let (faults, message) = match error {
        Error::Invalid(all) => brief::faults(all),
        error => (vec![], brief::message(&error.to_string())),
    };
    let metadata = face.metadata.into_iter();
    ItemError {
        code: face.grpc.into(),
        reason: name(face.reason).to_owned(),
        message,
        metadata: metadata
            .map(|(key, value)| (key.to_owned(), brief::value(&value)))
            .collect(),
        fields: faults.into_iter().map(|fault| fault.field).collect(),
    }
}

/// A reason as it stands on the wire.
fn name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// The status of a call that the store has no answer for.
pub(crate) fn refusal(fault: &Fault) -> Status {
    status(fault.face(), brief::message(&fault.to_string()), &[])
}

/// What an error says on the HTTP face.
pub(crate) fn message(error: &Error) -> String {
    match error {
        Error::Invalid(all) => brief::faults(all).1,
        error => brief::message(&error.to_string()),
    }
}

fn status(face: Face, message: String, faults: &[Violation]) -> Status {
    let reason = name(face.reason);
    let metadata = face.metadata.into_iter();
    let metadata = metadata.map(|(key, value)| (key.to_owned(), brief::value(&value)));
    let metadata: HashMap<_, _> = metadata.collect();
    let mut details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata);
    for fault in faults {
        details.add_bad_request_violation(&fault.field, &fault.description);
    }
    let again = retry(face.reason);
    if again == Retry::Later {
        details.set_retry_info(Some(RETRY_AFTER));
    }
    let mut status = Status::with_error_details(face.grpc, message, details);
    // Clients that retry by themselves know this and not RetryInfo.
    let pushback = match again {
        Retry::Later => MetadataValue::from(RETRY_AFTER.as_millis() as u64),
        Retry::Never => MetadataValue::from_static("-1"),
        Retry::AsTheCodeSays => return status,
    };
    status.metadata_mut().insert(PUSHBACK, pushback);
    status
}

/// What a client that repeats calls by their codes is to do.
#[derive(PartialEq, Eq)]
enum Retry {
    Later,
    /// The code is one that is worth repeating for other reasons.
    Never,
    AsTheCodeSays,
}

fn retry(reason: ErrorReason) -> Retry {
    match reason {
        ErrorReason::Unavailable
        | ErrorReason::IdempotencyInProgress
        | ErrorReason::RateLimited => Retry::Later,
        ErrorReason::VersionConflict | ErrorReason::QuotaExceeded => Retry::Never,
        _ => Retry::AsTheCodeSays,
    }
}

/// Logs the cause of what is not the caller's doing; the caller is not told it.
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
