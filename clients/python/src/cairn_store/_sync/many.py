# Made from aio/many.py by scripts/generate. Do not edit it.
"""Calls about many artifacts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

from .. import _content, _keys, errors
from .. import _methods as methods
from .._content import Content, Digest, Memory, Opened
from .._proto import artifact_pb2 as pb
from .._proto import artifact_service_pb2 as api
from .._spec import refused
from ..models import Artifact
from . import io
from .calls import Calls, retried
from .upload import Uploads, describe

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


@dataclass(frozen=True)
class _Small:
    """An item that fits into a call with others."""

    index: int
    opened: Opened
    request: Create


def push(calls: Calls, uploads: Uploads, items: list[Item]) -> list[Artifact]:
    """Stores contents and returns their records in order."""
    # After an error none of them counts as made, so that the same call again repeats those that were.
    with ExitStack() as writes:
        results: dict[int, Artifact] = {}
        io.run_parallel(_Work(calls, uploads, items, writes, results).calls(), _AT_A_TIME)
        return [results[index] for index in range(len(items))]


class _Work:
    """The calls that store items."""

    def __init__(self, calls: Calls, uploads: Uploads, items: list[Item], writes: ExitStack, results: dict[int, Artifact]) -> None:
        self._calls, self._uploads, self._items, self._writes, self._results = calls, uploads, items, writes, results

    def calls(self) -> Iterator[Callable[[], None]]:
        """Opens items, and makes calls of them."""
        group: list[_Small] = []
        content_bytes = other_bytes = 0
        for index, (spec, content) in enumerate(self._items):
            opened = _content.open_content(content, spec.filename)
            if not isinstance(opened.how, Memory) or opened.how.size > _SMALL:
                yield partial(self._alone, index, opened)
                continue
            describe(spec, opened)
            digest = Digest.of(opened.how.content)
            spec.content_hash, spec.size_bytes = digest.hash, digest.size
            other = spec.ByteSize() + _ITEM_BYTES
            full = content_bytes + digest.size > _CONTENT_BYTES or other_bytes + other > _OTHER_BYTES
            if group and (full or len(group) == _ITEMS):
                yield partial(self._together, group)
                group, content_bytes, other_bytes = [], 0, 0
            group.append(_Small(index, opened, Create(spec=spec, content=bytes(opened.how.content))))
            content_bytes, other_bytes = content_bytes + digest.size, other_bytes + other
        if group:
            yield partial(self._together, group)

    def _alone(self, index: int, opened: Opened, times: int | None = None) -> None:
        spec, _ = self._items[index]
        self._results[index] = self._uploads.upload_opened(spec, opened, self._writes, times=times)

    def _together(self, group: list[_Small]) -> None:
        again: list[tuple[_Small, int]] = []
        keyed = [self._keyed(item.request) for item in group]
        batch = api.BatchCreateArtifactsRequest(requests=[request for request, _ in keyed])
        answer = self._calls.unary(methods.BATCH_CREATE, batch)
        for item, (_, times), outcome in zip(group, keyed, answer.outcomes, strict=True):
            spec = item.request.spec
            if outcome.HasField("error"):
                error = _error(outcome.error)
                if not (errors.may_retry(error) or isinstance(error, errors.NotFound)):
                    raise refused(spec, error)
                again.append((item, times))
                continue
            artifact = Artifact.of(outcome.artifact)
            Digest(spec.content_hash, spec.size_bytes).check(artifact)
            self._results[item.index] = artifact
            if artifact.state in ("expired", "deleted"):
                again.append((item, times))
        # What is under way, or led to an artifact that was deleted since, is handled as when it is the only one.
        for item, times in again:
            self._alone(item.index, item.opened, times)

    def _keyed(self, request: Create) -> tuple[Create, int]:
        """The request with its derived key, and how often this program made it before."""
        key = _keys.for_upload(request.spec)
        times = self._writes.enter_context(self._uploads.repeats.next_of(key))
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
