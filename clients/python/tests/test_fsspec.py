"""The file system: fsspec's own tests, and the programs that use it."""

from __future__ import annotations

import pathlib
from typing import Any

import fsspec
import pytest
from fsspec.tests.abstract import (
    AbstractCopyTests,
    AbstractFixtures,
    AbstractGetTests,
    AbstractOpenTests,
    AbstractPipeTests,
    AbstractPutTests,
)

import cairn_store as cairn
from cairn_store.fsspec import CairnFileSystem

fsspec.register_implementation("cairn", CairnFileSystem, clobber=True)


class Fixtures(AbstractFixtures):  # type: ignore[misc]
    @pytest.fixture
    def fs(self) -> CairnFileSystem:
        return CairnFileSystem()

    @pytest.fixture
    def fs_path(self, session: str) -> str:
        return f"{session}/folder"

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


class TestCopy(AbstractCopyTests, Fixtures):  # type: ignore[misc]
    pass


class TestGet(AbstractGetTests, Fixtures):  # type: ignore[misc]
    pass


class TestPut(AbstractPutTests, Fixtures):  # type: ignore[misc]
    pass


class TestOpen(AbstractOpenTests, Fixtures):  # type: ignore[misc]
    pass


class TestPipe(AbstractPipeTests, Fixtures):  # type: ignore[misc]
    pass


def test_the_scheme_is_an_entry_point() -> None:
    project = (pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    entry = f'cairn = "{CairnFileSystem.__module__}:{CairnFileSystem.__name__}"'
    assert f'[project.entry-points."fsspec.specs"]\n{entry}\n' in project


def test_urls_name_versions_and_folders(files: cairn.Scope, session: str) -> None:
    fs = CairnFileSystem(agent="reader")
    with fsspec.open(f"cairn://{session}/a/b.txt", "w", agent="writer") as file:
        file.write("one")
    files.push("a/b.txt", "two")
    files.push("odd@3", "odd")
    assert files.get("a/b.txt", version=1).agent == "writer"
    with fsspec.open(f"cairn://{session}/a/b.txt@1") as file:
        assert file.read() == b"one"
    assert fs.ls(session, detail=False) == [f"{session}/a", f"{session}/odd@3@1"]
    assert fs.cat(fs.ls(session, detail=False)[1]) == b"odd"
    assert fs.find(session) == [f"{session}/a/b.txt", f"{session}/odd@3@1"]
    assert fs.glob(f"{session}/*/*.txt") == [f"{session}/a/b.txt"]
    assert fs.cat_file(f"{session}/a/b.txt", start=-2) == b"wo"
    assert session in fs.ls("", detail=False)
    assert fs.isdir(f"{session}/a")
    with pytest.raises(FileNotFoundError):
        fs.info(f"{session}/none")
    with pytest.raises(ValueError, match="version"):
        fs.pipe(f"{session}/a@1", b"x")
    fs.mv(f"{session}/a/b.txt", f"{session}/c.txt")
    assert not fs.exists(f"{session}/a")
    fs.rm(session, recursive=True)
    assert list(files.list(latest=False)) == []


def test_an_id_with_a_slash_is_percent_encoded(store: cairn.Client, session: str) -> None:
    fs = CairnFileSystem(client=store, namespace="app", user="ada")
    fs.pipe(f"app%2Fada%2F{session}/a", b"x")
    assert store.scope(f"app/ada/{session}", namespace="app", user="ada").read("a") == b"x"
    assert fs.find(f"app%2Fada%2F{session}") == [f"app%2Fada%2F{session}/a"]


def test_a_transaction_is_all_or_nothing(files: cairn.Scope, session: str) -> None:
    fs = CairnFileSystem()
    with fs.transaction:
        with fs.open(f"{session}/a", "wb") as file:
            file.write(b"1")
        fs.pipe(f"{session}/b", b"2")
        assert not fs.exists(f"{session}/a")
    assert fs.cat([f"{session}/a", f"{session}/b"]) == {f"{session}/a": b"1", f"{session}/b": b"2"}
    with pytest.raises(KeyError), fs.transaction:
        fs.pipe(f"{session}/c", b"3")
        raise KeyError
    assert not fs.exists(f"{session}/c")
    assert files.info().unpublished == 0
    with pytest.raises(KeyError), fs.open(f"{session}/d", "wb") as file:
        file.write(b"x")
        raise KeyError
    assert not fs.exists(f"{session}/d")


def test_two_clients_have_a_file_system_each(store: cairn.Client) -> None:
    # They have the same address, and may have different keys.
    with cairn.connect() as other:
        assert CairnFileSystem(client=store) is CairnFileSystem(client=store)
        assert CairnFileSystem(client=store) is not CairnFileSystem(client=other)


def test_a_transaction_that_fails_ends_all_the_same(store: cairn.Client, session: str) -> None:
    fs = CairnFileSystem()
    other = store.scope(f"{session}-other")
    other.push("a", "x")
    with pytest.raises(cairn.errors.Sealed), fs.transaction:
        fs.pipe(f"{session}/late", b"x")
        fs.pipe(f"{other.session}/b", b"x")
        store.scope(session).seal()
    # What was not published is thrown away, and what is written now stays.
    assert other.info().unpublished == 0
    fs.pipe(f"{other.session}/c", b"x")
    assert fs.cat(f"{other.session}/c") == b"x"
    with fs.transaction:
        fs.pipe(f"{other.session}/d", b"x")
    assert other.exists("d")
    assert not other.exists("b")


def test_pandas_pyarrow_and_duckdb_read_and_write(files: cairn.Scope, session: str) -> None:
    pandas: Any = pytest.importorskip("pandas", reason="the other end of the versions has fsspec alone")
    import duckdb  # noqa: PLC0415
    import pyarrow.dataset  # noqa: PLC0415
    import pyarrow.parquet  # noqa: PLC0415

    frame = pandas.DataFrame({"city": ["Ulm", "Köln"] * 5000, "sales": range(10_000)})
    frame.to_parquet(f"cairn://{session}/t/a.parquet")
    frame.to_csv(f"cairn://{session}/a.csv", index=False)
    assert pandas.read_parquet(f"cairn://{session}/t/a.parquet").equals(frame)
    assert pandas.read_csv(f"cairn://{session}/a.csv").equals(frame)
    files.push("t/b.parquet", frame)
    assert pandas.read_parquet(f"cairn://{session}/t/b.parquet").equals(frame)
    fs = CairnFileSystem()
    assert pyarrow.parquet.read_table(f"{session}/t/a.parquet", filesystem=fs).num_rows == 10_000
    dataset = pyarrow.dataset.dataset(f"{session}/t", filesystem=fs, format="parquet")
    assert dataset.count_rows() == 20_000
    with duckdb.connect() as db:
        db.register_filesystem(fs)
        query = f"select city, sum(sales) from read_parquet('cairn://{session}/t/*.parquet') group by city order by city"
        assert db.sql(query).fetchall()[0][0] == "Köln"
        db.sql(f"copy (select 42 as n) to 'cairn://{session}/out.parquet' (format parquet)")
        assert db.sql(f"select n from 'cairn://{session}/out.parquet'").fetchall() == [(42,)]
