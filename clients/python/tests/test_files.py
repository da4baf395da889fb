"""Writing and reading files."""

from __future__ import annotations

import io
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

import cairn_store as cairn

MIB = 1 << 20


def test_every_kind_of_content_is_stored_as_it_is(files: cairn.Scope, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "local.bin"
    path.write_bytes(b"from a path")
    contents = {
        "bytes": (b"b", b"b"),
        "bytearray": (bytearray(b"ba"), b"ba"),
        "view": (memoryview(b"view")[1:], b"iew"),
        "text": ("ünï", "ünï".encode()),
        "path": (path, b"from a path"),
        "file": (io.BytesIO(b"file"), b"file"),
        "text file": (io.StringIO("text file"), b"text file"),
        "iterator": (iter([b"one ", b"two"]), b"one two"),
        "empty": (b"", b""),
        "empty iterator": (iter([]), b""),
    }
    for name, (content, expected) in contents.items():
        artifact = files.push(name, content)
        assert (artifact.size, artifact.version) == (len(expected), 1)
        assert files.read(name) == expected
    made = files.push("dict.json", {"a": [1, "ü"]})
    assert made.content_type == "application/json"
    assert json.loads(files.read_text("dict.json")) == {"a": [1, "ü"]}
    assert files.push(path).filename == "local.bin"
    with pytest.raises(TypeError, match="int"):
        files.push("number", 7)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [MIB, MIB + 1, 9 * MIB + 3, 64 * MIB + 1])
