"""Files of a store for programs with a loop. The twin is _sync/files.py."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from .._ahead import ReadAhead
from .._content import SMALL
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
    """The file, by its mode, for `async with`."""
    if newline is not None:
        raise ValueError("files of aio keep newlines as they are")
    kind, text = mode.replace("b", "").replace("t", ""), "b" not in mode
    if kind not in ("r", "w", "x"):
        raise ValueError(f"mode {mode!r} is none of r, w, x, rb, wb, xb: a version is immutable")
    if kind == "r":
        return Reader(scope, name, version, encoding if text else None)
    if isinstance(name, Artifact) or version is not None:
        raise ValueError("a version is immutable: write the next one by the file's name")
    if kind == "x":
        details["if_version"] = 0
    return Writer(scope, name, encoding if text else None, key, details)


class Reader:
    """One version of a file. `async with scope.open(...) as file`; text is read whole or by lines."""

    artifact: Artifact

    def __init__(self, scope: Scope, name: Named, version: int | None, encoding: str | None) -> None:
        self._download = scope._download(name, version)
        self._encoding = encoding
        self._position = 0

    async def __aenter__(self) -> Self:
        self.artifact = await self._download.record()
        self._ahead = ReadAhead(self.artifact)
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def tell(self) -> int:
        """The position in bytes."""
        return self._position

    async def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a position in bytes."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.artifact.size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    async def read(self, size: int = -1) -> Any:
        """So many bytes, or all that follow; text is read to its end."""
        if self._encoding and size >= 0:
            raise ValueError("text is read whole or by lines: open the file with rb to read a part")
        left = max(self.artifact.size - self._position, 0)
        data = await self._bytes(left if size < 0 else min(size, left))
        return data.decode(self._encoding) if self._encoding else data

    async def _bytes(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            left = size - len(parts)
            data = self._ahead.at(self._position, left)
            if not data:
                offset, length = self._ahead.wanted(self._position, left)
                self._ahead.put(offset, await self._download.whole(offset, length))
                data = self._ahead.at(self._position, left)
            parts += data
            self._position += len(data)
        return bytes(parts)

    async def __aiter__(self) -> AsyncIterator[Any]:
        rest = b""
        while self._position < self.artifact.size:
            data = rest + await self._bytes(min(SMALL, self.artifact.size - self._position))
            *lines, rest = data.split(b"\n")
            for line in lines:
                yield self._shown(line + b"\n")
        if rest:
            yield self._shown(rest)

    def _shown(self, line: bytes) -> Any:
        return line.decode(self._encoding) if self._encoding else line


class _Discarded(Exception):
    pass


class Writer:
    """The next version of a file. Up to 1 MiB waits for the end; more is sent while it is written."""

    def __init__(self, scope: Scope, name: str, encoding: str | None, key: Key, details: Details) -> None:
        self._scope, self._key, self._details = scope, key, details
        self._name, self._encoding = name, encoding
        self.artifact: Artifact | None = None
        """After the end: the record."""
        self._head = bytearray()
        self._waiting: asyncio.Queue[bytes | _Discarded | None] = asyncio.Queue(_PIECES_WAITING)
        self._task: asyncio.Task[Artifact] | None = None

    async def __aenter__(self) -> Self:
        # The store has the last word, at the end; but a program expects the error here.
        if self._details.get("if_version") == 0 and await self._scope.exists(self._name):
            raise Exists(f"{self._name!r} exists")
        return self

    async def write(self, data: Any) -> int:
        """Writes text or bytes, by the mode."""
        piece = data.encode(self._encoding) if self._encoding else bytes(data)
        if self._task is None:
            self._head += piece
            if len(self._head) <= SMALL:
                return len(data)
            self._task = asyncio.ensure_future(self._push(self._pieces()))
            piece = bytes(self._head)
        await self._put(piece)
        return len(data)

    async def _push(self, content: bytes | AsyncIterator[bytes]) -> Artifact:
        return await self._scope.push(self._name, content, key=self._key, **self._details)

    async def _put(self, item: bytes | _Discarded | None) -> None:
        assert self._task is not None
        putting = asyncio.ensure_future(self._waiting.put(item))
        await asyncio.wait({putting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not putting.done():
            # The upload has ended early: with its error.
            putting.cancel()
            await self._task

    async def _pieces(self) -> AsyncIterator[bytes]:
        while (item := await self._waiting.get()) is not None:
            if isinstance(item, _Discarded):
                raise item
            yield item

    async def close(self) -> None:
        """Stores what was written."""
        if self.artifact is None:
            if self._task is None:
                self.artifact = await self._push(bytes(self._head))
            else:
                await self._put(None)
                self.artifact = await self._task

    async def discard(self) -> None:
        """Stores nothing."""
        if self._task and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind:
            await self.discard()
        else:
            await self.close()
