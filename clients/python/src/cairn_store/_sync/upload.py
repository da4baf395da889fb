# Made from aio/upload.py by scripts/generate. Do not edit it.
"""Uploads: one artifact under one idempotency key, verified and with retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from .. import _content, _keys, errors
from .. import _methods as methods
from .._channel import FINISH_TIMEOUT
from .._content import Content, Digest, EXECUTABLE, Hashing, LocalFile, Memory, Once, Opened, SMALL, SeekableFile
from .._proto import artifact_pb2 as pb
from .._proto import artifact_service_pb2 as api
from .._proto import upload_service_pb2 as resumable
from .._repeats import Repeats
from .._retry import Retries
from .._spec import FRESH, Key, refused
from ..models import Artifact, Progress
from . import io
from .calls import Calls, retried

Report = Callable[[Progress], object]

# How many ended artifacts, or ended uploads, in a row a derived key steps over.
_GONE = 10
# How long another writer of the same upload may store nothing before it is taken over, and how often that is looked at.
_OTHER_WRITER, _LOOK = 20, 1.0


def _silent(_: Progress) -> None:
    pass


def describe(spec: pb.ArtifactSpec, opened: Opened) -> None:
    """Adds to a spec what its content says of itself."""
    if opened.executable and EXECUTABLE not in spec.metadata:
        spec.metadata[EXECUTABLE] = "true"
    spec.content_type = spec.content_type or opened.content_type


def _digest(how: Memory | LocalFile | SeekableFile, name: str, report: Report) -> Digest:
    hashing = Hashing()
    for piece in how.chunks():
        hashing.update(piece)
        report(Progress("hash", hashing.size, how.size, name))
    return hashing.finish()


def _keyed(spec: pb.ArtifactSpec, key: str) -> pb.ArtifactSpec:
    keyed = pb.ArtifactSpec()
    keyed.CopyFrom(spec)
    keyed.idempotency_key = key
    return keyed


class Failing:
    """Turns content into messages, and keeps the error of content that fails: gRPC would lose it."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def checked(self, pieces: Iterator[bytes], seen: Callable[[bytes], object]) -> Iterator[bytes | None]:
        """The pieces, each after `seen`, and None at their end. After an error there is no end, so the server stores nothing."""
        try:
            for piece in pieces:
                seen(piece)
                yield piece
        except Exception as error:
            self.error = error
            return
        yield None


