use std::collections::BTreeSet;

use cairn_store::{Limit, QuotaExceeded, Scope};

use super::*;

/// The expected form of an error, and its reason.
fn expect(error: Error, reason: &str, code: Code, http: u16) -> String {
    let status = to_status(error);
    assert_eq!(to_json(&status).0.as_u16(), http, "{reason}");
    expect_status(&status, reason, code)
}

fn expect_status(status: &Status, reason: &str, code: Code) -> String {
    assert_eq!(status.code(), code, "{reason}");
    let details = status.get_error_details();
    let info = details.error_info().expect("every error has an ErrorInfo");
    assert_eq!(
        (info.reason.as_str(), info.domain.as_str()),
        (reason, "cairn.dev")
    );
    let worth_retrying = ["UNAVAILABLE", "RATE_LIMITED", "IDEMPOTENCY_IN_PROGRESS"];
    assert_eq!(
        details.retry_info().is_some(),
        worth_retrying.contains(&reason),
        "{reason}"
    );
    let pushback = status.metadata().get(PUSHBACK);
    assert_eq!(
        pushback.is_some_and(|value| value == "1000"),
        worth_retrying.contains(&reason),
        "{reason}"
    );
    assert_eq!(status.metadata().get(REASON).expect("a reason"), reason);
    let again = [
        &worth_retrying[..],
        &["UPLOAD_EXPIRED", "DEADLINE_EXCEEDED"],
    ]
    .concat();
    let retry = status.metadata().get(RETRY).expect("a word on retries");
    assert_eq!(retry == "yes", again.contains(&reason), "{reason}");
    assert!(
        !status.message().contains("secret"),
        "causes stay in the log"
    );
    format!("ERROR_REASON_{reason}")
}

#[test]
fn a_locked_link_says_until_when_it_is_locked() {
    let status = to_status(Error::LinkLocked);
    let pause = status.get_error_details().retry_info().unwrap().retry_delay;
    assert_eq!(pause, Some(LINK_LOCK));
    let pushback = status.metadata().get(PUSHBACK).unwrap().to_str();
    assert_eq!(pushback.unwrap(), LINK_LOCK.as_millis().to_string());
    assert_eq!(to_json(&status).0.as_u16(), 429);
}

