# Made from aio/download.py by scripts/generate. Do not edit it.
"""Downloads: one artifact's content, verified, across lost connections."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from .. import _methods as methods
from .. import errors
from .._content import Digest, Hashing, is_executable
from .._proto import artifact_service_pb2 as api
from .._retry import Retries
from ..models import Artifact, Progress
from . import io
from .calls import Calls

Report = Callable[[Progress], object]

_PART = 16 << 20
"""How long a part is that is received beside others, in bytes."""
_AT_A_TIME = 4
_BLOCK = 1 << 20
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Download:
    """The content of one artifact, which is named in `request`. From the first message on it is pinned to one version."""

    def __init__(self, calls: Calls, request: api.DownloadArtifactRequest, artifact: Artifact | None = None) -> None:
        self._calls = calls
        self._request = request
        self.artifact = artifact

    def record(self) -> Artifact:
        """The artifact."""
        if self.artifact is None:
            request = api.GetArtifactRequest(artifact_id=self._request.artifact_id)
            if self._request.HasField("name"):
                request.name.CopyFrom(self._request.name)
            self._pin((self._calls.unary(methods.GET, request)).artifact)
        assert self.artifact is not None
        return self.artifact

    def _pin(self, message: object) -> None:
        artifact = Artifact.of(message)  # type: ignore[arg-type]
        if self.artifact and (self.artifact.hash, self.artifact.size) != (artifact.hash, artifact.size):
            raise errors.Corrupted(f"{artifact.id} differs from what it was", details={"artifact_id": artifact.id})
        self.artifact = artifact
        self._request = api.DownloadArtifactRequest(artifact_id=artifact.id)

    def content(self, offset: int = 0, size: int | None = None) -> Generator[bytes, None]:
        """The bytes from `offset` on, in order. All of the content is compared with the record's hash at its end: what came is
        good once this has ended. A lost connection is made again, and the content goes on where it broke off."""
        hashing = Hashing() if offset == 0 and size is None else None
        end = None if size is None else offset + size
        at, retries = offset, Retries()
        while end is None or at < end:
            before = at
            try:
                with closing(self._attempt(at, end)) as attempt:
                    for data in attempt:
                        at += len(data)
                        if hashing:
                            hashing.update(data)
                        yield data
                break
            except errors.CairnError as error:
                # As long as it gets on, it is not given up.
                retries = Retries() if at > before else retries
                pause = retries.pause(error)
            io.sleep(pause)
        if hashing and self.artifact:
            hashing.finish().check(self.artifact)

    def _attempt(self, at: int, end: int | None) -> Generator[bytes, None]:
        request = api.DownloadArtifactRequest(offset=at, limit=0 if end is None else end - at)
        request.MergeFrom(self._request)
        came = 0
        with closing(self._calls.transport.receive(methods.DOWNLOAD, request)) as messages:
            for message in messages:
                what = message.WhichOneof("message")
                if what == "artifact":
                    self._pin(message.artifact)
                elif what == "data":
                    came += len(message.data)
                    yield message.data
                elif message.end.size_bytes == came:
                    return
                else:
                    raise errors.Corrupted(f"{message.end.size_bytes} bytes were sent, but {came} came")
        raise errors.Unavailable("connection lost: the content has no end")

    def whole(self, offset: int = 0, size: int | None = None) -> bytes:
        """The bytes in memory."""
        if size == 0:
            self.record()
        parts = [part for part in self.content(offset, size)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def to_file(self, path: Path, report: Report) -> Artifact:
        """Writes all of the content to a file, which appears when all of it is there and verified."""
        artifact = self.record()
        # Without the filename, which may be as long as one may be.
        name = path.with_name(f".{secrets.token_hex(8)}.part")
        descriptor = io.to_thread(os.open, name, _NEW, 0o777 if is_executable(artifact) else 0o666)
        try:
            try:
                _Parts(self, artifact, descriptor, report).write()
            finally:
                os.close(descriptor)
            io.to_thread(os.replace, name, path)
        except BaseException:
            name.unlink(missing_ok=True)
            raise
        return artifact


class _Parts:
    """Several parts of a content at a time, each written to its place, and hashed in order as they come."""

    def __init__(self, download: Download, artifact: Artifact, descriptor: int, report: Report) -> None:
        self._download, self._artifact, self._descriptor, self._report = download, artifact, descriptor, report
        self._hash = hashlib.sha256()
        self._hashed = self._received = 0
        self._written: set[int] = set()
        self._counting, self._hashing = threading.Lock(), threading.Lock()

    def write(self) -> None:
        io.run_parallel(self._calls(), _AT_A_TIME)
        io.to_thread(self._go_on)
        Digest(f"sha256:{self._hash.hexdigest()}", self._hashed).check(self._artifact)

    def _calls(self) -> Iterator[Callable[[], None]]:
        return (partial(self._part, start) for start in range(0, self._artifact.size, _PART))

    def _part(self, start: int) -> None:
        at, waiting = start, bytearray()
        size = min(_PART, self._artifact.size - start)
        with closing(self._download.content(start, size)) as content:
            for data in content:
                waiting += data
                if len(waiting) >= _BLOCK:
                    at += io.to_thread(self._put, waiting, at)
                    waiting = bytearray()
        io.to_thread(self._put, waiting, at)
        self._written.add(start)
        io.to_thread(self._go_on)

    def _put(self, data: bytearray, at: int) -> int:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, at)
            view, at = view[written:], at + written
        with self._counting:
            self._received += len(data)
            received = self._received
        self._report(Progress("receive", received, self._artifact.size, self._artifact.filename))
        return len(data)

    def _go_on(self) -> None:
        """Hashes the parts that are there, unless another thread does."""
        while self._hashed in self._written and self._hashing.acquire(blocking=False):
            try:
                end = min(self._hashed + _PART, self._artifact.size)
                while self._hashed < end and (block := os.pread(self._descriptor, _BLOCK, self._hashed)):
                    self._hash.update(block)
                    self._hashed += len(block)
            finally:
                self._hashing.release()
