"""What needs no store: vectors, configuration, errors, retries, the table of calls."""

from __future__ import annotations

import json
import pathlib
import pickle
import signal
import threading
from collections.abc import Iterable
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf import duration_pb2, json_format
from google.protobuf.any_pb2 import Any as Packed
from google.rpc import error_details_pb2, status_pb2

import cairn_store as cairn
from cairn_store import _config, _content, _keys, _manifest, _methods, _retry, errors, filters, names
from cairn_store._proto import (
    artifact_service_pb2,
    identity_service_pb2,
    job_service_pb2,
    link_service_pb2,
    session_service_pb2,
    todo_service_pb2,
    upload_service_pb2,
)
from cairn_store._proto.artifact_pb2 import ArtifactSpec
from cairn_store._sync import io, many, upload

VECTORS: dict[str, Any] = json.loads((pathlib.Path(__file__).parents[3] / "tests/vectors/clients.json").read_text(encoding="utf-8"))


def spec_of(vector: dict[str, Any]) -> ArtifactSpec:
    fields = dict(vector)
    milliseconds = fields.pop("ttl_milliseconds", None)
    spec = json_format.ParseDict(fields, ArtifactSpec())
    if milliseconds is not None:
        duration = duration_pb2.Duration(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)
        spec.ttl.CopyFrom(duration)
    return spec


def test_the_same_write_has_the_same_key_in_every_language() -> None:
    keys = VECTORS["keys"]
    for case in keys["uploads"]:
        assert _keys.for_upload(spec_of(case["spec"]), case["gone"]) == case["key"], case["name"]
    for case in keys["after_upload"]:
        assert _keys.after_upload(case["key"], case["upload_id"]) == case["next"]
    for case in keys["links"]:
        assert _keys.for_link(case["upload_key"], case["artifact_id"]) == case["key"]
    for case in keys["commits"]:
        assert _keys.for_commit(case["session_id"], case["artifact_ids"], case["seal"]) == case["key"]
    first = keys["uploads"][0]["key"]
    assert len({_keys.repeated(first, n) for n in range(3)} | {_keys.fresh(), _keys.fresh()}) == 5
    assert _keys.repeated(first, 0) == first


def test_the_same_manifest_has_the_same_digest_in_every_language() -> None:
    for case in VECTORS["manifests"]:
        entries = (tuple(entry.values()) for entry in case["entries"])
        assert _manifest.digest(entries) == case["digest"]


def test_filters_quote_any_text() -> None:
    for case in VECTORS["quoting"]:
        assert filters.quote(case["text"]) == case["quoted"]
        assert filters.filename.startswith(case["text"]).expression == f"filename:{case['prefix']}"


def test_filenames_have_the_rules_of_the_store() -> None:
    for name in VECTORS["filenames"]["good"]:
        assert names.problem(name) is None, name
        assert names.below(pathlib.Path("/x"), name).is_relative_to("/x")
    for name in VECTORS["filenames"]["refused"]:
        assert names.problem(name), name
        with pytest.raises(errors.Invalid):
            names.below(pathlib.Path("/x"), name)


def test_content_of_a_size_is_sent_alike_in_every_language() -> None:
    assert VECTORS["transfers"]["piece_bytes"] == _content.PIECE
    for case in VECTORS["transfers"]["cases"]:
        size = case["size"]
        assert _content.call_for(size) == case["call"]
        if case["call"] != "CreateArtifact":
            assert len(list(_content.Memory(memoryview(bytes(size))).chunks())) == case["pieces"]


def test_the_table_of_calls_is_that_of_the_specification() -> None:
    files = (
        artifact_service_pb2,
        identity_service_pb2,
        job_service_pb2,
        link_service_pb2,
        session_service_pb2,
        todo_service_pb2,
        upload_service_pb2,
    )
    services = {service.name: service for file in files for service in file.DESCRIPTOR.services_by_name.values()}
    methods = [it for it in vars(_methods).values() if isinstance(it, _methods.Method)]
    assert len(methods) > 25
    for method in methods:
        said = services[method.service].methods_by_name[method.name]
        assert method.path == f"/{services[method.service].full_name}/{said.name}"
        assert (said.input_type, said.output_type) == (method.request.DESCRIPTOR, method.answer.DESCRIPTOR)
        assert (method.streams_request, method.streams_answer) == (said.client_streaming, said.server_streaming)


def load(**variables: str) -> _config.Config:
    return _config.load(variable=variables.get)