#[test]
fn every_error_has_its_reason_code_and_http_status() {
    use Code::{
        Aborted, DataLoss, FailedPrecondition, Internal, InvalidArgument, NotFound, OutOfRange,
        PermissionDenied, ResourceExhausted, Unauthenticated, Unavailable,
    };
    let at = jiff::Timestamp::UNIX_EPOCH;
    let id = || "x".to_owned();
    let sent: BTreeSet<String> = [
        expect(
            Error::invalid("f", "d"),
            "INVALID_ARGUMENT",
            InvalidArgument,
            400,
        ),
        expect(
            Error::UploadPartsMissing {
                id: id(),
                parts: vec![1, 3],
            },
            "UPLOAD_PARTS_MISSING",
            FailedPrecondition,
            409,
        ),
        expect(
            Error::PresignUnsupported,
            "PRESIGN_UNSUPPORTED",
            FailedPrecondition,
            409,
        ),
        expect(
            Error::Unauthenticated,
            "UNAUTHENTICATED",
            Unauthenticated,
            401,
        ),
        expect(
            Error::TokenRefused(id()),
            "UNAUTHENTICATED",
            Unauthenticated,
            401,
        ),
        expect(
            Error::UnknownWorkload {
                issuer: id(),
                subject: id(),
            },
            "UNAUTHENTICATED",
            Unauthenticated,
            401,
        ),
        expect(
            Error::TokensDisabled,
            "TOKENS_DISABLED",
            FailedPrecondition,
            409,
        ),
        expect(
            Error::ScopeMissing(Scope::Hold),
            "PERMISSION_DENIED",
            PermissionDenied,
            403,
        ),
        expect(
            Error::OutOfReach {
                reach: id(),
                why: "x",
            },
            "PERMISSION_DENIED",
            PermissionDenied,
            403,
        ),
        expect(
            Error::ArtifactNotFound(id()),
            "ARTIFACT_NOT_FOUND",
            NotFound,
            404,
        ),
        expect(
            Error::ArtifactExpired {
                id: id(),
                expires_at: at,
            },
            "ARTIFACT_EXPIRED",
            NotFound,
            410,
        ),
        expect(
            Error::ArtifactDeleted {
                id: id(),
                deleted_at: at,
            },
            "ARTIFACT_DELETED",
            NotFound,
            410,
        ),
        expect(
            Error::SessionNotFound(id()),
            "SESSION_NOT_FOUND",
            NotFound,
            404,
        ),
        expect(Error::LinkNotFound(id()), "LINK_NOT_FOUND", NotFound, 404),
        expect(
            Error::UploadNotFound(id()),
            "UPLOAD_NOT_FOUND",
            NotFound,
            404,
        ),
        expect(
            Error::OpenUploadNotFound(id()),
            "UPLOAD_NOT_FOUND",
            NotFound,
            404,
        ),
        expect(Error::UploadTakenOver(id()), "LAST_WRITER", Aborted, 409),
        expect(
            Error::UploadOffsetMismatch {
                id: id(),
                offset: 7,
            },
            "UPLOAD_OFFSET_MISMATCH",
            OutOfRange,
            409,
        ),
        expect(Error::UploadStalled(id()), "UNAVAILABLE", Unavailable, 503),
        expect(Error::KeyNotFound(id()), "KEY_NOT_FOUND", NotFound, 404),
        expect(Error::TodoNotFound(id()), "TODO_NOT_FOUND", NotFound, 404),
        expect(
            Error::TenantNotFound(id()),
            "TENANT_NOT_FOUND",
            NotFound,
            404,
        ),
        expect(Error::JobNotFound(id()), "JOB_NOT_FOUND", NotFound, 404),
        expect(
            Error::LinkExpired {
                id: id(),
                ended_at: at,
            },
            "LINK_EXPIRED",
            NotFound,
            410,
        ),
        expect(
            Error::SessionSealed {
                id: id(),
                sealed_at: at,
            },
            "SESSION_SEALED",
            FailedPrecondition,
            409,
        ),
        expect(
            Error::SessionNotSealed(id()),
            "SESSION_NOT_SEALED",
            FailedPrecondition,
            409,
        ),
        expect(
            Error::LegalHold(id()),
            "LEGAL_HOLD",
            FailedPrecondition,
            409,
        ),
        expect(
            Error::VersionConflict {
                filename: id(),
                current: None,
            },
            "VERSION_CONFLICT",
            Aborted,
            409,
        ),
        expect(
            Error::IdempotencyKeyReused {
                key: id(),
                fields: vec![id()],
            },
            "IDEMPOTENCY_KEY_REUSED",
            InvalidArgument,
            422,
        ),
        expect(
            Error::IdempotencyInProgress(id()),
            "IDEMPOTENCY_IN_PROGRESS",
            Aborted,
            409,
        ),
        expect(
            Error::ContentMismatch {
                field: "size_bytes",
                declared: id(),
                actual: id(),
            },
            "CONTENT_MISMATCH",
            InvalidArgument,
            400,
        ),
        expect(
            Error::UploadIncomplete { received_bytes: 1 },
            "UPLOAD_INCOMPLETE",
            InvalidArgument,
            400,
        ),
        expect(
            Error::ContentMissing(id()),
            "CONTENT_MISSING",
            FailedPrecondition,
            409,
        ),
        expect(
            Error::FileTooLarge {
                limit_bytes: 1,
                hint: "",
            },
            "FILE_TOO_LARGE",
            InvalidArgument,
            413,
        ),
        expect(
            Error::QuotaExceeded(QuotaExceeded {
                limit: Limit::StoredBytes,
                max: 3,
                used: 2,
                needed: 2,
            }),
            "QUOTA_EXCEEDED",
            ResourceExhausted,
            429,
        ),
        expect(
            Error::TtlExceedsLimit { max: None },
            "TTL_EXCEEDS_LIMIT",
            InvalidArgument,
            400,
        ),
        expect(
            Error::LinksDisabled,
            "LINKS_DISABLED",
            FailedPrecondition,
            403,
        ),
        expect(Error::LinkPassword, "UNAUTHENTICATED", Unauthenticated, 401),
        expect(
            Error::SessionFull(id()),
            "SESSION_FULL",
            FailedPrecondition,
            409,
        ),
        expect(
            Error::FilterTooCostly,
            "FILTER_TOO_COSTLY",
            FailedPrecondition,
            422,
        ),
        expect(Error::UploadExpired("x"), "UPLOAD_EXPIRED", Aborted, 409),
        expect(
            Error::EventsExpired {
                session: Some(id()),
                first: 1,
            },
            "EVENTS_EXPIRED",
            FailedPrecondition,
            410,
        ),
        expect(
            Error::RateLimited("x"),
            "RATE_LIMITED",
            ResourceExhausted,
            429,
        ),
        expect(
            Error::Unavailable {
                dependency: "database",
                source: "secret".into(),
            },
            "UNAVAILABLE",
            Unavailable,
            503,
        ),
        expect(Error::Stopping, "UNAVAILABLE", Unavailable, 503),
        expect(Error::DataCorrupted(id()), "DATA_CORRUPTED", DataLoss, 500),
        expect(Error::internal("secret"), "INTERNAL", Internal, 500),
        expect_status(
            &refusal(&TransportError::DeadlineExceeded),
            "DEADLINE_EXCEEDED",
            Code::DeadlineExceeded,
        ),
        expect_status(&refusal(&TransportError::Cancelled), "CANCELLED", Aborted),
        expect_status(
            &refusal(&TransportError::UnknownMethod(id())),
            "UNIMPLEMENTED",
            Code::Unimplemented,
        ),
        expect_status(
            &refusal(&TransportError::Compression),
            "UNIMPLEMENTED",
            Code::Unimplemented,
        ),
    ]
    .into();
    let specified: BTreeSet<String> = (1..1000)
        .filter_map(|number| ErrorReason::try_from(number).ok())
        .map(|reason| reason.as_str_name().to_owned())
        .collect();
    assert_eq!(sent, specified);
}