def test_content_of_any_size_comes_back_the_same(files: cairn.Scope, tmp_path: pathlib.Path, size: int) -> None:
    content = os.urandom(MIB) * (size // MIB) + b"x" * (size % MIB)
    source = tmp_path / "source"
    source.write_bytes(content)
    seen: list[cairn.Progress] = []
    artifact = files.push("large.bin", source, progress=seen.append)
    assert artifact.size == size
    assert seen[-1].done == size or size <= MIB
    assert files.read("large.bin", offset=size - 5, size=5) == content[-5:]
    target = files.pull("large.bin", tmp_path)
    assert target == tmp_path / "large.bin"
    assert target.read_bytes() == content
    assert list(tmp_path.glob(".*.part")) == []


def test_large_content_from_iterator_and_file_is_streamed(files: cairn.Scope) -> None:
    pieces = [os.urandom(700_000) for _ in range(6)]
    files.push("iterator", iter(pieces))
    files.push("file", io.BytesIO(b"".join(pieces)))
    # A piece may be larger than a message.
    files.push("one piece", iter([b"x" * (9 * MIB)]))
    assert files.read("iterator") == files.read("file") == b"".join(pieces)
    assert files.get("one piece").size == 9 * MIB


def test_an_empty_key_is_refused(files: cairn.Scope) -> None:
    for content in ("x", iter([b"x" * (2 * MIB)])):
        with pytest.raises(cairn.errors.Invalid, match="FRESH"):
            files.push("a", content, key="")
    assert not files.exists("a")


def test_content_that_fails_stores_nothing_and_says_why(files: cairn.Scope) -> None:
    def failing() -> Iterator[bytes]:
        yield b"x" * (2 * MIB)
        raise KeyError("the producer")

    with pytest.raises(KeyError, match="the producer"):
        files.push("half", failing())
    assert not files.exists("half")


def test_writing_in_turn_makes_the_versions_that_were_meant(files: cairn.Scope) -> None:
    # Each key is derived, so that the same program started again would make none of these twice.
    assert [files.push("turns", text).version for text in ("a", "b", "a", "b", "b")] == [1, 2, 3, 4, 5]
    assert files.read("turns") == b"b"


def test_the_same_push_of_another_process_has_no_second_effect(files: cairn.Scope, session: str) -> None:
    first = files.push("once", "text", meta={"b": "2", "a": "1"})
    with cairn.connect() as restarted:
        again = restarted.scope(session, agent="writer")
        assert again.push("once", "text", meta={"a": "1", "b": "2"}).id == first.id
        assert again.push("once", "text", meta={"a": "1", "b": "2"}, key=cairn.FRESH).version == 2


def test_what_was_deleted_is_made_again_by_the_same_push(files: cairn.Scope, session: str) -> None:
    first = files.push("again", "text")
    files.delete("again")
    with cairn.connect() as restarted:
        second = restarted.scope(session, agent="writer").push("again", "text")
    assert second.id != first.id
    assert files.read("again") == b"text"


def test_open_writes_text_and_bytes_and_discards_on_error(files: cairn.Scope) -> None:
    with files.open("text", "w") as file:
        file.write("line\n" * 3)
        assert not files.exists("text")
    assert file.artifact.version == 1
    with files.open("large", "wb") as file:
        for _ in range(5):
            file.write(b"x" * MIB)
    assert files.get("large").size == 5 * MIB
    for size in (3, 5 * MIB):
        with pytest.raises(KeyError), files.open("failed", "wb") as file:
            file.write(b"x" * size)
            raise KeyError
        with pytest.raises(KeyError), files.open("failed", "w") as file:
            file.write("x" * size)
            raise KeyError
    files.open("dropped", "w").write("x")
    assert not files.exists("failed")
    assert not files.exists("dropped")
    with pytest.raises(FileExistsError):
        files.open("text", "x")
    with pytest.raises(FileExistsError), files.open("new", "x") as file:
        # Another writer is faster.
        files.push("new", "x")
    assert files.read("text") == b"line\n" * 3


def test_an_open_file_is_seekable_and_stays_at_its_version(files: cairn.Scope) -> None:
    content = os.urandom(3 * MIB)
    files.push("data", content)
    with files.open("data", "rb") as file:
        files.push("data", "other")
        assert file.read(10) == content[:10]
        assert file.seek(-10, io.SEEK_END) == 3 * MIB - 10
        assert file.read() == content[-10:]
        assert file.read() == b""
        file.seek(MIB)
        assert file.read(2 * MIB) == content[MIB:]
        file.seek(0)
        assert file.read() == content
    with files.open("data", version=2) as text:
        assert text.read() == "other"
    files.push("lines", "a\nb\nc")
    with files.open("lines") as text:
        assert list(text) == ["a\n", "b\n", "c"]
    with pytest.raises(ValueError, match="immutable"):
        files.open("data", "r+")


def test_lines_are_read_without_the_rest_of_the_file(files: cairn.Scope) -> None:
    files.push("lines", "".join(f"{n}\n" for n in range(200_000)) + "end")
    assert files.read_text("lines", lines=(3, 5)) == "3\n4\n"
    assert files.read_text("lines", lines=(199_999, 200_005)) == "199999\nend"
    assert files.read_text("lines", lines=(300_000, 300_001)) == ""


def test_lines_may_be_longer_than_a_message(files: cairn.Scope) -> None:
    long = "x" * (3 * MIB)
    files.push("long", f"a\n{long}\nb\r\nc")
    assert files.read_text("long", lines=(1, 2)) == f"{long}\n"
    assert files.read_text("long", lines=(2, 9)) == "b\r\nc"
    assert files.read_text("long", lines=(2, 2)) == ""


def test_edit_loses_no_change(files: cairn.Scope) -> None:
    files.edit("log", lambda old: old + b"0", create=True)
    for _ in range(3):
        interfered = False

        def change(old: bytes) -> bytes:
            nonlocal interfered
            if not interfered:
                interfered = True
                with cairn.connect() as other:
                    other.scope(files.session).edit("log", lambda old: old + b"x")
            return old + b"y"

        files.edit("log", change)
    assert files.read("log") == b"0xyxyxy"
    with pytest.raises(FileNotFoundError):
        files.edit("none", lambda old: old)


def test_versions_copies_moves_and_deletions(files: cairn.Scope, store: cairn.Client) -> None:
    for text in ("one", "two", "three"):
        files.push("a", text)
    assert [artifact.version for artifact in files.versions("a")] == [3, 2, 1]
    assert files.read("a", version=1) == b"one"
    copied = files.copy("a", "b", version=2)
    assert files.read("b") == b"two"
    assert copied.inputs == (files.get("a", version=2).id,)
    files.move("b", "c")
    assert not files.exists("b")
    for same in ("c", ""):
        with pytest.raises(cairn.errors.Invalid):
            files.move("c", same)
    assert files.exists("c")
    assert files.delete("a", version=3).count == 1
    assert files.read("a") == b"two"
    latest = files.get("a")
    assert files.delete("a").count == 2
    assert store.restore(latest) == 1
    assert files.read("a") == b"two"
    with pytest.raises(cairn.errors.Invalid):
        files.read("a", version=0)


def test_update_changes_the_record_and_leaves_other_pairs(files: cairn.Scope) -> None:
    files.push("a", "x", meta={"keep": "1", "drop": "2", "dc:title": "t"}, ttl=3600)
    artifact = files.update("a", meta={"drop": None, "new": "3"}, stage="final", labels=["l"], title="T", ttl=cairn.LONGEST)
    assert artifact.meta == {"keep": "1", "new": "3", "dc:title": "t"}
    assert (artifact.stage, artifact.labels, artifact.title) == ("final", ("l",), "T")


def test_a_pulled_program_stays_one_and_a_name_stays_below(files: cairn.Scope, tmp_path: pathlib.Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    files.push("bin/program", program)
    files.push("bin/.hidden", program)
    target = tmp_path / "out"
    assert files.pull_all(target) == [target / "bin/.hidden", target / "bin/program"]
    assert os.access(target / "bin/program", os.X_OK)
    assert not os.access(target / "bin/.hidden", os.X_OK)


def test_a_pull_leaves_the_umask_alone(files: cairn.Scope, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "报" * 85
    files.push(name, "x")
    mask = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            # It is the whole process's: another thread would make files with it.
            patch.delattr(os, "umask")
            pulled = files.pull(name, tmp_path)
    finally:
        os.umask(mask)
    assert pulled.stat().st_mode & 0o777 == 0o640


def test_a_record_in_hand_is_not_asked_for_again(
    files: cairn.Scope, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact, empty = files.push("a", "x"), files.push("empty", "")
    asked: list[str] = []
    unary = files._calls.unary

    def counted(method: Any, *more: Any) -> Any:
        asked.append(method.name)
        return unary(method, *more)

    monkeypatch.setattr(files._calls, "unary", counted)
    files.pull(artifact, tmp_path)
    with files.open(artifact, "rb") as file:
        assert file.read() == b"x"
    assert asked == []
    files.delete("empty")
    with pytest.raises(FileNotFoundError):
        files.read(empty)
        files.pull(empty, tmp_path)
    files.update("a", title="new")
    assert files.fetch(artifact)[0].title == "new"


def test_a_file_that_changes_while_it_is_sent_is_an_error(files: cairn.Scope, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"x" * (3 * MIB))

    def grow(progress: cairn.Progress) -> None:
        if progress.phase == "send" and progress.done == 3 * MIB:
            with path.open("ab") as file:
                file.write(b"y")

    with pytest.raises(cairn.errors.ContentChanged):
        files.push("growing", path, progress=grow)
    assert not files.exists("growing")
