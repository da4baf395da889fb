"""The files of one scope: the calls that most programs make."""

from __future__ import annotations

import builtins
import contextlib
import html
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import Unpack

from .. import _keys, _manifest, errors, names
from .. import _methods as methods
from .._config import Config
from .._content import Content
from .._progress import reporter
from .._proto import artifact_service_pb2 as api
from .._proto import link_service_pb2 as links
from .._proto import session_service_pb2 as sessions
from .._proto import todo_service_pb2 as todo_api
from .._spec import (
    FRESH,
    Details,
    Key,
    Place,
    Ttl,
    build,
    checked_version,
    duration,
    id_of,
    refused,
    set_ttl,
    stage_of,
    todo_state_of,
)
from ..filters import Condition, joined
from ..models import Artifact, Deletion, Event, Link, Manifest, Progress, Session, Stage, Todo, TodoState, listing
from . import files, io, many
from .calls import Calls
from .download import Download
from .upload import Uploads
from .watch import watch

if TYPE_CHECKING:
    from .publication import Publication

Named = str | Artifact
"""A filename of the scope, or an artifact."""
OnProgress = Callable[[Progress], object] | bool | None
"""Called after each piece, in whatever thread moves it; True shows a bar if rich or tqdm is installed."""


def _restored(config: Config, place: Place) -> Scope:
    calls = Calls(io.Transport(config))
    return Scope(calls, Uploads(calls), place)


_EDITS = 32
_SHOWN = 50


