"""Content to push: where it comes from, and how it is read."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, Protocol, runtime_checkable

from .errors import ContentChanged, Corrupted
from .models import Artifact

SMALL = 1 << 20
"""The most that is sent in one message instead of a stream, in bytes."""
RESUMABLE = 64 << 20
"""Content over this size is sent by resumable uploads, in bytes."""
PIECE = 256 << 10
"""How much one message of a stream carries, in bytes."""


def call_for(size: int) -> Literal["CreateArtifact", "UploadArtifact", "WriteUpload"]:
    """The call that sends content of this size, if it can be read again."""
    return "CreateArtifact" if size <= SMALL else "UploadArtifact" if size <= RESUMABLE else "WriteUpload"


EXECUTABLE = "cairn.executable"


@runtime_checkable
class Readable(Protocol):
    """A file object."""

    def read(self, size: int = -1, /) -> bytes | str: ...


class PandasTable(Protocol):
    """A table as pandas has it."""

    @property
    def to_parquet(self) -> Any: ...

    @property
    def to_csv(self) -> Any: ...


class PolarsTable(Protocol):
    """A table as polars has it."""

    @property
    def write_parquet(self) -> Any: ...

    @property
    def write_csv(self) -> Any: ...


Content = (
    bytes
    | bytearray
    | memoryview
    | str
    | os.PathLike[str]
    | Readable
    | Mapping[str, Any]
    | Iterable[bytes]
    | AsyncIterable[bytes]
    | PandasTable
    | PolarsTable
)
"""Bytes; text, stored as UTF-8; the path of a local file as a `pathlib.Path`; a file object; an iterator of bytes; a dict, stored
as JSON; a table that has `to_parquet` and `to_csv`, or `write_parquet` and `write_csv`."""


@dataclass(frozen=True)
class Digest:
    """What content is."""

    hash: str
    size: int

    @classmethod
    def of(cls, content: bytes | memoryview) -> Digest:
        """Of bytes in memory."""
        return cls(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))

    def check(self, artifact: Artifact) -> None:
        """Fails if a record is not of these bytes."""
        if (artifact.hash, artifact.size) != (self.hash, self.size):
            raise Corrupted(
                f"{artifact.id} is recorded as {artifact.hash} of {artifact.size} bytes, "
                f"but these are {self.hash} of {self.size} bytes",
                details={"artifact_id": artifact.id},
            )


class Hashing:
    """Computes a digest piece by piece."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    def update(self, piece: bytes | memoryview) -> None:
        """Adds the next bytes."""
        self._hash.update(piece)
        self.size += len(piece)

    def finish(self) -> Digest:
        """What they are."""
        return Digest(f"sha256:{self._hash.hexdigest()}", self.size)


class Repeatable(Protocol):
    """Content that can be read as often as that takes."""

    @property
    def size(self) -> int: ...

    def chunks(self, offset: int = 0) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class Memory:
    """Bytes in memory."""

    content: memoryview

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content)

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Its pieces."""
        for start in range(offset, self.size, PIECE):
            yield bytes(self.content[start : start + PIECE])


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino


class LocalFile:
    """A regular file, as it was when it was first looked at."""

    def __init__(self, path: str, status: os.stat_result) -> None:
        self._path = path
        self._seen = _stamp(status)
        self.size = status.st_size

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Its pieces. A change of the file meanwhile is an error: what was read then is no state that it ever was in."""
        with open(self._path, "rb", buffering=0) as file:
            self._check(file)
            file.seek(offset)
            # Of a file that grows no more is read, or the server would refuse it before the change is seen.
            while piece := file.read(min(PIECE, max(self.size - file.tell(), 0))):
                yield piece
            self._check(file)

    def _check(self, file: io.FileIO) -> None:
        if _stamp(os.fstat(file.fileno())) != self._seen:
            raise ContentChanged(f"{self._path}: the file changed while it was being read")


