# Made from aio/many.py by scripts/generate. Do not edit it.
"""Calls about many artifacts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from functools import partial

from .. import _content, _keys, errors
from .. import _methods as methods
from .._content import Content, Digest, EXECUTABLE, Memory
from .._proto import artifact_pb2 as pb
from .._proto import artifact_service_pb2 as api
from .._spec import refused
from ..models import Artifact
from . import io
from .calls import Calls, retried
from .upload import Uploads

_ITEMS = 100
_CONTENT_BYTES = 3 << 20
_OTHER_BYTES = 256 << 10
_ITEM_BYTES = 512
# A content that is larger is sent alone.
_SMALL = 256 << 10
_AT_A_TIME = 4
# The contents of a call are in memory until all of them are there.
_READ_BYTES = 16 << 20

Item = tuple[pb.ArtifactSpec, Content]
Create = api.CreateArtifactRequest
Group = list[tuple[int, Create]]


def push(calls: Calls, uploads: Uploads, items: list[Item]) -> list[Artifact]:
    """Stores contents and returns their records in order."""
    results: dict[int, Artifact] = {}

    def alone(index: int, spec: pb.ArtifactSpec, content: Content, times: int | None = None) -> None:
        results[index] = uploads.upload(spec, content, times=times)

    def together(group: Group) -> None:
        again: list[tuple[int, int]] = []
        with ExitStack() as stack:
            keyed = [_keyed(request, stack, uploads) for _, request in group]
            batch = api.BatchCreateArtifactsRequest(requests=[request for request, _ in keyed])
            answer = calls.unary(methods.BATCH_CREATE, batch)
            for (index, request), (_, times), outcome in zip(group, keyed, answer.outcomes, strict=True):
                if outcome.HasField("error"):
                    error = _error(outcome.error)
                    if not (errors.may_retry(error) or isinstance(error, errors.NotFound)):
                        raise refused(request.spec, error)
                    again.append((index, times))
                    continue
                artifact = Artifact.of(outcome.artifact)
                Digest(request.spec.content_hash, request.spec.size_bytes).check(artifact)
                results[index] = artifact
                if artifact.state in ("expired", "deleted"):
                    again.append((index, times))
        # What is under way, or led to an artifact that was deleted since, is handled as when it is the only one.
        for index, times in again:
            alone(index, *items[index], times)

    def work() -> Iterator[Callable[[], None]]:
        group: Group = []
        content_bytes = other_bytes = 0
        for index, (spec, content) in enumerate(items):
            small = _small(spec, content)
            if small is None:
                yield partial(alone, index, spec, content)
                continue
            other = spec.ByteSize() + _ITEM_BYTES
            full = content_bytes + len(small) > _CONTENT_BYTES or other_bytes + other > _OTHER_BYTES
            if group and (full or len(group) == _ITEMS):
                yield partial(together, group)
                group, content_bytes, other_bytes = [], 0, 0
            group.append((index, Create(spec=spec, content=small)))
            content_bytes, other_bytes = content_bytes + len(small), other_bytes + other
        if group:
            yield partial(together, group)

    io.run_parallel(work(), _AT_A_TIME)
    return [results[index] for index in range(len(items))]


def _small(spec: pb.ArtifactSpec, content: Content) -> bytes | None:
    """The content of an item that fits into a call with others, with its key in the spec."""
    opened = _content.open_content(content, spec.filename)
    if not isinstance(opened.how, Memory) or opened.how.size > _SMALL:
        return None
    if opened.executable and EXECUTABLE not in spec.metadata:
        spec.metadata[EXECUTABLE] = "true"
    spec.content_type = spec.content_type or opened.content_type
    digest = Digest.of(opened.how.content)
    spec.content_hash, spec.size_bytes = digest.hash, digest.size
    return bytes(opened.how.content)


def _keyed(request: Create, stack: ExitStack, uploads: Uploads) -> tuple[Create, int]:
    """The request with its derived key, and how often this program made it before."""
    key = _keys.for_upload(request.spec)
    times = stack.enter_context(uploads.repeats.next_of(key))
    keyed = Create(spec=request.spec, content=request.content)
    keyed.spec.idempotency_key = _keys.repeated(key, times)
    return keyed, times


def _error(item: api.ItemError) -> errors.CairnError:
    return errors.of_item(item.code, item.reason, item.message, item.metadata, item.fields)


def read(calls: Calls, artifacts: Iterable[Artifact]) -> Iterator[tuple[Artifact, bytes]]:
    """The contents of artifacts, one after another."""
    for group in _groups(artifacts):
        for pair in retried(partial(_read, calls, group)):
            yield pair


def _groups(artifacts: Iterable[Artifact]) -> Iterator[list[Artifact]]:
    group: list[Artifact] = []
    for artifact in artifacts:
        if group and (len(group) == _ITEMS or sum(it.size for it in group) + artifact.size > _READ_BYTES):
            yield group
            group = []
        group.append(artifact)
    if group:
        yield group


def _read(calls: Calls, group: list[Artifact]) -> list[tuple[Artifact, bytes]]:
    request = api.DownloadArtifactsRequest(artifact_ids=[artifact.id for artifact in group])
    pairs: list[tuple[Artifact, bytes]] = []
    artifact, content = group[0], bytearray()
    with closing(calls.transport.receive(methods.DOWNLOAD_MANY, request)) as messages:
        for message in messages:
            what = message.WhichOneof("message")
            if what == "artifact":
                artifact, content = Artifact.of(message.artifact), bytearray()
            elif what == "data":
                content += message.data
            elif what == "error":
                raise _error(message.error)
            else:
                Digest.of(memoryview(content)).check(artifact)
                pairs.append((artifact, bytes(content)))
    if len(pairs) != len(group):
        raise errors.Unavailable("connection lost: a content has no end")
    return pairs