class Scope:
    """The files of a session, of a user in a namespace, or of both.

    The scope is what `session`, `namespace` and `user` say together: the same filename in another scope is another file. `agent`
    is only who writes. A scope is cheap: it is no connection, and nothing has to exist.
    """

    def __init__(self, calls: Calls, uploads: Uploads, place: Place, unpublished: bool = False) -> None:
        self._calls, self._uploads, self.place, self._unpublished = calls, uploads, place, unpublished

    def __repr__(self) -> str:
        named = {"session": self.place.session, "namespace": self.place.namespace, "user": self.place.user}
        return f"<cairn_store scope {', '.join(f'{name}={value!r}' for name, value in named.items() if value)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._unpublished:
            raise TypeError("a publication belongs to this process: push into it here, or publish there")
        return _restored, (self._calls.transport.config, self.place)

    def _repr_html_(self) -> str:
        files = io.first(self.list(), _SHOWN)
        return f"<p>{html.escape(repr(self))}</p>" + ("" if files is None else listing(files))

    @property
    def session(self) -> str:
        """The session's id."""
        return self.place.session

    # Writing

    async def push(
        self,
        name: str | os.PathLike[str],
        content: Content | None = None,
        *,
        key: Key = None,
        progress: OnProgress = None,
        **details: Unpack[Details],
    ) -> Artifact:
        """Stores the next version of a file and returns its record. Its bytes are verified.

        Without content, `name` is the path of a local file, whose last segment is the filename. Content over 64 MiB is sent by a
        resumable upload, which goes on after a lost connection, and when the same push is made again after the death of this
        process. The push is repeated when its answer is lost, but not that of an iterator over 1 MiB.

        Without a key, the key is derived from the whole request: the same push of a program that is started again within a day
        has no second effect. Give `key=FRESH` if it is to make another version.

        Raises:
            Sealed: The session takes nothing any more.
            VersionConflict: `if_version` is not the latest version.
            Exists: `if_version` is 0 and there is one.
            QuotaExceeded: There is no room.
        """
        if content is None:
            content, name = Path(name), Path(name).name
        filename = os.fspath(name)
        spec = build(self.place, filename, details, self._unpublished)
        with reporter(progress, filename) as report:
            return await self._uploads.upload(spec, content, key, report)

    async def push_many(
        self, contents: Mapping[str, Content] | Iterable[tuple[str, Content]], **details: Unpack[Details]
    ) -> builtins.list[Artifact]:
        """Stores files, small ones up to 100 in a call and several calls at a time, and returns their records in order. Each
        gets the same details.

        Raises:
            CairnError: The first error of an item. Others may have been stored; the same call again repeats none of them.
        """
        pairs = cast(Iterable[tuple[str, Content]], contents.items() if isinstance(contents, Mapping) else contents)
        prepared = [(build(self.place, name, details, self._unpublished), content) for name, content in pairs]
        return await many.push(self._calls, self._uploads, prepared)

    def open(
        self,
        name: Named,
        mode: str = "r",
        *,
        version: int | None = None,
        encoding: str = "utf-8",
        newline: str | None = None,
        key: Key = FRESH,
        **details: Unpack[Details],
    ) -> Any:
        """A file. Modes: r reads one version, which it stays at, from any position; w writes the next version; x also, but fails
        with Exists if there is one; with b for bytes, else text.

        What is written becomes visible when the file is closed. A `with` that ends with an exception stores nothing.
        """
        return files.open_file(self, name, mode, version, encoding, newline, key, details)

    async def edit(
        self,
        name: str,
        change: Callable[[bytes], Content | Awaitable[Content]],
        *,
        create: bool = False,
        **details: Unpack[Details],
    ) -> Artifact:
        """Reads a file, changes it, and stores the result if no other writer was faster; else again. `change` may run several
        times. With `create` a missing file counts as an empty one.

        Raises:
            NotFound: There is no such file, without `create`.
            VersionConflict: Other writers were faster 32 times.
        """
        for attempt in range(_EDITS):
            try:
                found = self._download(name)
                old, latest = await found.whole(), (await found.record()).version
            except errors.NotFound:
                if not create:
                    raise
                old, latest = b"", 0
            try:
                details["if_version"] = latest
                return await self.push(name, await io.value_of(change(old)), key=FRESH, **details)
            except errors.VersionConflict:
                if attempt == _EDITS - 1:
                    raise
            await io.sleep(random.uniform(0, 0.02 * (attempt + 1)))
        raise AssertionError("unreachable")

    async def copy(
        self,
        source: Named,
        to: str = "",
        *,
        scope: Scope | None = None,
        version: int | None = None,
        **details: Unpack[Details],
    ) -> Artifact:
        """Makes a version of another name, or in another scope, with the same bytes, which are not moved."""
        spec = build((scope or self).place, to, details, self._unpublished)
        spec.idempotency_key = _keys.fresh()
        request = api.CopyArtifactRequest(spec=spec)
        self._refer(request, source, version)
        try:
            return Artifact.of((await self._calls.unary(methods.COPY, request)).artifact)
        except errors.CairnError as error:
            raise refused(spec, error) from None

    async def move(self, source: str, to: str, **details: Unpack[Details]) -> Artifact:
        """Copies the latest version to another name, then deletes all versions of this one. That is two steps, and the history
        does not move along: a version that another writer pushes between them is deleted too.

        Raises:
            Invalid: The other name is the same one.
        """
        if to in ("", source):
            raise errors.Invalid(f"{source!r} can be moved to another name only", fields={"to": "must be another name"})
        artifact = await self.copy(source, to, **details)
        await self.delete(source)
        return artifact

    async def update(
        self,
        name: Named,
        *,
        version: int | None = None,
        meta: Mapping[str, str | None] | None = None,
        stage: Stage | None = None,
        title: str | None = None,
        labels: Iterable[str] | None = None,
        ttl: Ttl = None,
        persistent: bool | None = None,
        etag: str = "",
    ) -> Artifact:
        """Changes the record of an artifact. The pairs of `meta` are set, or removed if they are None; others stay."""
        request = api.UpdateArtifactRequest(
            agent_id=self.place.agent, etag=etag, idempotency_key=_keys.fresh(), stage=stage_of(stage)
        )
        self._refer(request, name, version)
        paths = [f"metadata.{pair}" for pair in meta or ()]
        request.metadata.update({pair: value for pair, value in (meta or {}).items() if value is not None})
        if title is not None:
            request.title = title
        if labels is not None:
            request.labels.extend(labels)
        if persistent is not None:
            request.persistent = persistent
        set_ttl(request, ttl)
        given = {"stage": stage, "title": title, "labels": labels, "expiry": ttl, "persistent": persistent}
        request.update_mask.paths.extend(paths + [path for path, value in given.items() if value is not None])
        return Artifact.of((await self._calls.unary(methods.UPDATE, request)).artifact)

    async def delete(self, name: Named, *, version: int | None = None) -> Deletion:
        """Deletes a file with all of its versions, or one version of it, or one artifact. A deletion can be undone with
        `Client.restore` for seven days, if the operator has not changed that.

        Raises:
            NotFound: There is none.
            LegalHold: One artifact was to be deleted, and it is under a hold.
        """
        request = api.DeleteArtifactRequest(idempotency_key=_keys.fresh())
        self._refer(request, name, version)
        request.all_versions = isinstance(name, str) and version is None
        answer = await self._calls.unary(methods.DELETE, request)
        if answer.HasField("job"):
            return Deletion.of_job(await self._calls.wait_for(answer.job))
        return Deletion(answer.deleted_count or 1, answer.size_bytes, tuple(answer.not_deleted_artifact_ids))

    # Reading

    async def get(self, name: Named, *, version: int | None = None) -> Artifact:
        """The record of a file's latest version, or of this one.

        Raises:
            NotFound: There is none, or it has expired or was deleted.
        """
        request = api.GetArtifactRequest()
        self._refer(request, name, version)
        return Artifact.of((await self._calls.unary(methods.GET, request)).artifact)

    async def exists(self, name: Named, *, version: int | None = None) -> bool:
        """Whether there is such a file."""
        try:
            await self.get(name, version=version)
        except errors.NotFound:
            return False
        return True

    async def read(self, name: Named, *, version: int | None = None, offset: int = 0, size: int | None = None) -> bytes:
        """The content in memory, or `size` bytes of it from `offset` on. All of a content is verified.

        Raises:
            NotFound: There is none, or it has expired or was deleted.
        """
        return await self._download(name, version).whole(offset, size)

    async def fetch(self, name: Named, *, version: int | None = None) -> tuple[Artifact, bytes]:
        """The record and the content, in one call; verified.

        Raises:
            NotFound: There is none, or it has expired or was deleted.
        """
        download = self._download(name, version)
        content = await download.whole()
        return await download.record(), content

    async def read_text(
        self,
        name: Named,
        *,
        version: int | None = None,
        lines: tuple[int, int] | None = None,
        encoding: str = "utf-8",
        errors: str = "strict",
    ) -> str:
        """The content as text; or its lines from the first number up to the second, counted from 0, of which the rest of the file
        is not received."""
        if lines is None:
            return (await self.read(name, version=version)).decode(encoding, errors)
        start, end = lines
        kept: builtins.list[bytes] = []
        number = 0
        async with contextlib.aclosing(self._download(name, version).content()) as content:
            async for data in content:
                # The last of these is a part of a line that goes on with the next bytes.
                *whole, rest = data.split(b"\n")
                kept += [line + b"\n" for at, line in enumerate(whole, number) if start <= at < end]
                number += len(whole)
                if number >= end:
                    break
                if start <= number:
                    kept.append(rest)
        return b"".join(kept).decode(encoding, errors)

    async def pull(
        self,
        name: Named,
        to: str | os.PathLike[str] = ".",
        *,
        version: int | None = None,
        progress: OnProgress = None,
    ) -> Path:
        """Writes the content to a local file, or into a folder under the last segment of its name, and returns the path. The file
        appears, or is replaced, when all of it is there and verified. Large content comes in several parts at a time.

        Raises:
            NotFound: There is none, or it has expired or was deleted.
        """
        download = self._download(name, version)
        artifact = await download.record()
        target = Path(to)
        if target.is_dir():
            target = names.below(target, artifact.filename.rpartition("/")[2])
        with reporter(progress, artifact.filename) as report:
            await download.to_file(target, report)
        return target

    async def pull_all(self, to: str | os.PathLike[str], *, prefix: str = "") -> builtins.list[Path]:
        """Writes the latest version of each file into a folder, with the folders of their names."""
        artifacts = [artifact async for artifact in self.list(prefix)]
        targets = [names.below(Path(to), artifact.filename) for artifact in artifacts]
        for folder in {target.parent for target in targets}:
            folder.mkdir(parents=True, exist_ok=True)
        pairs = zip(artifacts, targets, strict=True)
        return await io.run_parallel((partial(self.pull, artifact, target) for artifact, target in pairs), 4)

    async def read_many(self, artifacts: Iterable[Artifact]) -> AsyncIterator[tuple[Artifact, bytes]]:
        """The contents of artifacts, one after another, up to 100 in a call; verified.

        Raises:
            CairnError: That of the first that cannot be read.
        """
        async for pair in many.read(self._calls, artifacts):
            yield pair

    # Finding

    async def list(
        self,
        prefix: str = "",
        *,
        latest: bool = True,
        order_by: str = "filename",
        glob: str = "",
    ) -> AsyncIterator[Artifact]:
        """The files of the scope, by name: those that start with a prefix, or whose whole name matches a pattern such as
        `tables/**/*.csv`. With latest=False every version. Pages are read when they are wanted."""
        request = self._list_request(latest, order_by)
        request.filename_prefix, request.filename_glob = prefix, glob
        async for page in self._calls.pages(methods.LIST, request):
            for artifact in page.artifacts:
                yield Artifact.of(artifact)

    async def ls(self, folder: str = "") -> builtins.list[str | Artifact]:
        """One level, like a folder: the folders in it, which end with "/", and the latest versions of the files in it."""
        request = self._list_request(True, "filename")
        request.filename_prefix, request.delimiter = f"{folder.strip('/')}/" if folder.strip("/") else "", "/"
        entries: builtins.list[str | Artifact] = []
        async for page in self._calls.pages(methods.LIST, request):
            entries += [*page.prefixes, *map(Artifact.of, page.artifacts)]
        return entries

    async def find(self, *conditions: Condition | str, latest: bool = True, order_by: str = "") -> AsyncIterator[Artifact]:
        """The files of the scope that match all conditions, newest first: `find(stage == "final", meta.topic == "sales")`. A
        condition as text is an expression of the API."""
        request = self._list_request(latest, order_by)
        request.filter = " AND ".join(part for part in (request.filter, joined(conditions)) if part)
        async for page in self._calls.pages(methods.LIST, request):
            for artifact in page.artifacts:
                yield Artifact.of(artifact)

    async def versions(self, name: str) -> AsyncIterator[Artifact]:
        """The visible versions of a file, newest first."""
        request = api.ListVersionsRequest(name=self.place.name(name))
        async for page in self._calls.pages(methods.VERSIONS, request):
            for artifact in page.artifacts:
                yield Artifact.of(artifact)

    def _list_request(self, latest: bool, order_by: str) -> api.ListArtifactsRequest:
        place = self.place
        # An empty field of the request is no condition, so that of a scope needs to be one.
        empty = {"session_id": place.session, "namespace": place.namespace, "user_id": place.user}
        return api.ListArtifactsRequest(
            session_id=place.session,
            namespace=place.namespace,
            user_id=place.user,
            latest_only=latest,
            order_by=order_by,
            filter=" AND ".join(f'{name} = ""' for name, value in empty.items() if not value),
        )

    # Sessions and links

    async def link(
        self,
        name: Named,
        *,
        version: int | None = None,
        expires: float | timedelta | None = None,
        max_downloads: int = 0,
        password: str = "",
    ) -> Link:
        """Makes a public URL of one version, which ends after `expires` seconds (7 days) or `max_downloads`."""
        request = links.CreateLinkRequest(max_downloads=max_downloads, password=password, idempotency_key=_keys.fresh())
        self._refer(request, name, version)
        if expires is not None:
            request.expires_in.CopyFrom(duration(expires))
        return Link.of((await self._calls.unary(methods.CREATE_LINK, request)).link)

    async def link_session(
        self,
        folder: str = "",
        *,
        expires: float | timedelta | None = None,
        max_downloads: int = 0,
        password: str = "",
    ) -> Link:
        """Makes a public URL of everything in the session, or in one folder of it, also of what is added later."""
        request = links.CreateLinkRequest(
            session_id=self.session,
            folder=folder,
            max_downloads=max_downloads,
            password=password,
            idempotency_key=_keys.fresh(),
        )
        if expires is not None:
            request.expires_in.CopyFrom(duration(expires))
        return Link.of((await self._calls.unary(methods.CREATE_LINK, request)).link)

    def publish(self, *, seal: bool = False) -> Publication:
        """A transaction: what is pushed into it becomes visible when its `with` ends, all at once, or never if that ends with an
        exception. With `seal` the same transaction seals the session."""
        from .publication import Publication  # noqa: PLC0415 - it is a scope itself

        return Publication(self._calls, self._uploads, self.place, seal)

    async def seal(self) -> Session:
        """Seals the session for good: nothing can be added from then on."""
        request = sessions.SealSessionRequest(session_id=self.session, idempotency_key=_keys.fresh())
        return Session.of((await self._calls.unary(methods.SEAL, request)).session)

    async def verify(self) -> Manifest:
        """Reads the manifest of the sealed session and computes its digest here, so that the server's need not be believed.

        Raises:
            Refused: The session is open.
        """
        request = sessions.ListManifestRequest(session_id=self.session)
        entries = [entry async for page in self._calls.pages(methods.LIST_MANIFEST, request) for entry in page.entries]
        computed = _manifest.digest(
            (entry.filename, entry.version, entry.artifact_id, entry.size_bytes, entry.content_hash) for entry in entries
        )
        return Manifest((await self.info()).manifest_hash, computed, len(entries))

    async def info(self) -> Session:
        """The session.

        Raises:
            NotFound: Nothing was ever made in it.
        """
        request = sessions.GetSessionRequest(session_id=self.session)
        return Session.of((await self._calls.unary(methods.GET_SESSION, request)).session)

    async def label(self, *labels: str, display_name: str | None = None) -> Session:
        """Gives the session labels, in place of those that it has, and a name for people."""
        request = sessions.UpdateSessionRequest(
            session_id=self.session, labels=labels, allow_missing=True, idempotency_key=_keys.fresh()
        )
        request.update_mask.paths.append("labels")
        if display_name is not None:
            request.display_name = display_name
            request.update_mask.paths.append("display_name")
        return Session.of((await self._calls.unary(methods.UPDATE_SESSION, request)).session)

    async def watch(self, *, after: int = 0, only_new: bool = False, until_sealed: bool = False) -> AsyncIterator[Event]:
        """The events of the session after a position, each once and in order, as they happen. A lost connection is made again. With
        `until_sealed` it ends after the seal.

        Raises:
            Refused: Events after the position are no longer kept; its reason is EVENTS_EXPIRED.
        """
        async with contextlib.aclosing(watch(self._calls, self.session, after, only_new, until_sealed)) as events:
            async for event in events:
                yield event

    # Todos

    async def todos(self, *, plan: Artifact | str = "", label: str = "", state: TodoState | None = None) -> AsyncIterator[Todo]:
        """The todos of the session, or of a plan in all of its versions, which is named by its record or id. Plan by plan, in the
        order of the document. Pages are read when they are wanted.

        Raises:
            NotFound: The plan does not exist, or it has expired or was deleted.
        """
        plan_id, session_id = self._owner(plan)
        request = todo_api.ListTodosRequest(plan_id=plan_id, session_id=session_id, label=label, state=todo_state_of(state))
        async for page in self._calls.pages(methods.LIST_TODOS, request):
            for todo in page.todos:
                yield Todo.of(todo)

    async def add_todo(self, text: str, *, plan: Artifact | str = "", state: TodoState = "open") -> Todo:
        """Adds a todo at the end of those of the session, or of a plan, which is named by its record or id. The text is one line.

        Raises:
            NotFound: The session or the plan does not exist.
            Invalid: The text is malformed, or there are 1,000 todos already.
        """
        plan_id, session_id = self._owner(plan)
        request = todo_api.AddTodoRequest(
            text=text,
            plan_id=plan_id,
            session_id=session_id,
            state=todo_state_of(state),
            agent_id=self.place.agent,
            idempotency_key=_keys.fresh(),
        )
        return Todo.of((await self._calls.unary(methods.ADD_TODO, request)).todo)

    async def update_todo(self, todo: Todo | str, *, state: TodoState | None = None, text: str = "") -> Todo:
        """Changes the state or the text of a todo, which is named by its record or id.

        Raises:
            NotFound: There is no such todo, or what it belongs to is gone.
        """
        request = todo_api.UpdateTodoRequest(
            todo_id=todo.id if isinstance(todo, Todo) else todo,
            state=todo_state_of(state),
            text=text,
            agent_id=self.place.agent,
            idempotency_key=_keys.fresh(),
        )
        return Todo.of((await self._calls.unary(methods.UPDATE_TODO, request)).todo)

    def _owner(self, plan: Artifact | str) -> tuple[str, str]:
        """The plan that todos belong to, or the session."""
        return (id_of(plan), "") if plan else ("", self.session)

    def _download(self, name: Named, version: int | None = None) -> Download:
        request = api.DownloadArtifactRequest()
        self._refer(request, name, version)
        # Of empty content no message would say that the artifact is still there.
        record = name if isinstance(name, Artifact) and name.size else None
        return Download(self._calls, request, record)

    def _refer(self, request: Any, name: Named, version: int | None) -> None:
        if isinstance(name, Artifact):
            request.artifact_id = name.id
        else:
            request.name.CopyFrom(self.place.name(name, checked_version(version)))
