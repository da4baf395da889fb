"""What the store returns: plain immutable values, without anything of gRPC in them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from typing import Literal

from google.protobuf.timestamp_pb2 import Timestamp

from ._proto import artifact_pb2, job_pb2, link_service_pb2, session_service_pb2, todo_pb2

Kind = Literal["code", "document", "config", "plan", "data", "image", "other"]
Stage = Literal["draft", "review", "final"]
State = Literal["visible", "expired", "deleted", "unpublished"]
TodoState = Literal["open", "doing", "done", "dropped"]

_KINDS: tuple[Kind, ...] = ("other", "code", "document", "config", "plan", "data", "image", "other")
_STAGES: tuple[Stage, ...] = ("draft", "draft", "review", "final")
_TODO_STATES: tuple[TodoState, ...] = ("open", "open", "doing", "done", "dropped")
_STATES: tuple[State, ...] = ("visible", "visible", "expired", "deleted", "unpublished")


def _at(message: Timestamp, is_set: bool) -> datetime | None:
    return message.ToDatetime(tzinfo=timezone.utc) if is_set else None


def _shown(size: int) -> str:
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table for notebooks; every cell is escaped."""
    head = "".join(f"<th>{html.escape(it)}</th>" for it in heads)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{html.escape(str(cell))}</td>' for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass(frozen=True)
class Artifact:
    """One immutable version of one named file, with where it came from. `artifact.proto` has the rules of each field."""

    id: str
    filename: str
    version: int
    size: int
    hash: str
    content_type: str = ""
    session: str = ""
    namespace: str = ""
    user: str = ""
    agent: str = ""
    meta: Mapping[str, str] = field(default_factory=dict, hash=False)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    title: str = ""
    kind: Kind = "other"
    language: str = ""
    change_summary: str = ""
    stage: Stage = "draft"
    labels: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    etag: str = ""
    state: State = "visible"
    deduplicated: bool = False
    existing: bool = False
    legal_hold: bool = False
    persistent: bool = False

    @classmethod
    def of(cls, it: artifact_pb2.Artifact) -> Artifact:
        """From a message of the API."""
        return cls(
            id=it.artifact_id,
            filename=it.filename,
            version=it.version,
            size=it.size_bytes,
            hash=it.content_hash,
            content_type=it.content_type,
            session=it.session_id,
            namespace=it.namespace,
            user=it.user_id,
            agent=it.agent_id,
            meta=dict(it.metadata),
            created_at=_at(it.created_at, it.HasField("created_at")),
            updated_at=_at(it.updated_at, it.HasField("updated_at")),
            expires_at=_at(it.expires_at, it.HasField("expires_at")),
            title=it.title,
            kind=_KINDS[it.kind] if it.kind < len(_KINDS) else "other",
            language=it.language,
            change_summary=it.change_summary,
            stage=_STAGES[it.stage] if it.stage < len(_STAGES) else "draft",
            labels=tuple(it.labels),
            inputs=tuple(it.inputs),
            etag=it.etag,
            state=_STATES[it.state] if it.state < len(_STATES) else "visible",
            deduplicated=it.deduplicated,
            existing=it.existing,
            legal_hold=it.legal_hold,
            persistent=it.persistent,
        )

    def __str__(self) -> str:
        return f"{self.id}  v{self.version}  {self.filename}  {_shown(self.size)}"

    def _repr_html_(self) -> str:
        shown = ((it.name, getattr(self, it.name)) for it in fields(self))
        return table(["artifact", self.filename], [(name, value) for name, value in shown if value not in ("", (), {}, None)])

    def row(self) -> tuple[object, ...]:
        """The cells of `listing`."""
        when = self.created_at.isoformat(" ", "seconds") if self.created_at else ""
        return self.filename, f"v{self.version}", _shown(self.size), self.agent, self.stage, when, self.id


def listing(artifacts: Iterable[Artifact]) -> str:
    """Artifacts as a table for notebooks."""
    return table(["filename", "version", "size", "agent", "stage", "created", "id"], (it.row() for it in artifacts))


@dataclass(frozen=True)
class Session:
    """Everything that one run produced."""

    id: str
    artifacts: int
    size: int
    unpublished: int = 0
    created_at: datetime | None = None
    sealed_at: datetime | None = None
    manifest_hash: str = ""
    display_name: str = ""
    labels: tuple[str, ...] = ()
    legal_hold: bool = False

    @property
    def sealed(self) -> bool:
        """Whether nothing can be added any more."""
        return self.sealed_at is not None

    @classmethod
    def of(cls, it: session_service_pb2.Session) -> Session:
        """From a message of the API."""
        return cls(
            id=it.session_id,
            artifacts=it.artifact_count,
            size=it.size_bytes,
            unpublished=it.unpublished_count,
            created_at=_at(it.created_at, it.HasField("created_at")),
            sealed_at=_at(it.sealed_at, it.HasField("sealed_at")),
            manifest_hash=it.manifest_hash,
            display_name=it.display_name,
            labels=tuple(it.labels),
            legal_hold=it.legal_hold,
        )


