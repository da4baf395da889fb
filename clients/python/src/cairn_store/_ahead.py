"""How a file that is open for reading reads ahead."""

from __future__ import annotations

from ._content import Hashing
from .models import Artifact

_FIRST, _LONGEST = 256 << 10, 8 << 20


class ReadAhead:
    """One block of a content, and which one to read next: longer ones while the reads follow each other."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self._start = 0
        self._block = b""
        self._next = _FIRST
        self._hashing: Hashing | None = Hashing()

    def at(self, position: int, size: int) -> bytes:
        """What the block has of the bytes from here on; nothing if it must be read."""
        start = position - self._start
        return self._block[start : start + size] if 0 <= start < len(self._block) else b""

    def wanted(self, position: int, size: int) -> tuple[int, int]:
        """The block to read for bytes from here on: its offset, and its size, which is 0 at the end."""
        follows = position == self._start + len(self._block)
        self._next = min(self._next * 2, _LONGEST) if follows and self._block else _FIRST
        return position, min(max(self._next, size), self.artifact.size - position)

    def put(self, offset: int, block: bytes) -> None:
        """A block that was read. One that was read from the beginning to the end is compared with the record."""
        self._start, self._block = offset, block
        if self._hashing and self._hashing.size == offset:
            self._hashing.update(block)
            if self._hashing.size == self.artifact.size:
                self._hashing.finish().check(self.artifact)
                self._hashing = None
        elif self._hashing and offset > self._hashing.size:
            self._hashing = None
