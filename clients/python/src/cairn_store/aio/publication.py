"""A transaction over the artifacts of a session."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType

from typing_extensions import Self, Unpack

from .. import _keys, errors
from .. import _methods as methods
from .._content import Content
from .._proto import artifact_service_pb2 as api
from .._proto import session_service_pb2 as sessions
from .._spec import Details, Key, Place
from ..models import Artifact, Session
from . import io
from .calls import Calls
from .scope import Named, OnProgress, Scope
from .upload import Uploads

_AT_A_TIME = 4


class Publication(Scope):
    """A scope whose pushes and copies become visible together when its `with` ends, or never if that ends with an exception.

    Up to 5,000 artifacts. Their versions are assigned when they are published; reads see what was visible before.
    """

    def __init__(self, calls: Calls, uploads: Uploads, place: Place, seal: bool) -> None:
        super().__init__(calls, uploads, place, unpublished=True)
        self._seal = seal
        self._made: list[str] = []
        self.versions_of: dict[str, int] = {}
        """After the end: the version of each file."""
        self.result: Session | None = None
        """After the end: the session."""

    async def push(
        self,
        name: str | os.PathLike[str],
        content: Content | None = None,
        *,
        key: Key = None,
        progress: OnProgress = None,
        **details: Unpack[Details],
    ) -> Artifact:
        """Stores a file that is invisible until the end."""
        artifact = await super().push(name, content, key=key, progress=progress, **details)
        self._made.append(artifact.id)
        return artifact

    async def push_many(
        self, contents: Mapping[str, Content] | Iterable[tuple[str, Content]], **details: Unpack[Details]
    ) -> list[Artifact]:
        """Stores files that are invisible until the end."""
        artifacts = await super().push_many(contents, **details)
        self._made.extend(artifact.id for artifact in artifacts)
        return artifacts

    async def copy(
        self,
        source: Named,
        to: str = "",
        *,
        scope: Scope | None = None,
        version: int | None = None,
        **details: Unpack[Details],
    ) -> Artifact:
        """Makes a copy that is invisible until the end."""
        artifact = await super().copy(source, to, scope=scope, version=version, **details)
        self._made.append(artifact.id)
        return artifact

    async def move(self, source: str, to: str, **details: Unpack[Details]) -> Artifact:
        """Is refused: the deletion would take effect at once, and the copy perhaps never."""
        raise TypeError("a publication moves nothing: copy in it, and delete after it")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            await self.commit()
        else:
            await self.discard()

    async def commit(self) -> None:
        """Publishes what was pushed. After an error nothing is published; `discard` throws it away."""
        if not self._made:
            if self._seal:
                self.result = await self.seal()
            return
        made = sorted(set(self._made))
        request = sessions.CommitSessionRequest(
            session_id=self.session,
            artifact_ids=made,
            seal=self._seal,
            idempotency_key=_keys.for_commit(self.session, made, self._seal),
        )
        answer = await self._calls.unary(methods.COMMIT, request)
        self._made.clear()
        self.versions_of = {artifact.filename: artifact.version for artifact in answer.artifacts}
        self.result = Session.of(answer.session)

    async def discard(self) -> None:
        """Throws away what was pushed and is not published. What cannot be thrown away now, the store discards within a day."""
        made, self._made = self._made, []
        with contextlib.suppress(errors.CairnError):
            await io.run_parallel((partial(self._throw_away, artifact_id) for artifact_id in made), _AT_A_TIME)

    async def _throw_away(self, artifact_id: str) -> None:
        request = api.DeleteArtifactRequest(artifact_id=artifact_id, idempotency_key=_keys.fresh())
        try:
            await self._calls.unary(methods.DELETE, request)
        except errors.CairnError as error:
            # If the store does not answer in time, the next deletion would wait as long.
            if errors.may_retry(error):
                raise
