"""The digest of a manifest, as `Session.manifest_hash` of the specification has it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

Entry = tuple[str, int, str, int, str]
"""Filename, version, artifact id, size in bytes, content hash."""


def digest(entries: Iterable[Entry]) -> str:
    """The SHA-256 of one line for each entry, sorted by bytes."""
    lines = sorted(("\t".join(map(str, entry)) + "\n").encode() for entry in entries)
    return f"sha256:{hashlib.sha256(b''.join(lines)).hexdigest()}"
