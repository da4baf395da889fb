package cairn

import "errors"

// A Reason says why a call failed. Programs branch on it. A newer server may send one that is not listed here.
type Reason string

// The reasons of the API, without the prefix of the enum. The specification, error_reason.proto, says when each is sent and
// which details it has.
const (
	ArtifactDeleted       Reason = "ARTIFACT_DELETED"
	ArtifactExpired       Reason = "ARTIFACT_EXPIRED"
	ArtifactNotFound      Reason = "ARTIFACT_NOT_FOUND"
	Cancelled             Reason = "CANCELLED"
	ContentMismatch       Reason = "CONTENT_MISMATCH"
	ContentMissing        Reason = "CONTENT_MISSING"
	DataCorrupted         Reason = "DATA_CORRUPTED"
	DeadlineExceeded      Reason = "DEADLINE_EXCEEDED"
	EventsExpired         Reason = "EVENTS_EXPIRED"
	FileTooLarge          Reason = "FILE_TOO_LARGE"
	FilterTooCostly       Reason = "FILTER_TOO_COSTLY"
	IdempotencyInProgress Reason = "IDEMPOTENCY_IN_PROGRESS"
	IdempotencyKeyReused  Reason = "IDEMPOTENCY_KEY_REUSED"
	Internal              Reason = "INTERNAL"
	InvalidArgument       Reason = "INVALID_ARGUMENT"
	JobNotFound           Reason = "JOB_NOT_FOUND"
	KeyNotFound           Reason = "KEY_NOT_FOUND"
	LastWriter            Reason = "LAST_WRITER"
	LegalHold             Reason = "LEGAL_HOLD"
	LinkExpired           Reason = "LINK_EXPIRED"
	LinkNotFound          Reason = "LINK_NOT_FOUND"
	LinksDisabled         Reason = "LINKS_DISABLED"
	PermissionDenied      Reason = "PERMISSION_DENIED"
	PresignUnsupported    Reason = "PRESIGN_UNSUPPORTED"
	QuotaExceeded         Reason = "QUOTA_EXCEEDED"
	RateLimited           Reason = "RATE_LIMITED"
	SessionFull           Reason = "SESSION_FULL"
	SessionNotFound       Reason = "SESSION_NOT_FOUND"
	SessionNotSealed      Reason = "SESSION_NOT_SEALED"
	SessionSealed         Reason = "SESSION_SEALED"
	TTLExceedsLimit       Reason = "TTL_EXCEEDS_LIMIT"
	TenantNotFound        Reason = "TENANT_NOT_FOUND"
	TodoNotFound          Reason = "TODO_NOT_FOUND"
	TokensDisabled        Reason = "TOKENS_DISABLED"
	Unauthenticated       Reason = "UNAUTHENTICATED"
	Unavailable           Reason = "UNAVAILABLE"
	Unimplemented         Reason = "UNIMPLEMENTED"
	UploadExpired         Reason = "UPLOAD_EXPIRED"
	UploadIncomplete      Reason = "UPLOAD_INCOMPLETE"
	UploadNotFound        Reason = "UPLOAD_NOT_FOUND"
	UploadOffsetMismatch  Reason = "UPLOAD_OFFSET_MISMATCH"
	UploadPartsMissing    Reason = "UPLOAD_PARTS_MISSING"
	VersionConflict       Reason = "VERSION_CONFLICT"
)

// ReasonOf returns the reason of an error; empty if no server gave one.
func ReasonOf(err error) Reason {
	var known *Error
	if errors.As(err, &known) {
		return known.Reason
	}
	return ""
}
