"""The artifact service of Google's Agent Development Kit: `CairnArtifactService`.

    Runner(agent=..., artifact_service=CairnArtifactService())

For `adk web --artifact_service_uri=cairn://`, write into services.yaml of the agents' folder:

    services:
      - scheme: cairn
        type: artifact
        class: cairn_store.adk.CairnArtifactService

A file of a session is in the session `app/user/session`, with the namespace app and the user; a file of the user, which the kit
names `user:...`, belongs to no session. So other adapters and the `cairn` command find them.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.adk.artifacts import BaseArtifactService
from google.adk.artifacts.artifact_util import parse_artifact_uri
from google.adk.artifacts.base_artifact_service import ArtifactVersion, ensure_part
from google.genai import types

from ._spec import FRESH, LONGEST, Ttl
from .aio import Client, Scope, connect
from .errors import Invalid, NotFound
from .models import Artifact

_USER = "user:"
# Metadata that this module needs to return a part as it was given.
_OURS = "adk."
_PART, _MIME, _DISPLAY, _CUSTOM = "adk.part", "adk.mime_type", "adk.display_name", "adk.custom."
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}\Z")
_MEDIA_TYPE = re.compile(r"[!#$&^_.+\w-]+/[!#$&^_.+\w-]+(\s*;.*)?\Z", re.ASCII)
# Of a value, in characters that JSON escapes to ASCII.
_PIECE = 1000
_REFERENCES = 5


class CairnArtifactService(BaseArtifactService):  # type: ignore[misc]
    """Stores the artifacts of agents.

    Version 0 of the kit is version 1 of the store. After a deletion the numbers go on.

    Args:
        uri: `cairn://host:port`, or `cairn://` for the address of the environment; `?tls=true` for https.
        client: The connection, in place of a URI.
        agent: Who writes.
        ttl: How long artifacts are kept; as long as the tenant allows, by default.
    """

    def __init__(
        self, uri: str | None = None, *, client: Client | None = None, agent: str = "adk", ttl: Ttl = LONGEST, **_: Any
    ) -> None:
        self._client = client or connect(_address(uri))
        self._agent, self._ttl = agent, ttl

    def _place(self, app_name: str, user_id: str, session_id: str | None, filename: str) -> tuple[Scope, str]:
        """The scope of a file, and its name in it."""
        if session_id is None or filename.startswith(_USER):
            scope = self._client.scope(namespace=app_name, user=user_id, agent=self._agent)
            return scope, filename.removeprefix(_USER)
        session = f"{app_name}/{user_id}/{session_id}"
        return self._client.scope(session, namespace=app_name, user=user_id, agent=self._agent), filename

    async def save_artifact(
        self,
        *,
        app_name: str,
        user_id: str,
        filename: str,
        artifact: types.Part | dict[str, Any],
        session_id: str | None = None,
        custom_metadata: dict[str, Any] | None = None,
    ) -> int:
        """Saves the next version and returns its number, from 0."""
        scope, name = self._place(app_name, user_id, session_id, filename)
        content, media_type, meta = _stored(ensure_part(artifact), (app_name, user_id, session_id))
        meta |= _custom(custom_metadata or {})
        made = await scope.push(name, content, content_type=media_type, meta=meta, ttl=self._ttl, key=FRESH)
        return made.version - 1

    async def load_artifact(
        self,
        *,
        app_name: str,
        user_id: str,
        filename: str,
        session_id: str | None = None,
        version: int | None = None,
    ) -> types.Part | None:
        """The latest version, or this one; None if there is none."""
        for _ in range(_REFERENCES):
            scope, name = self._place(app_name, user_id, session_id, filename)
            if version is not None and version < 0:
                return None
            try:
                found, content = await scope.fetch(name, version=None if version is None else version + 1)
            except NotFound:
                return None
            part = _loaded(found, content)
            target = _reference(part, (app_name, user_id, session_id))
            if target is None:
                return None if _is_tombstone(part) else part
            session_id, filename, version = target.session_id, target.filename, target.version
        raise Invalid(f"{filename!r}: more than {_REFERENCES} references lead from one artifact to the next")

    async def list_artifact_keys(self, *, app_name: str, user_id: str, session_id: str | None = None) -> list[str]:
        """The names of the user's files, with `user:`, and of the session's."""
        user, _ = self._place(app_name, user_id, None, "")
        names = [_USER + artifact.filename async for artifact in user.list()]
        if session_id is not None:
            session, _ = self._place(app_name, user_id, session_id, "")
            names += [artifact.filename async for artifact in session.list()]
        return sorted(names)

    async def delete_artifact(self, *, app_name: str, user_id: str, filename: str, session_id: str | None = None) -> None:
        """Deletes all versions; a missing file is no error."""
        scope, name = self._place(app_name, user_id, session_id, filename)
        try:
            await scope.delete(name)
        except NotFound:
            return

    async def list_versions(self, *, app_name: str, user_id: str, filename: str, session_id: str | None = None) -> list[int]:
        """The numbers of the versions, from the first."""
        versions = await self._versions(app_name, user_id, filename, session_id)
        return [artifact.version - 1 for artifact in versions]

    async def list_artifact_versions(
        self, *, app_name: str, user_id: str, filename: str, session_id: str | None = None
    ) -> list[ArtifactVersion]:
        """The versions, from the first."""
        return [_version(artifact) for artifact in await self._versions(app_name, user_id, filename, session_id)]

    async def get_artifact_version(
        self,
        *,
        app_name: str,
        user_id: str,
        filename: str,
        session_id: str | None = None,
        version: int | None = None,
    ) -> ArtifactVersion | None:
        """The record of the latest version, or of this one; None if there is none."""
        scope, name = self._place(app_name, user_id, session_id, filename)
        if version is not None and version < 0:
            return None
        try:
            return _version(await scope.get(name, version=None if version is None else version + 1))
        except NotFound:
            return None

    async def _versions(self, app_name: str, user_id: str, filename: str, session_id: str | None) -> list[Artifact]:
        scope, name = self._place(app_name, user_id, session_id, filename)
        return [artifact async for artifact in scope.versions(name)][::-1]


def _address(uri: str | None) -> str | None:
    parts = urlsplit(uri or "")
    if not parts.netloc:
        return None
    tls = parse_qs(parts.query).get("tls", ["false"])[-1] == "true"
    return f"{'https' if tls else 'http'}://{parts.netloc}"


def _stored(part: types.Part, scope: tuple[str, str, str | None]) -> tuple[bytes, str, dict[str, str]]:
    """The content of a part, its media type and its metadata."""
    if part.inline_data is not None:
        blob = part.inline_data
        media_type, meta = blob.mime_type or "", {}
        if media_type and not _MEDIA_TYPE.match(media_type):
            media_type, meta = "", {_MIME: media_type}
        if blob.display_name:
            meta[_DISPLAY] = blob.display_name
        return blob.data or b"", media_type, meta
    if part.text is not None:
        return part.text.encode(), "text/plain", {_PART: "text"}
    if part.file_data is not None:
        _reference(part, scope)
        return part.file_data.model_dump_json(exclude_none=True).encode(), "application/json", {_PART: "file_data"}
    raise Invalid("a part needs inline_data, text or file_data", fields={"artifact": "needs content"})


def _loaded(artifact: Artifact, content: bytes) -> types.Part:
    kind = artifact.meta.get(_PART)
    if kind == "text":
        return types.Part(text=content.decode())
    if kind == "file_data":
        return types.Part(file_data=types.FileData.model_validate_json(content))
    media_type = artifact.meta.get(_MIME, artifact.content_type)
    blob = types.Blob(data=content, mime_type=media_type, display_name=artifact.meta.get(_DISPLAY))
    return types.Part(inline_data=blob)


def _reference(part: types.Part, scope: tuple[str, str, str | None]) -> Any:
    """The artifact that a part refers to, which must be of the same user, and of the same session if it is of one."""
    uri = part.file_data.file_uri if part.file_data is not None else None
    if not uri or not uri.startswith("artifact://"):
        return None
    target = parse_artifact_uri(uri)
    app_name, user_id, session_id = scope
    if target is None:
        raise Invalid(f"{uri[:64]!r} is not a valid reference to an artifact")
    if (target.app_name, target.user_id) != (app_name, user_id) or target.session_id not in (None, session_id):
        raise Invalid(f"{uri[:64]!r} leads out of the scope of its user and session")
    return target


def _is_tombstone(part: types.Part) -> bool:
    """Whether a session that was rewound saved this in place of a deletion."""
    blob = part.inline_data
    return blob is not None and not blob.data and blob.mime_type == "application/octet-stream"


def _custom(metadata: dict[str, Any]) -> dict[str, str]:
    """Custom metadata as pairs: texts as they are, so that lists can filter by them, and the rest as JSON in pieces."""
    plain = {
        key: value
        for key, value in metadata.items()
        if isinstance(value, str) and _KEY.match(key) and not key.startswith(_OURS) and 0 < len(value.encode()) <= 1024
    }
    rest = {key: value for key, value in metadata.items() if key not in plain}
    text = json.dumps(rest) if rest else ""
    pieces = {f"{_CUSTOM}{at // _PIECE:02}": text[at : at + _PIECE] for at in range(0, len(text), _PIECE)}
    return plain | pieces


def _version(artifact: Artifact) -> ArtifactVersion:
    text = "".join(value for key, value in sorted(artifact.meta.items()) if key.startswith(_CUSTOM))
    plain = {key: value for key, value in artifact.meta.items() if not key.startswith(_OURS)}
    known = artifact.meta.get(_PART) != "file_data"
    return ArtifactVersion(
        version=artifact.version - 1,
        canonical_uri=f"cairn:{artifact.id}",
        custom_metadata=plain | (json.loads(text) if text else {}),
        create_time=artifact.created_at.timestamp() if artifact.created_at else 0.0,
        mime_type=artifact.meta.get(_MIME, artifact.content_type) if known else None,
    )