@dataclass(frozen=True)
class Manifest:
    """The manifest of a sealed session, with its digest as it was sealed and as it was computed here."""

    sealed_hash: str
    computed_hash: str
    entries: int

    @property
    def sound(self) -> bool:
        """Whether the manifest is the one that was sealed."""
        return bool(self.sealed_hash) and self.sealed_hash == self.computed_hash

    def __bool__(self) -> bool:
        return self.sound


@dataclass(frozen=True)
class Link:
    """A public URL of one artifact, or of a session. Its id and its URL are secrets: they give access to the bytes."""

    id: str
    url: str
    artifact_id: str
    """Empty for a link to a session."""
    expires_at: datetime | None = None
    max_downloads: int = 0
    session: str = ""
    """Empty for a link to an artifact."""
    folder: str = ""
    """The folder of the session; empty: all of it."""

    @classmethod
    def of(cls, it: link_service_pb2.Link) -> Link:
        """From a message of the API."""
        expires_at = _at(it.expires_at, it.HasField("expires_at"))
        return cls(it.link_id, it.url, it.artifact_id, expires_at, it.max_downloads, it.session_id, it.folder)

    def __str__(self) -> str:
        return self.url


EventType = Literal["created", "staged", "deleted", "restored", "sealed", "other"]
_EVENTS: tuple[EventType, ...] = ("other", "created", "staged", "deleted", "restored", "sealed")


@dataclass(frozen=True)
class Event:
    """Something that happened in a session. A newer server may send the type "other", which programs ignore."""

    position: int
    type: EventType
    session: str
    artifact: Artifact | None = None
    occurred_at: datetime | None = None
    from_stage: Stage | None = None
    to_stage: Stage | None = None
    agent: str = ""

    @classmethod
    def of(cls, it: session_service_pb2.SessionEvent) -> Event:
        """From a message of the API."""
        kind = _EVENTS[it.type] if it.type < len(_EVENTS) else "other"
        staged = kind == "staged"
        return cls(
            position=it.position,
            type=kind,
            session=it.session_id,
            artifact=Artifact.of(it.artifact) if it.HasField("artifact") else None,
            occurred_at=_at(it.occurred_at, it.HasField("occurred_at")),
            from_stage=_STAGES[it.from_stage] if staged else None,
            to_stage=_STAGES[it.to_stage] if staged else None,
            agent=it.agent_id,
        )


@dataclass(frozen=True)
class Deletion:
    """What a deletion did."""

    count: int
    size: int = 0
    kept: tuple[str, ...] = ()
    """The ids of artifacts that were kept, because they are under a legal hold."""

    @classmethod
    def of_job(cls, it: job_pb2.Job) -> Deletion:
        """From a job that has ended."""
        return cls(it.done_count, it.size_bytes)


@dataclass(frozen=True)
class Todo:
    """A piece of work: a step of a plan, or an entry that a caller added. `todo.proto` has the rules of each field."""

    id: str
    text: str
    state: TodoState
    position: int
    plan_id: str = ""
    plan_filename: str = ""
    plan_version: int = 0
    session: str = ""
    labels: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    agent: str = ""

    @classmethod
    def of(cls, it: todo_pb2.Todo) -> Todo:
        """From a message of the API."""
        return cls(
            id=it.todo_id,
            text=it.text,
            state=_TODO_STATES[it.state] if it.state < len(_TODO_STATES) else "open",
            position=it.position,
            plan_id=it.plan_id,
            plan_filename=it.plan_filename,
            plan_version=it.plan_version,
            session=it.session_id,
            labels=tuple(it.labels),
            created_at=_at(it.created_at, it.HasField("created_at")),
            updated_at=_at(it.updated_at, it.HasField("updated_at")),
            agent=it.agent_id,
        )

    def __str__(self) -> str:
        return f"{self.id}  {self.state}  {self.text}"


@dataclass(frozen=True)
class Identity:
    """Who the caller is, and how much it may store. None: no limit."""

    tenant: str
    server_version: str
    stored_artifacts: int
    stored_bytes: int
    max_artifacts: int | None = None
    max_stored_bytes: int | None = None
    workload: str = ""


@dataclass(frozen=True)
class Progress:
    """How far a transfer is: `phase` is hash, send or receive; bytes; `total` is None where it is not known."""

    phase: Literal["hash", "send", "receive"]
    done: int
    total: int | None
    name: str
