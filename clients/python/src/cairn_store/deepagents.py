"""A backend for the files of LangChain's deepagents: `create_deep_agent(backend=CairnBackend(store.scope("run-42")))`.

The path `/a/b.txt` is the file `a/b.txt` of the scope. Every write and edit is a version, so each state can be read again.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from deepagents.backends.protocol import (
    BackendProtocol,
    DeleteResult,
    EditResult,
    FileData,
    FileDownloadResponse,
    FileInfo,
    FileUploadResponse,
    GlobResult,
    GrepMatch,
    GrepResult,
    LsResult,
    ReadResult,
    WriteResult,
)
from deepagents.backends.utils import (
    compile_grep_include_glob,
    perform_string_replacement,
    slice_read_response,
    validate_path,
)

from ._spec import FRESH
from ._sync.scope import Scope
from .errors import CairnError, Invalid, NotFound, PermissionDenied, Refused
from .models import Artifact

# A larger file is not searched.
_SEARCHED = 16 << 20


class _Rejected(Exception):
    """An edit that does not fit the file."""


class CairnBackend(BackendProtocol):  # type: ignore[misc]
    """The files of a scope as an agent's file system. Its methods with await run in threads."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def ls(self, path: str) -> LsResult:
        """One level of a folder."""
        try:
            entries = self._scope.ls(_name(path))
        except (CairnError, ValueError) as error:
            return LsResult(error=str(error))
        folders = [FileInfo(path=f"/{it}", is_dir=True) for it in entries if isinstance(it, str)]
        return LsResult(entries=folders + [_info(it) for it in entries if isinstance(it, Artifact)])

    def read(self, file_path: str, offset: int = 0, limit: int = 2000) -> ReadResult:
        """Lines of a text, or all of another file as base64."""
        try:
            artifact, content = self._scope.fetch(_name(file_path))
        except NotFound:
            return ReadResult(error=f"File '{file_path}' not found")
        except (CairnError, ValueError) as error:
            return ReadResult(error=str(error))
        data = _data(artifact, content)
        return slice_read_response(data, offset, limit) if data["encoding"] == "utf-8" else ReadResult(file_data=data)

    def write(self, file_path: str, content: str) -> WriteResult:
        """Makes the next version of a file."""
        try:
            self._scope.push(_name(file_path), content, key=FRESH)
        except (CairnError, ValueError) as error:
            return WriteResult(error=str(error))
        return WriteResult(path=file_path)

    def edit(self, file_path: str, old_string: str, new_string: str, replace_all: bool = False) -> EditResult:
        """Replaces text. No edit of another agent is lost."""
        occurrences = 0

        def change(old: bytes) -> str:
            nonlocal occurrences
            changed = perform_string_replacement(old.decode(), old_string, new_string, replace_all)
            if isinstance(changed, str):
                raise _Rejected(changed)
            text, occurrences = changed
            return str(text)

        try:
            self._scope.edit(_name(file_path), change)
        except NotFound:
            return EditResult(error=f"Error: File '{file_path}' not found")
        except UnicodeDecodeError:
            return EditResult(error="Error: Cannot edit binary files with text replacements.")
        except (CairnError, ValueError, _Rejected) as error:
            return EditResult(error=str(error))
        return EditResult(path=file_path, occurrences=occurrences)

    def delete(self, file_path: str) -> DeleteResult:
        """Deletes a file, or a folder with everything in it, with all versions."""
        try:
            found = list(self._below(_name(file_path)))
            for artifact in found:
                self._scope.delete(artifact.filename)
        except (CairnError, ValueError) as error:
            return DeleteResult(error=str(error))
        return DeleteResult(path=file_path) if found else DeleteResult(error=f"Error: File '{file_path}' not found")

    def glob(self, pattern: str, path: str | None = None) -> GlobResult:
        """The files whose names match, the newest first."""
        try:
            matches = compile_grep_include_glob(pattern)
            root = _name(path or "/")
            found = [it for it in self._below(root) if matches(_relative(it, root))]
        except (CairnError, ValueError) as error:
            return GlobResult(error=str(error))
        found.sort(key=lambda it: it.created_at.timestamp() if it.created_at else 0.0, reverse=True)
        return GlobResult(matches=[_info(it) for it in found])

    def grep(self, pattern: str, path: str | None = None, glob: str | None = None, *, max_count: int | None = None) -> GrepResult:
        """The lines that contain a text."""
        found: list[GrepMatch] = []
        try:
            matches = compile_grep_include_glob(glob) if glob else None
            root = _name(path or "/")
            files = [it for it in self._below(root) if it.size <= _SEARCHED and (not matches or matches(_relative(it, root)))]
            for artifact, content in self._scope.read_many(files):
                for number, line in enumerate(_text(content).splitlines(), 1):
                    if pattern not in line:
                        continue
                    if max_count is not None and len(found) >= max_count:
                        return GrepResult(matches=found, truncated=True)
                    found.append(GrepMatch(path=f"/{artifact.filename}", line=number, text=line))
        except (CairnError, ValueError) as error:
            return GrepResult(error=str(error))
        return GrepResult(matches=found)

    def upload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """Stores files, each with an outcome of its own."""
        return [FileUploadResponse(path=path, error=self._upload(path, content)) for path, content in files]

    def _upload(self, path: str, content: bytes) -> str | None:
        try:
            self._scope.push(_name(path), content, key=FRESH)
        except (CairnError, ValueError) as error:
            return _code(error)
        return None

    def download_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        """Reads files, each with an outcome of its own."""
        return [self._download(path) for path in paths]

    def _download(self, path: str) -> FileDownloadResponse:
        try:
            return FileDownloadResponse(path=path, content=self._scope.read(_name(path)))
        except NotFound as error:
            folder = next(self._scope.list(f"{_name(path)}/"), None)
            return FileDownloadResponse(path=path, error="is_directory" if folder else _code(error))
        except (CairnError, ValueError) as error:
            return FileDownloadResponse(path=path, error=_code(error))

    def _below(self, name: str) -> Iterator[Artifact]:
        """The file of this name, and the files of the folder of this name."""
        return (it for it in self._scope.list(name) if not name or it.filename == name or it.filename.startswith(f"{name}/"))


def _name(path: str) -> str:
    return str(validate_path(path)).strip("/")


def _relative(artifact: Artifact, root: str) -> str:
    if artifact.filename == root:
        return root.rpartition("/")[2]
    return artifact.filename.removeprefix(f"{root}/") if root else artifact.filename


def _when(artifact: Artifact) -> str:
    return artifact.created_at.isoformat() if artifact.created_at else ""


def _info(artifact: Artifact) -> FileInfo:
    return FileInfo(path=f"/{artifact.filename}", is_dir=False, size=artifact.size, modified_at=_when(artifact))


def _data(artifact: Artifact, content: bytes) -> FileData:
    try:
        text, encoding = content.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(content).decode(), "base64"
    return FileData(content=text, encoding=encoding, created_at=_when(artifact), modified_at=_when(artifact))


def _text(content: bytes) -> str:
    """The text of a file; nothing of one that is none."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""


def _code(error: Exception) -> str:
    if isinstance(error, NotFound):
        return "file_not_found"
    if isinstance(error, (PermissionDenied, Refused)):
        return "permission_denied"
    if isinstance(error, Invalid) or not isinstance(error, CairnError):
        return "invalid_path"
    return str(error)