class Uploads:
    """Uploads content."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.repeats = Repeats()

    def upload(
        self,
        spec: pb.ArtifactSpec,
        content: Content,
        key: Key = None,
        report: Report | None = None,
    ) -> Artifact:
        """Uploads content and returns the artifact that the server made, now or earlier, which has the same bytes."""
        if key == "":
            # The store would take it for none, so that a retry would make another version.
            raise errors.Invalid("key is empty: leave it out, or give FRESH", fields={"key": "must not be empty"})
        report = report or _silent
        opened = io.to_thread(_content.open_content, content, spec.filename)
        with ExitStack() as writes:
            return self.upload_opened(spec, opened, writes, key, report)

    def upload_opened(
        self,
        spec: pb.ArtifactSpec,
        opened: Opened,
        writes: ExitStack,
        key: Key = None,
        report: Report = _silent,
        times: int | None = None,
    ) -> Artifact:
        """As `upload`, of content that is open. The write counts as made if `writes` ends well. `times` is how often this program
        made it before, if the caller counts."""
        describe(spec, opened)
        how = opened.how
        try:
            if isinstance(how, Once):
                pieces = io.pieces(how.pieces)
                head, ended = _head(pieces)
                if not ended:
                    return self._send_once(spec, head, pieces, key, report)
                how = Memory(memoryview(head))
            elif isinstance(how, SeekableFile) and how.size <= SMALL:
                how = Memory(memoryview(io.to_thread(b"".join, how.chunks())))
            return self._send(spec, how, writes, key, report, times)
        except errors.CairnError as error:
            raise refused(spec, error) from None

    def _send(
        self,
        spec: pb.ArtifactSpec,
        how: Memory | LocalFile | SeekableFile,
        writes: ExitStack,
        key: Key,
        report: Report,
        times: int | None,
    ) -> Artifact:
        digest = io.to_thread(_digest, how, spec.filename, report)
        spec.content_hash, spec.size_bytes = digest.hash, digest.size

        def small(keyed: pb.ArtifactSpec) -> Artifact:
            request = api.CreateArtifactRequest(spec=keyed, content=b"".join(how.chunks()))
            return Artifact.of((self._calls.unary(methods.CREATE, request)).artifact)

        def streamed(keyed: pb.ArtifactSpec) -> Artifact:
            def attempt() -> Artifact:
                return self._stream(keyed, io.pieces(how.chunks()), how.size, report)

            return retried(attempt)

        def resumed(keyed: pb.ArtifactSpec) -> Artifact:
            return Resumable(self._calls, how, digest, report).upload(keyed)

        send = {"CreateArtifact": small, "UploadArtifact": streamed, "WriteUpload": resumed}[_content.call_for(how.size)]
        artifact = self._under_key(spec, writes, key, times, send)
        digest.check(artifact)
        return artifact

    def _under_key(
        self,
        spec: pb.ArtifactSpec,
        writes: ExitStack,
        key: Key,
        times: int | None,
        send: Callable[[pb.ArtifactSpec], Artifact],
    ) -> Artifact:
        if key is FRESH:
            return send(_keyed(spec, _keys.fresh()))
        if isinstance(key, str):
            return send(_keyed(spec, key))
        if times is None:
            times = writes.enter_context(self.repeats.next_of(_keys.for_upload(spec)))
        return self._derived(spec, times, send)

    def _derived(self, spec: pb.ArtifactSpec, times: int, send: Callable[[pb.ArtifactSpec], Artifact]) -> Artifact:
        gone = ""
        for _ in range(_GONE):
            # Who uploads what was deleted wants it back, and a retry of that must find this one.
            derived = _keys.repeated(_keys.for_upload(spec, gone), times)
            try:
                artifact = send(_keyed(spec, derived))
            except errors.NotFound as error:
                # It was discarded before it was published.
                gone = error.details.get("artifact_id", "")
                if error.reason != "ARTIFACT_NOT_FOUND" or not gone:
                    raise
                continue
            if artifact.state not in ("expired", "deleted"):
                return artifact
            gone = artifact.id
        return send(_keyed(spec, _keys.fresh()))

    def _send_once(
        self, spec: pb.ArtifactSpec, head: bytes, rest: Iterator[bytes], key: Key, report: Report
    ) -> Artifact:
        """Sends what can be read only once: without a derived key, because its hash is not known yet, and without retries."""

        def chained() -> Iterator[bytes]:
            for piece in Memory(memoryview(head)).chunks():
                yield piece
            for piece in rest:
                for part in Memory(memoryview(piece)).chunks():
                    yield part

        keyed = _keyed(spec, key if isinstance(key, str) else "")
        return self._stream(keyed, io.with_pulse(chained()), None, report)

    def _stream(self, spec: pb.ArtifactSpec, pieces: Iterator[bytes], total: int | None, report: Report) -> Artifact:
        failing, hashing = Failing(), Hashing()
        ended = False

        def seen(piece: bytes) -> None:
            hashing.update(piece)
            report(Progress("send", hashing.size, total, spec.filename))

        def messages() -> Iterator[api.UploadArtifactRequest]:
            nonlocal ended
            yield api.UploadArtifactRequest(spec=spec)
            for piece in failing.checked(pieces, seen):
                if piece is None:
                    digest = hashing.finish()
                    ended = True
                    end = api.UploadEnd(content_hash=digest.hash, size_bytes=digest.size)
                    yield api.UploadArtifactRequest(end=end)
                else:
                    yield api.UploadArtifactRequest(data=piece)

        try:
            answer = self._calls.transport.send(methods.UPLOAD, messages())
        except errors.CairnError:
            if failing.error:
                raise failing.error from None
            raise
        artifact = Artifact.of(answer.artifact)
        if ended:
            hashing.finish().check(artifact)
        elif not spec.content_hash:
            raise errors.CairnError(f"{artifact.id} was made before all of it was sent")
        return artifact


def _head(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """The first bytes of content, and whether these are all."""
    head = bytearray()
    for piece in pieces:
        head += piece
        if len(head) > SMALL:
            return bytes(head), False
    return bytes(head), True


class Resumable:
    """The upload of one content that goes on after a lost connection, and after the death of this process."""

    def __init__(self, calls: Calls, how: Memory | LocalFile | SeekableFile, digest: Digest, report: Report) -> None:
        self._calls, self._how, self._digest, self._report = calls, how, digest, report

    def upload(self, spec: pb.ArtifactSpec) -> Artifact:
        """Opens the upload of this spec under its key, or finds it, and sends what is missing."""
        upload = self._start(spec)
        for _ in range(_GONE):
            if upload.state != resumable.UPLOAD_STATE_ENDED:
                break
            spec.idempotency_key = _keys.after_upload(spec.idempotency_key, upload.upload_id)
            upload = self._start(spec)
        retries = Retries()
        while True:
            before = upload.committed_bytes
            try:
                return self._attempt(upload)
            except errors.CairnError as error:
                if error.reason == "LAST_WRITER":
                    upload = self._wait_for_other(upload.upload_id)
                else:
                    if error.reason != "UPLOAD_OFFSET_MISMATCH":
                        io.sleep(retries.pause(error))
                    upload = self._get(upload.upload_id)
            if upload.committed_bytes > before:
                retries = Retries()

    def _attempt(self, upload: resumable.Upload) -> Artifact:
        if upload.state == resumable.UPLOAD_STATE_OPEN and upload.committed_bytes < self._digest.size:
            self._write(upload)
        end = api.UploadEnd(content_hash=self._digest.hash, size_bytes=self._digest.size)
        request = resumable.FinishUploadRequest(upload_id=upload.upload_id, end=end)
        answer = self._calls.transport.unary(methods.FINISH_UPLOAD, request, FINISH_TIMEOUT)
        return Artifact.of(answer.artifact)

    def _write(self, upload: resumable.Upload) -> None:
        failing, sent = Failing(), upload.committed_bytes

        def seen(piece: bytes) -> None:
            nonlocal sent
            sent += len(piece)
            self._report(Progress("send", sent, self._digest.size, upload.filename))

        def messages() -> Iterator[resumable.WriteUploadRequest]:
            position = resumable.UploadPosition(upload_id=upload.upload_id, offset=upload.committed_bytes)
            yield resumable.WriteUploadRequest(position=position)
            chunks = self._how.chunks(upload.committed_bytes)
            for piece in failing.checked(io.pieces(chunks), seen):
                if piece is not None:
                    yield resumable.WriteUploadRequest(data=piece)

        try:
            self._calls.transport.send(methods.WRITE_UPLOAD, messages())
        finally:
            if failing.error:
                raise failing.error

    def _wait_for_other(self, upload_id: str) -> resumable.Upload:
        """Waits while another writer stores bytes of the upload. The same push may run twice."""
        # It may be finishing: two that finish at once would take the upload from each other.
        io.sleep(_LOOK)
        upload = self._get(upload_id)
        silent = 0
        while upload.state == resumable.UPLOAD_STATE_OPEN and upload.committed_bytes < self._digest.size and silent < _OTHER_WRITER:
            io.sleep(_LOOK)
            now = self._get(upload_id)
            silent = 0 if now.committed_bytes > upload.committed_bytes else silent + 1
            upload = now
        return upload

    def _start(self, spec: pb.ArtifactSpec) -> resumable.Upload:
        return (self._calls.unary(methods.START_UPLOAD, resumable.StartUploadRequest(spec=spec))).upload

    def _get(self, upload_id: str) -> resumable.Upload:
        request = resumable.GetUploadRequest(upload_id=upload_id)
        return (self._calls.unary(methods.GET_UPLOAD, request)).upload
