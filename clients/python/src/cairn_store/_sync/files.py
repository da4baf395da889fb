"""Files of a store as Python has files."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .._ahead import ReadAhead
from .._content import PIECE, SMALL
from .._spec import Details, Key
from ..errors import Exists
from ..models import Artifact

if TYPE_CHECKING:
    from .scope import Named, Scope

_PIECES_WAITING = 4


def open_file(
    scope: Scope,
    name: Named,
    mode: str,
    version: int | None,
    encoding: str,
    newline: str | None,
    key: Key,
    details: Details,
) -> Any:
    """The file, by its mode."""
    kind, text = mode.replace("b", "").replace("t", ""), "b" not in mode
    if kind not in ("r", "w", "x"):
        raise ValueError(f"mode {mode!r} is none of r, w, x, rb, wb, xb: a version is immutable")
    if kind == "r":
        reader = io.BufferedReader(RawReader(scope, name, version), PIECE)
        return io.TextIOWrapper(reader, encoding, newline=newline) if text else reader
    if isinstance(name, Artifact) or version is not None:
        raise ValueError("a version is immutable: write the next one by the file's name")
    if kind == "x":
        details["if_version"] = 0
        # The store has the last word, at the end; but a program expects the error here.
        if scope.exists(name):
            raise Exists(f"{name!r} exists")
    writer = Writer(RawWriter(scope, name, key, details))
    return TextWriter(writer, encoding, newline=newline) if text else writer


class RawReader(io.RawIOBase):
    """One version of a file, read by ranges."""

    def __init__(self, scope: Scope, name: Named, version: int | None) -> None:
        self._download = scope._download(name, version)
        self.artifact = self._download.record()
        self.name = self.artifact.filename
        self._ahead = ReadAhead(self.artifact)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.artifact.size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._ahead.at(self._position, len(view))
        if not data and len(view) and self._position < self.artifact.size:
            offset, size = self._ahead.wanted(self._position, len(view))
            self._ahead.put(offset, self._download.whole(offset, size))
            data = self._ahead.at(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


class _Discarded(Exception):
    pass


class RawWriter(io.RawIOBase):
    """The next version of a file. Up to 1 MiB waits for the end; more is sent while it is written."""

    def __init__(self, scope: Scope, name: str, key: Key, details: Details) -> None:
        self._scope, self._key, self._details = scope, key, details
        self.name = name
        self.artifact: Artifact | None = None
        """After the end: the record."""
        self._position = 0
        self._head = bytearray()
        self._waiting: queue.Queue[bytes | _Discarded | None] = queue.Queue(_PIECES_WAITING)
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._discarded = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._position += len(piece)
        if self._discarded:
            return len(piece)
        if self._thread is None:
            self._head += piece
            if len(self._head) > SMALL:
                self._thread = threading.Thread(target=self._send, name="cairn-writer", daemon=True)
                self._thread.start()
                piece = bytes(self._head)
            else:
                return len(piece)
        self._put(piece)
        return len(memoryview(data).cast("B"))

    def _push(self, content: bytes | Iterator[bytes]) -> Artifact:
        return self._scope.push(self.name, content, key=self._key, **self._details)

    def _put(self, item: bytes | _Discarded | None) -> None:
        while self._error is None:
            try:
                return self._waiting.put(item, timeout=0.5)
            except queue.Full:
                continue
        if not self._discarded:
            raise self._error

    def _pieces(self) -> Iterator[bytes]:
        while (item := self._waiting.get()) is not None:
            if isinstance(item, _Discarded):
                raise item
            yield item

    def _send(self) -> None:
        try:
            self.artifact = self._push(self._pieces())
        except BaseException as error:
            self._error = error

    def discard(self) -> None:
        """Stores nothing."""
        if not self.closed and not self._discarded:
            self._discarded = True
            if self._thread:
                self._put(_Discarded())
                self._thread.join()

    def close(self) -> None:
        if self.closed:
            return
        try:
            if not self._discarded:
                self._finish()
        finally:
            super().close()

    def _finish(self) -> None:
        if self._thread is None:
            self.artifact = self._push(bytes(self._head))
            return
        self._put(None)
        self._thread.join()
        if self._error:
            raise self._error

    def __del__(self) -> None:
        # A file that is dropped unclosed was not finished.
        self.discard()


class Writer(io.BufferedWriter):
    """A file for bytes, which discards what was written when its `with` ends with an exception."""

    def __init__(self, raw: RawWriter) -> None:
        self.version = raw
        super().__init__(raw, PIECE)

    @property
    def artifact(self) -> Artifact | None:
        """After the end: the record."""
        return self.version.artifact

    def discard(self) -> None:
        """Stores nothing."""
        self.version.discard()
        self.close()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind:
            self.discard()
        self.close()

    def __del__(self) -> None:
        self.version.discard()


class TextWriter(io.TextIOWrapper):
    """A file for text, which discards what was written when its `with` ends with an exception."""

    def __init__(self, writer: Writer, encoding: str, newline: str | None) -> None:
        self._writer = writer
        super().__init__(writer, encoding, newline=newline)

    @property
    def artifact(self) -> Artifact | None:
        """After the end: the record."""
        return self._writer.artifact

    def discard(self) -> None:
        """Stores nothing."""
        self._writer.version.discard()
        self.close()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind:
            self.discard()
        self.close()

    def __del__(self) -> None:
        self._writer.version.discard()