class SeekableFile:
    """A file object that can go back to where it was."""

    def __init__(self, file: Any, start: int, size: int) -> None:
        self._file, self._start, self.size = file, start, size

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Its pieces."""
        self._file.seek(self._start + offset)
        while piece := self._file.read(PIECE):
            yield bytes(piece)


@dataclass(frozen=True)
class Once:
    """Content that can be read only once."""

    pieces: Iterable[bytes] | AsyncIterable[bytes]


@dataclass(frozen=True)
class Opened:
    """Content that is ready to be read."""

    how: Memory | LocalFile | SeekableFile | Once
    content_type: str = ""
    executable: bool = False


def open_content(content: Content, filename: str) -> Opened:
    """Finds out how content is read."""
    if isinstance(content, str):
        return Opened(Memory(memoryview(content.encode())))
    if isinstance(content, (bytes, bytearray, memoryview)):
        view = memoryview(content)
        return Opened(Memory(view.cast("B") if view.contiguous and view.nbytes else memoryview(bytes(view))))
    if isinstance(content, os.PathLike):
        return _open_path(os.fspath(content))
    if isinstance(content, Mapping):
        text = json.dumps(dict(content), ensure_ascii=False, separators=(",", ":"))
        return Opened(Memory(memoryview(text.encode())), "application/json")
    if (write := _table(content, filename)) is not None:
        buffer = io.BytesIO()
        write(buffer)
        return Opened(Memory(memoryview(buffer.getvalue())))
    if isinstance(content, Readable):
        return Opened(_open_file(content))
    if isinstance(content, AsyncIterable):
        return Opened(Once(content))
    if isinstance(content, Iterable):
        return Opened(Once(content))
    raise TypeError(f"cannot push a {type(content).__name__}: give bytes, text, a Path, a file, an iterator or a dict")


def _open_path(path: str) -> Opened:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        return Opened(Once(_read_path(path)))
    executable = bool(status.st_mode & stat.S_IXUSR)
    file = LocalFile(path, status)
    if status.st_size > SMALL:
        return Opened(file, executable=executable)
    if status.st_size == 0:
        # A file of /proc says that it is empty.
        pieces = _read_path(path)
        head = next(pieces, b"")
        return Opened(Once(chain([head], pieces)) if head else Memory(memoryview(b"")), executable=executable)
    return Opened(Memory(memoryview(b"".join(file.chunks()))), executable=executable)


def _open_file(file: Readable) -> SeekableFile | Once:
    seekable: Any = file
    try:
        start = seekable.tell()
        size = seekable.seek(0, os.SEEK_END) - start
        seekable.seek(start)
        if isinstance(file.read(0), str):
            return Once(_read(file))
    except (AttributeError, OSError, TypeError, ValueError):
        return Once(_read(file))
    return SeekableFile(file, start, max(size, 0))


def _read_path(path: str) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        yield from _read(file)


def _read(file: Any) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece.encode() if isinstance(piece, str) else bytes(piece)


def _table(content: Any, filename: str) -> Callable[[io.BytesIO], None] | None:
    """How a data frame writes itself in the format of a filename, without knowing whose data frame it is."""
    suffix = filename.rpartition(".")[2].lower()
    if hasattr(content, "to_parquet") and hasattr(content, "to_csv"):
        return {
            "csv": lambda to: content.to_csv(to, index=False),
            "json": lambda to: content.to_json(to, orient="records"),
            "jsonl": lambda to: content.to_json(to, orient="records", lines=True),
            "parquet": lambda to: to.write(content.to_parquet()),
        }.get(suffix) or _unknown(suffix)
    if hasattr(content, "write_parquet") and hasattr(content, "write_csv"):
        return {
            "csv": lambda to: content.write_csv(to),
            "json": lambda to: content.write_json(to),
            "jsonl": lambda to: content.write_ndjson(to),
            "parquet": lambda to: content.write_parquet(to),
        }.get(suffix) or _unknown(suffix)
    return None


def _unknown(suffix: str) -> Callable[[io.BytesIO], None]:
    raise TypeError(f"cannot write a table as .{suffix}: name the file .parquet, .csv, .json or .jsonl")


def is_executable(artifact: Artifact) -> bool:
    """Whether a pulled file may be executed. A hidden file, or one in a hidden folder such as a git hook, may not: other
    programs would run it without being asked."""
    hidden = any(segment.startswith(".") for segment in artifact.filename.split("/"))
    return not hidden and artifact.meta.get(EXECUTABLE) == "true"