def test_the_environment_is_read_as_the_command_reads_it(tmp_path: pathlib.Path) -> None:
    assert load(CAIRN_API_KEY="k").address == "http://127.0.0.1:7070"
    for text, address in (
        ("cairn:1", "http://cairn:1"),
        ("http://cairn:7070/", "http://cairn:7070"),
        ("https://cairn.example.com", "https://cairn.example.com:443"),
        ("[::1]:7070", "http://[::1]:7070"),
    ):
        assert load(CAIRN_API_KEY="k", CAIRN_ADDR=text).address == address
    key = tmp_path / "key"
    key.write_text("secret\n")
    config = load(CAIRN_API_KEY_FILE=str(key), TRACEPARENT="00-x")
    assert config.metadata() == [("authorization", "Bearer secret"), ("traceparent", "00-x")]
    key.write_text("replaced")
    assert config.metadata()[0] == ("authorization", "Bearer replaced")
    for variables, word in (
        ({}, "dev.env"),
        ({"CAIRN_API_KEY": "k", "CAIRN_API_KEY_FILE": "f"}, "CAIRN_API_KEY_FILE"),
        ({"CAIRN_API_KEY": "k", "CAIRN_ADDR": "ftp://x"}, "CAIRN_ADDR"),
        ({"CAIRN_API_KEY": "k", "CAIRN_ADDR": "host:1/path"}, "CAIRN_ADDR"),
        ({"CAIRN_API_KEY": "k", "CAIRN_ADDR": "http://[::1"}, "CAIRN_ADDR"),
        ({"CAIRN_API_KEY": "k", "CAIRN_ADDR": "host:port"}, "CAIRN_ADDR"),
        ({"CAIRN_API_KEY": "k", "CAIRN_ADDR": "http://user:word@host:1"}, "CAIRN_ADDR"),
        ({"CAIRN_API_KEY": "k", "CAIRN_ADDR": "http://host:1?tls=true"}, "CAIRN_ADDR"),
        ({"CAIRN_API_KEY": "k", "CAIRN_ADDR": "http://host:1#a"}, "CAIRN_ADDR"),
        ({"CAIRN_API_KEY": "k", "CAIRN_CA_FILE": "f"}, "https"),
        ({"CAIRN_API_KEY": "k", "CAIRN_ADDR": "https://x", "CAIRN_CLIENT_CERT_FILE": "f"}, "CAIRN_CLIENT_KEY_FILE"),
    ):
        with pytest.raises(errors.ConfigurationError, match=word):
            load(**variables)


def refusal(code: grpc.StatusCode, reason: str, domain: str = "cairn.dev", retry: float | None = None) -> errors.CairnError:
    status = status_pb2.Status()
    info = error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata={"current_version": "3", "agent_id": "ada"})
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="spec.filename", description="is required")
    for detail in (info, bad):
        packed = Packed()
        packed.Pack(detail)
        status.details.append(packed)
    if retry is not None:
        packed = Packed()
        packed.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=int(retry))))
        status.details.append(packed)
    return errors.of_rpc(code, "words", [("grpc-status-details-bin", status.SerializeToString())], "http://x")


def test_an_error_is_also_the_one_that_python_has() -> None:
    code = grpc.StatusCode
    for status, reason, kind, builtin in (
        (code.NOT_FOUND, "ARTIFACT_NOT_FOUND", errors.NotFound, FileNotFoundError),
        (code.NOT_FOUND, "ARTIFACT_DELETED", errors.Deleted, FileNotFoundError),
        (code.FAILED_PRECONDITION, "SESSION_SEALED", errors.Sealed, PermissionError),
        (code.FAILED_PRECONDITION, "A_NEWER_ONE", errors.Refused, PermissionError),
        (code.PERMISSION_DENIED, "PERMISSION_DENIED", errors.PermissionDenied, PermissionError),
        (code.UNAUTHENTICATED, "UNAUTHENTICATED", errors.Unauthenticated, PermissionError),
        (code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", errors.QuotaExceeded, OSError),
        (code.UNAVAILABLE, "UNAVAILABLE", errors.Unavailable, ConnectionError),
        (code.INVALID_ARGUMENT, "INVALID_ARGUMENT", errors.Invalid, ValueError),
        (code.ABORTED, "VERSION_CONFLICT", errors.VersionConflict, errors.CairnError),
        (code.DATA_LOSS, "DATA_CORRUPTED", errors.Corrupted, OSError),
    ):
        error = refusal(status, reason)
        assert isinstance(error, kind)
        assert isinstance(error, builtin)
        assert (str(error), error.reason, error.fields) == ("words", reason, {"spec.filename": "is required"})
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.reason, again.details) == (type(error), reason, error.details)
    conflict = refusal(code.ABORTED, "VERSION_CONFLICT")
    assert isinstance(conflict, errors.VersionConflict)
    assert (conflict.current, conflict.by) == (3, "ada")
    assert not refusal(code.NOT_FOUND, "ARTIFACT_NOT_FOUND", "example.com").reason


