package cairn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cairn/clients/go/cairnv1"
)

const domain = "cairn.dev"

// Errors to compare with errors.Is, beside those of io/fs.
var (
	// ErrUnavailable: the server cannot be reached or does not answer, also after retries. A write may have happened.
	ErrUnavailable = errors.New("cairn: unavailable")
	// ErrCorrupted: the bytes are not those of the record.
	ErrCorrupted = errors.New("cairn: corrupted")
	// ErrChanged: a local file changed while it was read.
	ErrChanged = errors.New("cairn: the content changed while it was read")
	// ErrConfiguration: the address or the credential is missing or malformed.
	ErrConfiguration = errors.New("cairn: configuration")
)

// An Error is why a call failed. With errors.Is it matches
//
//   - fs.ErrNotExist if there is no such artifact, session, link or job, or it is gone;
//   - fs.ErrExist if the file exists and was to be created;
//   - fs.ErrPermission if the credential, or the state of a session, an artifact or a tenant, does not allow it;
//   - fs.ErrInvalid if the request breaks a rule;
//   - [ErrUnavailable], [ErrCorrupted] and [ErrConfiguration];
//   - context.Canceled and context.DeadlineExceeded if the caller's context ended.
type Error struct {
	// Reason is empty if no server gave one.
	Reason Reason
	// Message is for people.
	Message string
	// Fields has the fields of the request that are wrong, with what is wrong with each; up to 16.
	Fields map[string]string
	// Details has more, such as current_version; docs/errors.md lists them for each reason.
	Details map[string]string
	// RetryAfter is how long the server asks to be left alone; 0 if it does not say.
	RetryAfter time.Duration

	code   codes.Code
	kind   error // one of the errors above, or of io/fs
	exists bool
	cause  error
}

func (e *Error) Error() string { return "cairn: " + e.Message }

// Unwrap returns the error of the caller's context, or what failed below.
func (e *Error) Unwrap() error { return e.cause }

// GRPCStatus lets status.Code and status.FromError work.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.code, e.Message) }

// Is reports whether the error is of this kind.
func (e *Error) Is(target error) bool {
	if target == fs.ErrExist {
		return e.exists
	}
	return e.kind != nil && target == e.kind
}

// CurrentVersion is the latest version of the file; 0 if there is none. It is set on VERSION_CONFLICT.
func (e *Error) CurrentVersion() int64 {
	version, _ := strconv.ParseInt(e.Details["current_version"], 10, 64)
	return version
}

// By is the agent that made the current version; empty if it has none. It is set on VERSION_CONFLICT.
func (e *Error) By() string { return e.Details["agent_id"] }

// What each code means for a program.
var kinds = map[codes.Code]error{
	codes.InvalidArgument:    fs.ErrInvalid,
	codes.OutOfRange:         fs.ErrInvalid,
	codes.NotFound:           fs.ErrNotExist,
	codes.PermissionDenied:   fs.ErrPermission,
	codes.Unauthenticated:    fs.ErrPermission,
	codes.FailedPrecondition: fs.ErrPermission,
	codes.Unavailable:        ErrUnavailable,
	codes.DeadlineExceeded:   ErrUnavailable,
	codes.DataLoss:           ErrCorrupted,
}

func configurationError(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), code: codes.InvalidArgument, kind: ErrConfiguration}
}

func invalid(field, rule string) *Error {
	return &Error{
		Reason:  InvalidArgument,
		Message: field + " " + rule,
		Fields:  map[string]string{field: rule},
		code:    codes.InvalidArgument,
		kind:    fs.ErrInvalid,
	}
}

func corrupted(artifactID, format string, args ...any) *Error {
	return &Error{
		Message: fmt.Sprintf(format, args...),
		Details: map[string]string{"artifact_id": artifactID},
		code:    codes.DataLoss,
		kind:    ErrCorrupted,
	}
}

func lost(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), code: codes.Unavailable, kind: ErrUnavailable}
}

// Words by which gRPC says that the other side speaks something else.
var otherProtocol = []string{"http2: failed reading the frame payload", "error reading server preface", "first record does not look like a TLS handshake"}

// ofCall turns the error of a call into an Error. ctx is the caller's: when it has ended, that is why.
func ofCall(ctx context.Context, err error, address string) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	st, ok := status.FromError(err)
	if !ok {
		return lost("no answer from %s: %v", address, err)
	}
	found := &Error{Message: st.Message(), code: st.Code(), kind: kinds[st.Code()]}
	if ctx.Err() != nil {
		found.cause = context.Cause(ctx)
	}
	signed := false
	for _, detail := range st.Details() {
		switch it := detail.(type) {
		case *errdetails.ErrorInfo:
			if it.Domain == domain {
				signed, found.Reason, found.Details = true, Reason(it.Reason), it.Metadata
			}
		case *errdetails.RetryInfo:
			found.RetryAfter = it.GetRetryDelay().AsDuration()
		case *errdetails.BadRequest:
			found.Fields = map[string]string{}
			for _, violation := range it.FieldViolations {
				found.Fields[violation.Field] = violation.Description
			}
		}
	}
	if signed {
		return found
	}
	for _, words := range otherProtocol {
		if strings.Contains(found.Message, words) {
			return configurationError("%s does not speak gRPC, or not with this scheme: give the gRPC port of a Cairn (%s)", address, found.Message)
		}
	}
	switch st.Code() {
	case codes.Unavailable, codes.Unknown, codes.Canceled, codes.DeadlineExceeded:
		found.Message = fmt.Sprintf("no answer from %s: %s. Is this the gRPC port of a Cairn that runs, as `cairn dev` starts it?", address, found.Message)
		if found.cause != nil {
			found.Message = fmt.Sprintf("the call of %s was ended: %v", address, found.cause)
		}
		found.kind = ErrUnavailable
	default:
		found.Message = fmt.Sprintf("bad answer from %s: %v: %s", address, st.Code(), found.Message)
	}
	return found
}

// ofItem is the error of one item of a call about several.
func ofItem(item *cairnv1.ItemError) *Error {
	code := codes.Code(item.Code)
	found := &Error{Reason: Reason(item.Reason), Message: item.Message, Details: item.Metadata, code: code, kind: kinds[code]}
	if len(item.Fields) > 0 {
		found.Fields = map[string]string{}
		for _, field := range item.Fields {
			found.Fields[field] = ""
		}
	}
	return found
}

// refused is the error of a write, which matches fs.ErrExist where the file was to be new.
func refused(err error, spec *cairnv1.ArtifactSpec) error {
	var known *Error
	if errors.As(err, &known) && known.Reason == VersionConflict && spec.IfVersion != nil && *spec.IfVersion == 0 {
		exists := *known
		exists.exists = true
		return &exists
	}
	return err
}

// mayRetry reports whether the same call, sent again under its idempotency key, may succeed.
func (e *Error) mayRetry() bool {
	switch e.Reason {
	case "":
		return e.kind == ErrUnavailable
	case Unavailable, RateLimited, UploadExpired, DeadlineExceeded, IdempotencyInProgress:
		return true
	default:
		return false
	}
}
