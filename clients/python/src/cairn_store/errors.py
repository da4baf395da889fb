"""What can go wrong. Each error is also the exception of Python that a program would expect."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "cairn.dev"

# For these the same call, sent again, may succeed, and these say that the first call with the key is running.
_RETRIED = {"UNAVAILABLE", "RATE_LIMITED", "UPLOAD_EXPIRED", "DEADLINE_EXCEEDED"}
IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


class CairnError(Exception):
    """The base of every error of this package.

    Args:
        message: What is wrong, for people.
        reason: A name of the API's ErrorReason such as "SESSION_SEALED"; empty if no server said it. Branch on it.
        fields: The fields of the request that are wrong, with what is wrong with each.
        details: More about it, such as `current_version`; docs/errors.md says which reason has which.
        retry_after: The seconds that the server asks to be left alone for.
    """

    _errno: int | None = None

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        fields: Mapping[str, str] | None = None,
        details: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.fields = dict(fields or {})
        self.details = dict(details or {})
        self.retry_after = retry_after
        if isinstance(self, OSError) and self._errno is not None:
            setattr(self, "errno", self._errno)  # noqa: B010 - mypy takes an assignment for a field of this class

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.message, self.reason, self.fields, self.details, self.retry_after)


def _restored(
    kind: type[CairnError],
    message: str,
    reason: str,
    fields: Mapping[str, str],
    details: Mapping[str, str],
    retry_after: float | None,
) -> CairnError:
    return kind(message, reason=reason, fields=fields, details=details, retry_after=retry_after)


class ConfigurationError(CairnError, ValueError):
    """The address or the key is missing or wrong."""


class Invalid(CairnError, ValueError):
    """The request breaks a rule; `fields` names the fields."""


class TooLarge(Invalid):
    """The content is larger than the server accepts."""


class NotFound(CairnError, FileNotFoundError):
    """There is no such artifact, session, link or job."""

    _errno = errno.ENOENT


class Expired(NotFound):
    """The artifact or the link has expired."""


class Deleted(NotFound):
    """The artifact was deleted; it can be restored until its delete window ends."""


class VersionConflict(CairnError):
    """Another version of the file is the latest than `if_version` says."""

    @property
    def current(self) -> int:
        """The latest version; 0 if there is none."""
        return int(self.details.get("current_version", "0") or 0)

    @property
    def by(self) -> str:
        """The agent that made it; empty if it has none."""
        return self.details.get("agent_id", "")


class Exists(VersionConflict, FileExistsError):
    """The file exists, and was to be created."""

    _errno = errno.EEXIST


class Refused(CairnError, PermissionError):
    """The state of a session, an artifact or a tenant does not allow it."""

    _errno = errno.EPERM


class Sealed(Refused):
    """The session is sealed: nothing can be added."""


class LegalHold(Refused):
    """The artifact is under a legal hold."""


class PermissionDenied(CairnError, PermissionError):
    """The credential may not do this."""

    _errno = errno.EACCES


class Unauthenticated(PermissionDenied):
    """The key is missing, unknown, revoked or expired."""


class QuotaExceeded(CairnError, OSError):
    """There is no room in the tenant's quota."""

    _errno = errno.EDQUOT


class RateLimited(CairnError, BlockingIOError):
    """There were too many calls, also after retries."""

    _errno = errno.EAGAIN


class Unavailable(CairnError, ConnectionError):
    """The server cannot be reached or does not answer, also after retries. A write may have happened."""


class Corrupted(CairnError, OSError):
    """The bytes are not those of the record."""

    _errno = errno.EIO


class ContentChanged(CairnError, OSError):
    """A local file changed while it was read."""


_REASONS: dict[str, type[CairnError]] = {
    "ARTIFACT_EXPIRED": Expired,
    "ARTIFACT_DELETED": Deleted,
    "LINK_EXPIRED": Expired,
    "FILE_TOO_LARGE": TooLarge,
    "SESSION_SEALED": Sealed,
    "LEGAL_HOLD": LegalHold,
    "VERSION_CONFLICT": VersionConflict,
    "QUOTA_EXCEEDED": QuotaExceeded,
    "RATE_LIMITED": RateLimited,
    "DATA_CORRUPTED": Corrupted,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
}

_CODES: dict[grpc.StatusCode, type[CairnError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: Invalid,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: Refused,
    grpc.StatusCode.RESOURCE_EXHAUSTED: RateLimited,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DATA_LOSS: Corrupted,
}

# What an error means that no server signed: the answer was lost on the way.
_LOST = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}

# How gRPC says that the other side speaks something else.
_OTHER_PROTOCOL = ("http1.x", "Failed parsing HTTP/2", "WRONG_VERSION_NUMBER")

_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


def _of(
    code: grpc.StatusCode,
    message: str,
    reason: str,
    fields: Mapping[str, str],
    details: Mapping[str, str],
    retry_after: float | None = None,
) -> CairnError:
    kind = _REASONS.get(reason) or _CODES.get(code, CairnError)
    return kind(message, reason=reason, fields=fields, details=details, retry_after=retry_after)


def of_item(code: int, reason: str, message: str, details: Mapping[str, str], fields: Iterable[str]) -> CairnError:
    """The error of one item of a call about several."""
    return _of(_BY_NUMBER.get(code, grpc.StatusCode.UNKNOWN), message, reason, dict.fromkeys(fields, ""), details)


def of_rpc(
    code: grpc.StatusCode, message: str | None, trailers: Iterable[tuple[str, str | bytes]] | None, address: str
) -> CairnError:
    """The error of a call that failed."""
    message = message or ""
    status = status_pb2.Status()
    for key, value in trailers or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            status.ParseFromString(value)
    info, retry_after, fields = error_details_pb2.ErrorInfo(), None, {}
    for detail in status.details:
        retry, bad = error_details_pb2.RetryInfo(), error_details_pb2.BadRequest()
        # Unpack takes a message of its own type alone, and says whether it was one.
        if detail.Unpack(info):
            pass
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.ToTimedelta().total_seconds()
        elif detail.Unpack(bad):
            fields = {violation.field: violation.description for violation in bad.field_violations}
    if info.domain == DOMAIN:
        return _of(code, message, info.reason, fields, dict(info.metadata), retry_after)
    if any(sign in message for sign in _OTHER_PROTOCOL):
        return ConfigurationError(f"{address} does not speak gRPC, or not with this scheme: give the gRPC port of a Cairn")
    if code in _LOST:
        return Unavailable(
            f"no answer from {address}: {message}. Is this the gRPC port of a Cairn that runs, as `cairn dev` starts it?"
        )
    return CairnError(f"bad answer from {address}: {code.name}: {message}")


def may_retry(error: CairnError) -> bool:
    """Whether the same call, sent again under its idempotency key, may succeed."""
    if error.reason:
        return error.reason in _RETRIED or error.reason == IN_PROGRESS
    return isinstance(error, Unavailable)
