"""`cairn://session/path[@version]` for pandas, pyarrow, DuckDB, Dask and everything else that reads files by fsspec.

The first segment is the session's id, percent-encoded if it contains a "/". A path that ends in "@" and digits is that version of
the file before it; a listed file whose name itself ends so is listed with its version. Folders are the parts of names, so an empty
one does not exist. A write makes the next version, and a deletion deletes all versions.
"""

# Subclasses of AbstractFileSystem name the options that they know, and leave out the others.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from fsspec import AbstractFileSystem
from fsspec.transaction import Transaction

from ._spec import FRESH
from ._sync.client import Client, connect
from ._sync.publication import Publication
from ._sync.scope import Scope
from .errors import NotFound, Unavailable
from .models import Artifact

_VERSION = re.compile(r"(.+)@([1-9][0-9]*)\Z", re.DOTALL)


class CairnTransaction(Transaction):  # type: ignore[misc]
    """What is written in it becomes visible at its end: all files of a session at once, or none."""

    def __init__(self, fs: CairnFileSystem, **_: Any) -> None:
        super().__init__(fs)
        self._publications: dict[str, Publication] = {}

    def of(self, scope: Scope) -> Publication:
        """The transaction of a session."""
        return self._publications.setdefault(scope.session, scope.publish())

    def complete(self, commit: bool = True) -> None:
        """Publishes what was written, or throws it away. After an error the sessions that are not published yet are thrown away."""
        left = list(self._publications.values())
        self._publications.clear()
        self.files.clear()
        try:
            while commit and left:
                self._commit(left)
        finally:
            # File systems are cached: one that stayed in the transaction would lose every later write.
            filesystem: Any = self.fs
            filesystem._intrans, filesystem._transaction = False, None
            for publication in left:
                publication.discard()

    @staticmethod
    def _commit(left: list[Publication]) -> None:
        """Publishes the first one, and takes it off the list unless the store has refused it."""
        try:
            left[0].commit()
        except Unavailable:
            # It may have been published. If it was not, the store discards it within a day.
            del left[0]
            raise
        del left[0]


class CairnFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """The files of a store.

    Args:
        address, api_key, api_key_file, ca_file: As in `connect`; absent: the environment.
        agent: Who writes.
        namespace, user: The scope of the files, beside the session.
    """

    protocol = "cairn"
    root_marker = ""
    transaction_type = CairnTransaction

    def __init__(
        self,
        address: str | None = None,
        *,
        api_key: str | None = None,
        api_key_file: str | None = None,
        ca_file: str | None = None,
        agent: str = "",
        namespace: str = "",
        user: str = "",
        client: Client | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.client = client or connect(address, api_key=api_key, api_key_file=api_key_file, ca_file=ca_file)
        self._place = {"agent": agent, "namespace": namespace, "user": user}

    # Paths

    def _bare(self, path: str) -> str:
        """A path without its scheme."""
        return str(self._strip_protocol(path))

    def _scope(self, session: str) -> Scope:
        return self.client.scope(session, **self._place)

    def _split(self, path: str) -> tuple[Scope, str, int | None]:
        """The session, the filename and the version of a path. The filename is empty for the session itself."""
        session, _, name = self._bare(path).partition("/")
        version = None
        if found := _VERSION.match(name):
            name, version = found[1], int(found[2])
        return self._scope(unquote(session)), name, version

    def _writable(self, path: str) -> tuple[Scope, str]:
        scope, name, version = self._split(path)
        if not scope.session or not name or version is not None:
            raise ValueError(f"{path!r}: write to cairn://session/filename, without a version")
        return scope, name

    def _entry(self, artifact: Artifact) -> dict[str, Any]:
        # A name that looks like a version needs one.
        version = f"@{artifact.version}" if _VERSION.match(artifact.filename) else ""
        return {
            "name": f"{quote(artifact.session, safe='')}/{artifact.filename}{version}",
            "type": "file",
            "size": artifact.size,
            "version": artifact.version,
            "artifact_id": artifact.id,
            "hash": artifact.hash,
            "content_type": artifact.content_type,
            "created": artifact.created_at,
        }

    @staticmethod
    def _folder(name: str) -> dict[str, Any]:
        return {"name": name.rstrip("/"), "type": "directory", "size": 0}

    # Reading

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """One level: sessions, or folders and the latest versions of files."""
        path = self._bare(path)
        entries = self._level(path) if path else [self._folder(quote(it.id, safe="")) for it in self.client.sessions()]
        return entries if detail else [entry["name"] for entry in entries]

    def _level(self, path: str) -> list[dict[str, Any]]:
        scope, name, version = self._split(path)
        session = quote(scope.session, safe="")
        below = scope.ls(name) if version is None else []
        if below:
            return [self._folder(f"{session}/{it}") if isinstance(it, str) else self._entry(it) for it in below]
        entry = self.info(path)
        return [entry] if name else []

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """The record of a file, or that it is a folder."""
        path = self._bare(path)
        if not path:
            return self._folder("")
        scope, name, version = self._split(path)
        if not name:
            if next(scope.list(), None) is None:
                scope.info()
            return self._folder(path)
        try:
            return {**self._entry(scope.get(name, version=version)), "name": path}
        except NotFound:
            if version is None and next(scope.list(f"{name}/"), None):
                return self._folder(path)
            raise

    def find(self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **_: Any) -> Any:
        """All files below a folder."""
        path = self._bare(path)
        scope, name, version = self._split(path)
        if maxdepth is not None or withdirs or not path or version is not None:
            return super().find(path, maxdepth=maxdepth, withdirs=withdirs, detail=detail)
        entries = [self._entry(artifact) for artifact in scope.list(f"{name}/" if name else "")]
        if not entries and name and scope.exists(name):
            entries = [self.info(path)]
        files = {entry["name"]: entry for entry in sorted(entries, key=lambda entry: str(entry["name"]))}
        return files if detail else list(files)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """The bytes of a file, or of a range of it."""
        scope, name, version = self._split(path)
        if start is None and end is None:
            return scope.read(name, version=version)
        artifact = scope.get(name, version=version)
        first, last, _step = slice(start, end).indices(artifact.size)
        return scope.read(artifact, offset=first, size=max(last - first, 0))

    def get_file(self, rpath: str, lpath: Any, callback: Any = None, **_: Any) -> None:
        """Writes a file to the local file system."""
        scope, name, version = self._split(rpath)
        if hasattr(lpath, "write"):
            lpath.write(scope.read(name, version=version))
            return
        try:
            artifact = scope.get(name, version=version) if name else None
        except NotFound:
            if not self.isdir(rpath):
                raise
            artifact = None
        if artifact is None:
            Path(lpath).mkdir(parents=True, exist_ok=True)
            return
        Path(lpath).parent.mkdir(parents=True, exist_ok=True)
        if callback is not None:
            callback.set_size(artifact.size)
        scope.pull(artifact, lpath, progress=lambda it: callback and callback.absolute_update(it.done))

    def created(self, path: str) -> datetime:
        """When the version was made."""
        when: datetime = self.info(path)["created"]
        return when

    modified = created

    def checksum(self, path: str) -> int:
        """The SHA-256 as a number."""
        return int(str(self.info(path)["hash"]).removeprefix("sha256:"), 16)

    def ukey(self, path: str) -> str:
        """The id of the version."""
        return str(self.info(path)["artifact_id"])

    def sign(self, path: str, expiration: float = 100, **_: Any) -> str:
        """A public URL that works for `expiration` seconds."""
        scope, name, version = self._split(path)
        return scope.link(name, version=version, expires=timedelta(seconds=expiration)).url

    def _open(self, path: str, mode: str = "rb", autocommit: bool = True, **_: Any) -> Any:
        if mode.startswith("r"):
            scope, name, version = self._split(path)
            if not name:
                raise IsADirectoryError(path)
            return scope.open(name, mode, version=version)
        scope, name = self._writable(path)
        if mode.startswith("a"):
            raise NotImplementedError("a version is immutable: write the next one")
        return (scope if autocommit else self._publication(scope)).open(name, mode)

    # Writing

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """Makes the next version of a file; with mode "create" only the first one."""
        self._push(path, value, mode)

    def put_file(self, lpath: str, rpath: str, callback: Any = None, mode: str = "overwrite", **_: Any) -> None:
        """Makes the next version of a file from a local one."""
        if not os.path.isdir(lpath):
            self._push(rpath, Path(lpath), mode)

    def _publication(self, scope: Scope) -> Publication:
        transaction: Any = self.transaction
        publication: Publication = transaction.of(scope)
        return publication

    def _push(self, path: str, content: bytes | Path, mode: str) -> None:
        scope, name = self._writable(path)
        target: Scope = self._publication(scope) if self._intrans else scope
        if mode == "create":
            target.push(name, content, key=FRESH, if_version=0)
        else:
            target.push(name, content, key=FRESH)

    def touch(self, path: str, truncate: bool = True, **_: Any) -> None:
        """Makes an empty version, or the first one if truncate is False."""
        scope, name = self._writable(path)
        if truncate or not scope.exists(name):
            scope.push(name, b"", key=FRESH)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Makes a version with the same bytes, which are not moved."""
        scope, name, version = self._split(path1)
        try:
            if name:
                target, to = self._writable(path2)
                scope.copy(name, to, scope=target, version=version)
        except NotFound:
            # A folder has nothing of its own to copy.
            if not self.isdir(path1):
                raise

    def rm_file(self, path: str) -> None:
        """Deletes a file with all of its versions, or one version."""
        scope, name, version = self._split(path)
        scope.delete(name, version=version)

    _rm = rm_file

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Deletes files, and with `recursive` everything below folders."""
        for each in [path] if isinstance(path, str) else path:
            files = list(self._files(each, recursive, maxdepth))
            for file in files:
                # Its folder may have been given too.
                with contextlib.suppress(NotFound):
                    self.rm_file(file)

    def _files(self, path: str, recursive: bool, maxdepth: int | None) -> Iterator[str]:
        for each in self.expand_path(path, recursive=recursive, maxdepth=maxdepth):
            if self.isfile(each):
                yield each
            elif not recursive:
                raise IsADirectoryError(each)

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Folders are parts of names: nothing to make."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Folders are parts of names: nothing to make."""

    def rmdir(self, path: str) -> None:
        """Folders are parts of names: nothing to delete."""