#[test]
fn no_error_is_long_whatever_was_sent() {
    let long = || "ü'\"x %".repeat(100_000);
    let at = jiff::Timestamp::UNIX_EPOCH;
    let violations = (0..100_000).map(|number| cairn_store::Violation {
        field: format!("metadata[\"{number}\"]"),
        description: "must match a rule that has some eighty characters, as most rules here have"
            .to_owned(),
    });
    for error in [
        Error::Invalid(violations.collect()),
        Error::invalid(long(), long()),
        Error::TokenRefused(long()),
        Error::UnknownWorkload {
            issuer: long(),
            subject: long(),
        },
        Error::ArtifactNotFound(long()),
        Error::SessionSealed {
            id: long(),
            sealed_at: at,
        },
        Error::VersionConflict {
            filename: long(),
            current: None,
        },
        Error::IdempotencyKeyReused {
            key: long(),
            fields: vec![long(); 20],
        },
        Error::ContentMismatch {
            field: "content_hash",
            declared: long(),
            actual: long(),
        },
    ] {
        let words = brief(&error).1;
        let mut trailers = axum::http::HeaderMap::new();
        to_status(error).add_header(&mut trailers).expect("headers");
        let bytes = |name: &str| trailers.get(name).map_or(0, |value| value.len());
        assert!(bytes("grpc-message") <= 512, "{}", bytes("grpc-message"));
        let all: usize = trailers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum();
        assert!(all < 4096, "{all}: {words}");
        assert!(words.len() <= 512);
    }
}