def test_only_calls_that_may_succeed_are_repeated() -> None:
    code = grpc.StatusCode
    now = [0.0]
    retries = _retry.Retries(lambda: now[0])
    lost = refusal(code.UNAVAILABLE, "", "elsewhere")
    assert [retries.pause(lost) for _ in _retry.PAUSES] == list(_retry.PAUSES)
    with pytest.raises(errors.Unavailable):
        retries.pause(lost)
    assert _retry.Retries().pause(refusal(code.RESOURCE_EXHAUSTED, "RATE_LIMITED", retry=7)) == 7
    assert _retry.Retries().pause(refusal(code.UNAVAILABLE, "UNAVAILABLE", retry=3600)) == _retry.PATIENCE
    for reason in ("VERSION_CONFLICT", "QUOTA_EXCEEDED", "SESSION_SEALED", "INTERNAL", "LAST_WRITER"):
        with pytest.raises(errors.CairnError):
            _retry.Retries().pause(refusal(code.ABORTED, reason, retry=1))
    waiting = _retry.Retries(lambda: now[0])
    under_way = refusal(code.ABORTED, "IDEMPOTENCY_IN_PROGRESS", retry=9)
    assert waiting.pause(under_way) == 9
    now[0] = 85
    assert waiting.pause(under_way) == 5
    now[0] = 90
    with pytest.raises(errors.CairnError):
        waiting.pause(under_way)


def test_tables_write_themselves_in_the_format_of_the_name() -> None:
    class Table:
        def to_parquet(self) -> bytes:
            return b"parquet"

        def to_csv(self, to: Any, index: bool) -> None:
            to.write(f"csv {index}".encode())

    for name, expected in (("a.parquet", b"parquet"), ("a.csv", b"csv False")):
        opened = _content.open_content(Table(), name)
        assert isinstance(opened.how, _content.Memory)
        assert bytes(opened.how.content) == expected
    with pytest.raises(TypeError, match="parquet"):
        _content.open_content(Table(), "a.txt")


def test_an_empty_file_is_small_and_one_of_proc_has_content(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    empty = _content.open_content(path, "empty").how
    assert isinstance(empty, _content.Memory)
    assert empty.size == 0
    status = _content.open_content(pathlib.Path("/proc/self/status"), "status").how
    assert isinstance(status, _content.Once)
    assert isinstance(status.pieces, Iterable)
    assert b"Name:" in b"".join(status.pieces)


class Refusing:
    """Calls to a store that makes the first item of a batch, is busy with the second, and refuses that one alone."""

    def unary(self, method: Any, request: Any) -> Any:
        if method is _methods.CREATE:
            raise errors.Invalid("refused")
        first, second = artifact_service_pb2.ArtifactOutcome(), artifact_service_pb2.ArtifactOutcome()
        spec = request.requests[0].spec
        first.artifact.content_hash, first.artifact.size_bytes = spec.content_hash, spec.size_bytes
        second.error.reason = "UNAVAILABLE"
        return artifact_service_pb2.BatchCreateArtifactsResponse(outcomes=[first, second])


def test_an_item_that_fails_in_the_end_does_not_count_as_made() -> None:
    calls: Any = Refusing()
    uploads = upload.Uploads(calls)
    items = [(ArtifactSpec(filename=name), b"x") for name in ("a", "b")]
    with pytest.raises(errors.Invalid):
        many.push(calls, uploads, [*items])
    # So the same call again repeats the first item, and does not make another version.
    assert set(uploads.repeats._begun.values()) == {0}


def test_an_interrupt_stops_calls_that_are_not_begun() -> None:
    begun, seen, made = threading.Barrier(2), threading.Event(), []

    def handle(*_: object) -> None:
        seen.set()
        raise KeyboardInterrupt

    def call(number: int) -> None:
        if number < 2:
            # Both workers run, so the main thread waits for them.
            begun.wait()
        if number == 0:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        seen.wait()
        made.append(number)

    before = signal.signal(signal.SIGINT, handle)
    try:
        with pytest.raises(KeyboardInterrupt):
            io.run_parallel((partial(call, number) for number in range(1_000_000)), 2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(made) < 1_000_000


def test_the_public_names_are_there() -> None:
    assert all(hasattr(cairn, name) for name in cairn.__all__)
