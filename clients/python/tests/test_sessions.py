"""Lists, publications, seals, watches, links, runs."""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile

import pytest

import cairn_store as cairn
from cairn_store import filters as f


def names(artifacts: object) -> list[str]:
    return [artifact.filename for artifact in artifacts]  # type: ignore[attr-defined]


def test_a_scope_lists_its_own_files_alone(store: cairn.Client, session: str) -> None:
    run = store.scope(session)
    run.push_many({"a/1": "x", "a/2": "x", "a/b/3": "x", "c": "x"})
    run.push("c", "y")
    store.scope(session, user="ada").push("other", "x")
    store.scope(session, namespace="app").push("other", "x")
    assert names(run.list()) == ["a/1", "a/2", "a/b/3", "c"]
    assert names(run.list("a/")) == ["a/1", "a/2", "a/b/3"]
    assert names(run.list(glob="**/3")) == ["a/b/3"]
    assert names(run.list("c", latest=False)) == ["c", "c"]
    assert [it if isinstance(it, str) else it.filename for it in run.ls()] == ["a/", "c"]
    assert [it if isinstance(it, str) else it.filename for it in run.ls("a")] == ["a/b/", "a/1", "a/2"]
    assert len(list(store.find(f.session == session, latest=True))) == 6
    assert len(list(store.find(f.session == session, limit=2))) == 2
    assert session in [it.id for it in store.sessions(prefix=session)]


def test_find_matches_exactly_the_text_that_is_meant(files: cairn.Scope) -> None:
    odd = ["a*", "ab", 'q"uote', "it's", "a b", "(x)", "ünï", "a.b"]
    files.push_many(dict.fromkeys(odd, "x"), meta={"topic": "sales", "dc:title": 'a "b" *'}, labels=["l 1"])
    for name in odd:
        assert names(files.find(f.filename == name)) == [name]
    assert sorted(names(files.find(f.filename.startswith("a")))) == ["a b", "a*", "a.b", "ab"]
    assert names(files.find(f.filename.startswith("a*"))) == ["a*"]
    assert names(files.find(f.filename.glob("a?"), f.filename != "ab")) == ["a*"]
    both = (f.meta.topic == "sales") & (f.meta["dc:title"] == 'a "b" *') & f.labels.has("l 1")
    assert len(names(files.find(both))) == len(odd)
    assert names(files.find(~both)) == []
    either = (f.filename == "ab") | (f.filename == "a b")
    assert sorted(names(files.find(either, f.size_bytes >= 1, f.stage == "draft", f.version == 1))) == ["a b", "ab"]
    assert sorted(names(files.find(f.meta.topic.exists(), 'filename = "ab" OR filename = "a*"'))) == ["a*", "ab"]
    with pytest.raises(TypeError):
        bool(f.stage == "final")
    with pytest.raises(cairn.errors.Invalid, match="position"):
        list(files.find("nonsense = 1"))


def test_a_publication_is_all_or_nothing(files: cairn.Scope) -> None:
    with files.publish() as publication:
        publication.push("a", "1")
        publication.push_many({"b": "2", "c": "3"})
        with publication.open("d", "w") as file:
            file.write("4")
        assert names(files.list()) == []
    assert publication.versions_of == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert names(files.list()) == ["a", "b", "c", "d"]
    with pytest.raises(KeyError), files.publish() as publication:
        publication.push("a", "other")
        raise KeyError
    assert files.info().unpublished == 0
    with files.publish(seal=True) as publication:
        publication.push("a", "1")
    assert publication.result is not None
    assert publication.result.sealed
    with pytest.raises(cairn.errors.Sealed), files.publish() as publication:
        publication.push("late", "x")


def test_a_seal_refuses_writes_and_can_be_verified(files: cairn.Scope) -> None:
    files.push_many({f"{n}": "x" for n in range(250)})
    with pytest.raises(cairn.errors.Refused) as open_session:
        files.verify()
    assert open_session.value.reason == "SESSION_NOT_SEALED"
    assert files.seal().sealed
    manifest = files.verify()
    assert manifest
    assert manifest.entries == 250
    with pytest.raises(PermissionError) as refused:
        files.push("late", "x")
    assert isinstance(refused.value, cairn.errors.Sealed)
    assert refused.value.reason == "SESSION_SEALED"
    assert refused.value.details["session_id"] == files.session


def test_a_watch_ends_with_the_seal_and_goes_on_from_a_position(files: cairn.Scope) -> None:
    files.push("a", "x")
    files.update("a", stage="review")
    files.seal()
    events = list(files.watch(until_sealed=True))
    assert [event.type for event in events] == ["created", "staged", "sealed"]
    assert events[1].to_stage == "review"
    assert [event.type for event in files.watch(after=events[1].position, until_sealed=True)] == ["sealed"]


def test_a_link_opens_until_it_is_revoked(store: cairn.Client, files: cairn.Scope) -> None:
    files.push("page.txt", "hello")
    link = files.link("page.txt", expires=60)
    with urllib.request.urlopen(link.url) as page:
        assert page.read() == b"hello"
    store.revoke(link)
    with pytest.raises(OSError, match="410"):
        urllib.request.urlopen(link.url)


