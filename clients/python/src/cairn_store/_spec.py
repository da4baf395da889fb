"""The request that makes an artifact, from the arguments of `push`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TypedDict, TypeVar

from google.protobuf.duration_pb2 import Duration

from ._proto import artifact_pb2 as pb
from ._proto import artifact_service_pb2, todo_pb2
from .errors import CairnError, Exists, Invalid, VersionConflict
from .models import Artifact, Kind, Stage, TodoState


class Lifetime(Enum):
    """How long an artifact is kept, where that is no number of seconds."""

    LONGEST = "longest"
    NEVER_EXPIRES = "never_expires"


LONGEST = Lifetime.LONGEST
"""As long as the tenant allows."""
NEVER_EXPIRES = Lifetime.NEVER_EXPIRES
"""Without an expiry, if the tenant allows it."""


class Fresh(Enum):
    """A key of no other call."""

    FRESH = "fresh"


FRESH = Fresh.FRESH
"""Every call is a write of its own, also that of a program that is started again."""

Key = str | Fresh | None
"""An idempotency key: your own, FRESH, or None for one that is derived from the whole request and its content."""

Ttl = timedelta | int | float | Lifetime | None

_TODO_STATES: dict[str, todo_pb2.TodoState] = {
    "open": todo_pb2.TODO_STATE_OPEN,
    "doing": todo_pb2.TODO_STATE_DOING,
    "done": todo_pb2.TODO_STATE_DONE,
    "dropped": todo_pb2.TODO_STATE_DROPPED,
}
_KINDS: dict[str, pb.ArtifactKind] = {
    "code": pb.ARTIFACT_KIND_CODE,
    "document": pb.ARTIFACT_KIND_DOCUMENT,
    "config": pb.ARTIFACT_KIND_CONFIG,
    "plan": pb.ARTIFACT_KIND_PLAN,
    "data": pb.ARTIFACT_KIND_DATA,
    "image": pb.ARTIFACT_KIND_IMAGE,
    "other": pb.ARTIFACT_KIND_OTHER,
}
_STAGES: dict[str, pb.ArtifactStage] = {
    "draft": pb.ARTIFACT_STAGE_DRAFT,
    "review": pb.ARTIFACT_STAGE_REVIEW,
    "final": pb.ARTIFACT_STAGE_FINAL,
}


@dataclass(frozen=True)
class Place:
    """A file's scope, and who writes it. Ids are your own: 1 to 255 bytes of UTF-8 without control characters, or empty."""

    session: str = ""
    namespace: str = ""
    user: str = ""
    agent: str = ""

    def name(self, filename: str, version: int | None = None) -> pb.ArtifactName:
        """A file of this scope."""
        return pb.ArtifactName(
            filename=filename,
            session_id=self.session,
            namespace=self.namespace,
            user_id=self.user,
            version=checked_version(version) or 0,
        )


def checked_version(version: int | None) -> int | None:
    """A version, which cannot be the 0 that the API takes for the latest one."""
    if version is not None and version < 1:
        raise Invalid("version must be 1 or more; leave it out for the latest", fields={"version": "must be 1 or more"})
    return version


def duration(seconds: float | timedelta) -> Duration:
    """A time to live, in whole milliseconds."""
    length = seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
    milliseconds = round(length / timedelta(milliseconds=1))
    return Duration(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)


def stage_of(stage: Stage | None) -> pb.ArtifactStage:
    """The number of a stage."""
    return _number(_STAGES, stage, "stage") if stage else pb.ARTIFACT_STAGE_UNSPECIFIED


def todo_state_of(state: TodoState | None) -> todo_pb2.TodoState:
    """The number of a todo's state."""
    return _number(_TODO_STATES, state, "state") if state else todo_pb2.TODO_STATE_UNSPECIFIED


_E = TypeVar("_E")


def _number(numbers: Mapping[str, _E], name: str, field: str) -> _E:
    if name not in numbers:
        rule = f"must be one of {', '.join(numbers)}"
        raise Invalid(f"{field} {rule}", fields={field: rule})
    return numbers[name]


class Details(TypedDict, total=False):
    """What a writer may say about an artifact, besides its name and content. `artifact.proto` has the rules."""

    meta: Mapping[str, str]
    """At most 64 pairs of text."""
    ttl: Ttl
    """How long to keep it, in seconds; LONGEST; NEVER_EXPIRES. Absent: the tenant's default."""
    content_type: str
    """A media type. Absent: the server guesses."""
    title: str
    kind: Kind
    language: str
    change_summary: str
    stage: Stage
    labels: Iterable[str]
    inputs: Iterable[str | Artifact]
    """The artifacts that it was made from."""
    if_version: int
    """The version that must be the latest one; 0: there must be none. Else VersionConflict or Exists."""
    return_existing: bool
    """If the latest version has the same content, create nothing and return that."""
    persistent: bool
    """DeleteSession keeps it."""


def set_ttl(message: pb.ArtifactSpec | artifact_service_pb2.UpdateArtifactRequest, ttl: Ttl) -> None:
    """Sets the expiry of a request."""
    if ttl is LONGEST:
        message.longest = True
    elif ttl is NEVER_EXPIRES:
        message.never_expires = True
    elif isinstance(ttl, (int, float, timedelta)):
        message.ttl.CopyFrom(duration(ttl))


def id_of(artifact: str | Artifact) -> str:
    """The id of an artifact."""
    return artifact.id if isinstance(artifact, Artifact) else artifact


def build(place: Place, filename: str, details: Details, unpublished: bool = False) -> pb.ArtifactSpec:
    """The request that makes an artifact."""
    spec = pb.ArtifactSpec(
        filename=filename,
        session_id=place.session,
        namespace=place.namespace,
        user_id=place.user,
        agent_id=place.agent,
        metadata=details.get("meta") or {},
        content_type=details.get("content_type", ""),
        title=details.get("title", ""),
        kind=_number(_KINDS, kind, "kind") if (kind := details.get("kind")) else pb.ARTIFACT_KIND_UNSPECIFIED,
        language=details.get("language", ""),
        change_summary=details.get("change_summary", ""),
        stage=stage_of(details.get("stage")),
        labels=list(details.get("labels", ())),
        inputs=[id_of(it) for it in details.get("inputs", ())],
        persistent=details.get("persistent", False),
        unpublished=unpublished,
    )
    set_ttl(spec, details.get("ttl"))
    if details.get("return_existing"):
        spec.on_duplicate = pb.ON_DUPLICATE_RETURN_EXISTING
    if "if_version" in details:
        spec.if_version = details["if_version"]
    return spec


def refused(spec: pb.ArtifactSpec, error: CairnError) -> CairnError:
    """The error of a write, which is Exists where the file was to be new."""
    if isinstance(error, VersionConflict) and spec.HasField("if_version") and spec.if_version == 0:
        return Exists(
            error.message,
            reason=error.reason,
            fields=error.fields,
            details=error.details,
            retry_after=error.retry_after,
        )
    return error
