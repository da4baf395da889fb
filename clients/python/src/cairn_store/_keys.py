"""Idempotency keys. A key that is derived from a request is the same for the same request in every language, so that a program
that is started again repeats its writes without an effect. tests/vectors/clients.json has examples."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from ._proto.artifact_pb2 import ArtifactSpec


def _hashed(what: str, parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        # The lengths keep apart what would be the same in a row.
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return f"cairn-{what}-{digest.hexdigest()}"


def for_upload(spec: ArtifactSpec, gone: str = "") -> str:
    """The key of an upload, which differs for every other spec. `gone` is the artifact that the key before it led to, if that
    one has expired or was deleted."""
    bare = ArtifactSpec()
    bare.CopyFrom(spec)
    bare.idempotency_key = ""
    # A map has no order on the wire; everything else has one: that of the field numbers.
    pairs = sorted((key.encode(), value.encode()) for key, value in spec.metadata.items())
    bare.metadata.clear()
    parts = [bare.SerializeToString(deterministic=True), gone.encode()]
    return _hashed("push", [*parts, *(part for pair in pairs for part in pair)])


def repeated(key: str, times: int) -> str:
    """The key of a write that the same program made before, on purpose, so many times."""
    return _hashed("repeat", [key.encode(), str(times).encode()]) if times else key


def after_upload(key: str, upload_id: str) -> str:
    """The key of the upload that follows one which has ended without an artifact."""
    return _hashed("again", [key.encode(), upload_id.encode()])


def for_link(upload_key: str, artifact_id: str) -> str:
    """The key of the link that an upload makes to its artifact."""
    return _hashed("link", [upload_key.encode(), artifact_id.encode()])


def for_commit(session_id: str, artifact_ids: Iterable[str], seal: bool) -> str:
    """The key of the commit of a session with these artifacts."""
    return _hashed("commit", [session_id.encode(), bytes([seal]), *(it.encode() for it in sorted(artifact_ids))])


def fresh() -> str:
    """A random key, which no other call has."""
    return f"cairn-{secrets.token_hex(16)}"
