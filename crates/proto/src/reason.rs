//! The table of error reasons: what each of them is in gRPC and in HTTP, and whether a retry helps.
//!
//! The server builds its errors from this table, and clients read them with it. A new reason is added in three files: the
//! enum in `error_reason.proto`, its row here, and the error of the store that has this reason.

use std::borrow::Cow;

use http::StatusCode;
use tonic::Code;

use crate::v1::ErrorReason;

/// What stands before a reason's name in the enum and not on the wire.
const PREFIX: &str = "ERROR_REASON_";

/// More than the number of any reason.
const MOST: i32 = 999;

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The status code of gRPC.
    pub grpc: Code,
    /// The status of HTTP.
    pub http: StatusCode,
    /// The `code` of the JSON error, such as `session_sealed`.
    pub http_code: Cow<'static, str>,
    /// Whether the same call may succeed later.
    pub retry: Retry,
}

/// Whether a call that failed is worth repeating as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It fails again.
    No,
    /// It may succeed after a pause. The server sends a `google.rpc.RetryInfo`.
    AfterPause,
    /// The first call with its idempotency key is still running: after a pause, the repeated call gets the answer of the
    /// first. The server sends a `google.rpc.RetryInfo`.
    WhenFirstEnds,
    /// It may succeed at once, when all of the content is sent again.
    FromStart,
}

impl Retry {
    /// Whether the server asks for a pause before the next call.
    #[must_use]
    pub fn needs_pause(self) -> bool {
        matches!(self, Self::AfterPause | Self::WhenFirstEnds)
    }
}

impl Mapping {
    /// The row of a reason by its name on the wire. A reason that this build does not know is mapped by its gRPC code.
    #[must_use]
    pub fn of_wire(reason: &str, code: Code) -> Self {
        match ErrorReason::from_wire_name(reason) {
            Some(reason) => reason.mapping(),
            None => Self {
                grpc: code,
                http: status_of(code),
                http_code: reason.to_ascii_lowercase().into(),
                retry: Retry::No,
            },
        }
    }
}