def test_a_session_is_linked_with_its_folders(files: cairn.Scope) -> None:
    files.push("out/page.txt", "hello")
    files.push("other.txt", "other")
    link = files.link_session("out", max_downloads=1)
    assert (link.session, link.folder, link.artifact_id) == (files.session, "out/", "")
    with urllib.request.urlopen(link.url) as listed:
        found = json.load(listed)["files"]
    assert [file["filename"] for file in found] == ["out/page.txt"]
    with urllib.request.urlopen(f"{link.url}?download") as archive, zipfile.ZipFile(io.BytesIO(archive.read())) as all:
        assert all.read("page.txt") == b"hello"
        assert all.namelist() == ["page.txt"]


def test_a_run_is_a_context_and_a_decorator(store: cairn.Client, session: str) -> None:
    with cairn.run(session, agent="writer", seal=True) as run:
        assert cairn.current() is run
        run.push("a", "x")
    assert run.info().sealed
    with pytest.raises(RuntimeError, match="no run"):
        cairn.current()

    @cairn.run(name=session, client=store)
    def job(fail: bool) -> str:
        cairn.current().push("b", "x")
        if fail:
            raise KeyError
        return cairn.current().session

    first, second = job(False), job(False)
    assert first != second
    assert first.startswith(session)
    with pytest.raises(KeyError):
        job(True)
    failed = [it.id for it in store.sessions(prefix=f"{session}-", labels=["failed"])]
    assert len(failed) == 1
    assert not {first, second} & set(failed)


def test_a_run_keeps_the_labels_of_its_session(store: cairn.Client, session: str) -> None:
    run = store.scope(session)
    run.label("nightly", "q3")
    with pytest.raises(KeyError), cairn.run(session, client=store):
        raise KeyError
    assert run.info().labels == ("failed", "nightly", "q3")
    with cairn.run(session, client=store, seal=True):
        pass
    assert run.info().labels == ("nightly", "q3")


def test_a_run_ends_with_its_own_error(monkeypatch: pytest.MonkeyPatch, session: str) -> None:
    monkeypatch.setattr("cairn_store._retry.PAUSES", ())
    store = cairn.connect("http://127.0.0.1:1")
    with pytest.raises(KeyError), cairn.run(session, client=store):
        raise KeyError


def test_a_publication_moves_nothing(files: cairn.Scope) -> None:
    files.push("a", "x")
    with pytest.raises(TypeError, match="moves nothing"), files.publish() as publication:
        publication.move("a", "b")
    assert files.exists("a")


def test_a_discard_gives_up_a_store_that_is_lost(monkeypatch: pytest.MonkeyPatch, files: cairn.Scope) -> None:
    monkeypatch.setattr("cairn_store._retry.PAUSES", ())
    publication = cairn.connect("http://127.0.0.1:1").scope(files.session).publish()
    publication._made = [f"art_{n}" for n in range(100)]
    asked: list[object] = []
    unary = publication._calls.unary

    def counted(*call: object) -> object:
        asked.append(call)
        return unary(*call)  # type: ignore[arg-type]

    monkeypatch.setattr(publication._calls, "unary", counted)
    publication.discard()
    assert 1 <= len(asked) <= 4
    assert publication._made == []


def test_many_small_files_are_written_and_read_in_few_calls(files: cairn.Scope) -> None:
    contents = {f"many/{n:04}": f"content {n}".encode() for n in range(500)} | {"large": b"x" * (2 << 20)}
    made = files.push_many(contents, meta={"k": "v"})
    assert [artifact.filename for artifact in made] == list(contents)
    assert {artifact.filename: content for artifact, content in files.read_many(made)} == contents
    # The same again in the same program is meant.
    assert files.push_many({"many/0000": b"content 0"}, meta={"k": "v"})[0].version == 2
    with pytest.raises(cairn.errors.Invalid):
        files.push_many({"good": "x", "../bad": "x"})


def test_what_is_shown_in_notebooks_is_escaped(files: cairn.Scope) -> None:
    artifact = files.push("<script>", "x")
    for shown in (artifact._repr_html_(), files._repr_html_()):
        assert "&lt;script&gt;" in shown
        assert "<script>" not in shown


def test_steps_of_a_final_plan_are_todos(files: cairn.Scope) -> None:
    steps = "# Repair\n- [x] Measure\n- Order a spare\n- Mount it\n"
    plan = files.push("plan.md", steps, kind="plan", labels=["pump"])
    assert list(files.todos()) == []
    files.update("plan.md", stage="final")
    found = list(files.todos(plan=plan))
    assert [(it.text, it.state, it.plan_filename, it.plan_version) for it in found] == [
        ("Measure", "done", "plan.md", 1),
        ("Order a spare", "open", "plan.md", 1),
        ("Mount it", "open", "plan.md", 1),
    ]
    assert files.update_todo(found[1], state="doing").state == "doing"
    assert files.update_todo(found[2].id, text="Mount it tightly").text == "Mount it tightly"
    added = files.add_todo("Write the report", state="done")
    assert (added.plan_id, added.session) == ("", files.session)
    assert files.add_todo("Test it", plan=plan.id).plan_filename == "plan.md"
    assert [it.text for it in files.todos(state="open", label="pump")] == ["Mount it tightly", "Test it"]
    assert next(it.text for it in files.todos()) == "Write the report"
    with pytest.raises(cairn.errors.NotFound):
        files.update_todo("todo_0000000000000000", state="done")
    with pytest.raises(cairn.errors.Invalid, match="state must be one of"):
        files.add_todo("x", state="later")  # type: ignore[arg-type]
