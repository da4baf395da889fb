"""The backend of deepagents."""

from __future__ import annotations

import asyncio
import inspect

import pytest

import cairn_store as cairn

pytest.importorskip("deepagents", reason="it is in the environment of the adapters")

from deepagents.backends.protocol import BackendProtocol

from cairn_store.deepagents import CairnBackend


@pytest.fixture
def backend(files: cairn.Scope) -> CairnBackend:
    return CairnBackend(files)


def test_an_agent_reads_writes_and_edits_text(backend: CairnBackend, files: cairn.Scope) -> None:
    assert backend.write("/notes/a.md", "one\ntwo\nthree\n").path == "/notes/a.md"
    window = backend.read("/notes/a.md", offset=1, limit=1)
    assert window.file_data is not None
    assert (window.file_data["content"].strip(), window.start_line, window.total_lines) == ("two", 2, 3)
    assert backend.edit("/notes/a.md", "two", "2").occurrences == 1
    assert "appears 3 times" in (backend.edit("/notes/a.md", "e", "x").error or "")
    assert backend.edit("/notes/a.md", "e", "x", replace_all=True).occurrences == 3
    assert backend.edit("/none", "a", "b").error
    assert files.read("notes/a.md") == b"onx\n2\nthrxx\n"
    assert files.read("notes/a.md", version=1) == b"one\ntwo\nthree\n"
    assert backend.read("/none").error
    assert backend.read("/../etc/passwd").error
    files.seal()
    assert "sealed" in (backend.write("/late", "x").error or "")


def test_an_agent_finds_files_and_text(backend: CairnBackend) -> None:
    backend.upload_files([("/a.py", b"x = 1  # TODO\n"), ("/src/b.py", b"TODO\nTODO\n"), ("/src/c.bin", b"\xff\x00TODO")])
    listed = backend.ls("/").entries or []
    assert [(it["path"], it.get("is_dir")) for it in listed] == [("/src/", True), ("/a.py", False)]
    assert [it["path"] for it in backend.ls("/src").entries or []] == ["/src/b.py", "/src/c.bin"]
    assert {it["path"] for it in backend.glob("*.py").matches or []} == {"/a.py", "/src/b.py"}
    assert [it["path"] for it in backend.glob("*.py", "/src").matches or []] == ["/src/b.py"]
    assert [it["path"] for it in backend.glob("/*.py").matches or []] == ["/a.py"]
    found = backend.grep("TODO").matches or []
    assert [(it["path"], it["line"]) for it in found] == [("/a.py", 1), ("/src/b.py", 1), ("/src/b.py", 2)]
    assert len(backend.grep("TODO", "/src", "*.py").matches or []) == 2
    capped = backend.grep("TODO", max_count=2)
    assert (len(capped.matches or []), capped.truncated) == (2, True)
    assert not backend.grep("TODO", max_count=3).truncated


def test_files_come_and_go_as_bytes(backend: CairnBackend, files: cairn.Scope) -> None:
    outcomes = backend.upload_files([("/img/a.png", b"\x89PNG"), ("/img/../../b", b"x")])
    assert [it.error for it in outcomes] == [None, "invalid_path"]
    downloads = backend.download_files(["/img/a.png", "/img", "/none", "~/x"])
    assert [it.error for it in downloads] == [None, "is_directory", "file_not_found", "invalid_path"]
    assert downloads[0].content == b"\x89PNG"
    read = backend.read("/img/a.png").file_data
    assert read is not None
    assert read["encoding"] == "base64"
    assert asyncio.run(backend.aread("/img/a.png")).file_data == read
    backend.write("/img/b", "x")
    backend.write("/image", "x")
    assert backend.delete("/img").path == "/img"
    assert [it.filename for it in files.list(latest=False)] == ["image"]
    assert backend.delete("/img").error


def test_every_method_of_the_installed_interface_is_there() -> None:
    for name in ("ls", "read", "write", "edit", "delete", "glob", "grep", "upload_files", "download_files"):
        theirs = inspect.signature(getattr(BackendProtocol, name)).parameters
        assert inspect.signature(getattr(CairnBackend, name)).parameters.keys() == theirs.keys()
        assert name in vars(CairnBackend)