impl ErrorReason {
    /// The name on the wire: "SESSION_SEALED".
    #[must_use]
    pub fn wire_name(self) -> &'static str {
        let name = self.as_str_name();
        name.strip_prefix(PREFIX).unwrap_or(name)
    }

    /// The reason with this name on the wire; `None` for one that this build does not know.
    #[must_use]
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::from_str_name(&format!("{PREFIX}{name}"))
    }

    /// Every reason of the specification; their numbers have gaps.
    fn every() -> impl Iterator<Item = Self> {
        (1..=MOST).filter_map(|number| Self::try_from(number).ok())
    }

    /// The reason with this code in HTTP; `None` for one that no reason has.
    #[must_use]
    pub fn from_http_code(code: &str) -> Option<Self> {
        let mut reasons = Self::every();
        reasons.find(|reason| reason.mapping().http_code == code)
    }

    /// The row of this reason.
    #[must_use]
    pub fn mapping(self) -> Mapping {
        use Code::{
            Aborted, DataLoss, DeadlineExceeded, FailedPrecondition, Internal, InvalidArgument,
            NotFound, OutOfRange, PermissionDenied, ResourceExhausted, Unauthenticated,
            Unavailable, Unimplemented,
        };
        use Retry::{AfterPause, FromStart, No, WhenFirstEnds};
        let (grpc, http, http_code, retry) = match self {
            Self::InvalidArgument => (InvalidArgument, 400, "invalid_request", No),
            Self::ContentMismatch => (InvalidArgument, 400, "content_mismatch", No),
            Self::UploadIncomplete => (InvalidArgument, 400, "upload_incomplete", No),
            Self::TtlExceedsLimit => (InvalidArgument, 400, "ttl_exceeds_plan_limit", No),
            Self::FileTooLarge => (InvalidArgument, 413, "file_too_large", No),
            Self::IdempotencyKeyReused => (InvalidArgument, 422, "idempotency_key_reused", No),
            Self::Unauthenticated => (Unauthenticated, 401, "unauthorized", No),
            Self::PermissionDenied => (PermissionDenied, 403, "forbidden", No),
            Self::ArtifactNotFound => (NotFound, 404, "artifact_not_found", No),
            Self::SessionNotFound => (NotFound, 404, "session_not_found", No),
            Self::LinkNotFound => (NotFound, 404, "link_not_found", No),
            Self::KeyNotFound => (NotFound, 404, "key_not_found", No),
            Self::JobNotFound => (NotFound, 404, "job_not_found", No),
            Self::UploadNotFound => (NotFound, 404, "upload_not_found", No),
            Self::TenantNotFound => (NotFound, 404, "tenant_not_found", No),
            Self::TodoNotFound => (NotFound, 404, "todo_not_found", No),
            Self::ArtifactExpired => (NotFound, 410, "artifact_expired", No),
            Self::ArtifactDeleted => (NotFound, 410, "artifact_already_deleted", No),
            Self::LinkExpired => (NotFound, 410, "link_expired", No),
            Self::SessionSealed => (FailedPrecondition, 409, "session_sealed", No),
            Self::SessionNotSealed => (FailedPrecondition, 409, "session_not_sealed", No),
            Self::SessionFull => (FailedPrecondition, 409, "session_full", No),
            Self::LinksDisabled => (FailedPrecondition, 403, "links_disabled", No),
            Self::LegalHold => (FailedPrecondition, 409, "legal_hold", No),
            Self::TokensDisabled => (FailedPrecondition, 409, "tokens_disabled", No),
            Self::PresignUnsupported => (FailedPrecondition, 409, "presign_unsupported", No),
            Self::UploadPartsMissing => (FailedPrecondition, 409, "upload_parts_missing", No),
            Self::ContentMissing => (FailedPrecondition, 409, "content_missing", No),
            Self::EventsExpired => (FailedPrecondition, 410, "events_expired", No),
            Self::FilterTooCostly => (FailedPrecondition, 422, "filter_too_costly", No),
            Self::VersionConflict => (Aborted, 409, "version_conflict", No),
            Self::IdempotencyInProgress => (Aborted, 409, "idempotency_in_progress", WhenFirstEnds),
            Self::LastWriter => (Aborted, 409, "upload_taken_over", No),
            Self::UploadOffsetMismatch => (OutOfRange, 409, "upload_offset_mismatch", No),
            Self::UploadExpired => (Aborted, 409, "upload_expired", FromStart),
            // tonic takes a request that ends with CANCELLED for a complete one, so this is ABORTED.
            Self::Cancelled => (Aborted, 400, "cancelled", No),
            Self::QuotaExceeded => (ResourceExhausted, 429, "quota_exceeded", No),
            Self::RateLimited => (ResourceExhausted, 429, "rate_limited", AfterPause),
            Self::Unavailable => (Unavailable, 503, "unavailable", AfterPause),
            Self::DeadlineExceeded => (DeadlineExceeded, 504, "deadline_exceeded", No),
            Self::Unimplemented => (Unimplemented, 501, "unimplemented", No),
            Self::DataCorrupted => (DataLoss, 500, "data_corrupted", No),
            Self::Internal | Self::Unspecified => (Internal, 500, "internal", No),
        };
        Mapping {
            grpc,
            http: StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            http_code: http_code.into(),
            retry,
        }
    }
}

/// The HTTP status of a reason of which only the gRPC code is known.
fn status_of(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn reasons() -> impl Iterator<Item = ErrorReason> {
        ErrorReason::every()
    }

    #[test]
    fn reasons_are_known_by_their_names_on_the_wire() {
        for reason in reasons() {
            let name = reason.wire_name();
            assert_eq!(ErrorReason::from_wire_name(name), Some(reason));
            let mapped = Mapping::of_wire(name, reason.mapping().grpc);
            assert_eq!(mapped, reason.mapping());
        }
    }

    #[test]
    fn every_reason_has_an_http_code_of_its_own() {
        let codes: HashSet<_> = reasons().map(|reason| reason.mapping().http_code).collect();
        assert_eq!(codes.len(), reasons().count());
    }

    #[test]
    fn a_reason_is_found_by_its_http_code() {
        for reason in reasons() {
            let code = reason.mapping().http_code;
            assert_eq!(ErrorReason::from_http_code(&code), Some(reason));
        }
        assert_eq!(ErrorReason::from_http_code("nothing"), None);
    }

    #[test]
    fn an_unknown_reason_is_mapped_by_its_grpc_code() {
        let mapped = Mapping::of_wire("NEWER_REASON", Code::NotFound);
        assert_eq!(mapped.http, StatusCode::NOT_FOUND);
        assert_eq!(mapped.http_code, "newer_reason");
        assert_eq!(mapped.retry, Retry::No);
    }
}
