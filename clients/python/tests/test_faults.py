"""Lost connections, other processes, threads."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import grpc
import pytest
from conftest import Proxy

import cairn_store as cairn
from cairn_store import aio

MIB = 1 << 20


@pytest.fixture
def cut(proxy: Proxy, session: str) -> cairn.Scope:
    return cairn.connect(proxy.address).scope(session, agent="writer")


def test_an_upload_in_one_stream_is_sent_again(cut: cairn.Scope, proxy: Proxy) -> None:
    content = os.urandom(5 * MIB)
    proxy.cut_upload_after(2 * MIB)
    assert cut.push("a", content).version == 1
    assert proxy.cuts == 1
    assert cut.read("a") == content


def test_a_large_upload_goes_on_where_it_was(cut: cairn.Scope, proxy: Proxy) -> None:
    content = os.urandom(MIB) * 70
    proxy.cut_upload_after(40 * MIB)
    sent: list[int] = []
    cut.push("a", content, progress=lambda it: sent.append(it.done) if it.phase == "send" else None)
    assert proxy.cuts == 1
    # It did not begin again from the start: at most the three parts that were under way were sent twice.
    assert len(sent) * (256 << 10) < (70 + 30) * MIB
    assert cut.get("a").size == len(content)


def test_a_download_goes_on_where_it_was(cut: cairn.Scope, proxy: Proxy, tmp_path: pathlib.Path) -> None:
    content = os.urandom(MIB) * 20
    cut.push("a", content)
    proxy.cut_download_after(7 * MIB)
    assert cut.read("a") == content
    proxy.cut_download_after(7 * MIB)
    assert cut.pull("a", tmp_path).read_bytes() == content
    assert proxy.cuts == 2


def test_a_write_whose_answer_is_lost_has_one_effect(cut: cairn.Scope, proxy: Proxy) -> None:
    cut.exists("a")
    for n, key in enumerate((None, cairn.FRESH, f"key of {cut.session}")):
        # The request passes, and the answer does not.
        cut.exists("a")
        proxy.cut_download_after(0)
        assert cut.push("a", "x", key=key).version == n + 1
    assert proxy.cuts == 3
    assert len(list(cut.versions("a"))) == 3


def test_a_watch_makes_its_connection_again(cut: cairn.Scope, proxy: Proxy) -> None:
    cut.push("a", "x")
    events = cut.watch(until_sealed=True)
    assert next(events).type == "created"
    proxy.cut_download_after(0)
    seen = []

    def read() -> None:
        seen.extend(event.type for event in events)

    reader = threading.Thread(target=read)
    reader.start()
    with cairn.connect() as other:
        run = other.scope(cut.session)
        run.push("b", "x")
        run.seal()
    reader.join(60)
    assert seen == ["created", "sealed"]


def test_a_push_goes_on_after_the_death_of_its_process(files: cairn.Scope, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(MIB) * 100)
    program = f"""
import os, signal, cairn_store
def seen(it):
    if it.phase == "send" and it.done > {60 * MIB}:
        os.kill(os.getpid(), signal.SIGKILL)
from pathlib import Path
cairn_store.connect().scope({files.session!r}, agent="writer").push("large", Path({str(path)!r}), progress=seen)
"""
    died = subprocess.run([sys.executable, "-c", program], check=False)
    assert died.returncode == -signal.SIGKILL
    sent: list[int] = []
    files.push("large", path, progress=lambda it: sent.append(it.done) if it.phase == "send" else None)
    assert sent[0] > 8 * MIB
    assert files.get("large").version == 1


def _pushed(files: cairn.Scope) -> int:
    return files.push("child", str(os.getpid())).version


def test_a_connection_is_used_before_and_after_a_fork(files: cairn.Scope) -> None:
    files.push("parent", "before")
    pid = os.fork()
    if pid == 0:
        # The parent's connection is open in the child, and its threads are not there.
        ok = files.read("parent") == b"before" and files.push("child", "x").version == 1
        os._exit(0 if ok else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert files.read("child") == b"x"
    assert files.push("parent", "after").version == 2


def test_a_client_can_be_sent_to_another_process(store: cairn.Client, session: str) -> None:
    copy = pickle.loads(pickle.dumps(store))
    assert copy.whoami() == store.whoami()
    assert os.environ["CAIRN_API_KEY"] not in repr(store) + repr(store.config)
    with pytest.raises(TypeError, match="publication"):
        pickle.dumps(store.scope(session).publish())
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_pushed, (store.scope(session),)) == 1


def test_threads_share_a_client(files: cairn.Scope) -> None:
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda n: files.push("shared", f"{n}").version, range(40)))
    assert sorted(versions) == list(range(1, 41))


def test_a_store_that_is_not_there_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cairn_store._retry.PAUSES", ())
    with pytest.raises(ConnectionError, match="cairn dev") as lost:
        cairn.connect("http://127.0.0.1:1").whoami()
    assert isinstance(lost.value, cairn.errors.Unavailable)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that answers pings, and sends nothing."""
    over = threading.Event()

    def wait(request: bytes, context: Any) -> Iterator[bytes]:
        over.wait()
        return iter([])

    handlers = {"DownloadArtifact": grpc.unary_stream_rpc_method_handler(wait)}
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("cairn.v1.ArtifactService", handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"http://127.0.0.1:{port}"
        over.set()
        server.stop(None)


def test_a_server_that_sends_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, silent: str) -> None:
    monkeypatch.setattr("cairn_store._retry.PAUSES", ())
    monkeypatch.setattr("cairn_store._channel.LOST", 0.2)
    with pytest.raises(cairn.errors.Unavailable, match="sent nothing"):
        cairn.connect(silent).scope("run").read("a")

    async def program() -> None:
        async with aio.connect(silent) as store:
            await store.scope("run").read("a")

    with pytest.raises(cairn.errors.Unavailable, match="sent nothing"):
        asyncio.run(program())


def test_a_port_that_speaks_no_grpc_is_named(monkeypatch: pytest.MonkeyPatch, files: cairn.Scope) -> None:
    monkeypatch.setattr("cairn_store._retry.PAUSES", ())
    files.push("a", "x")
    http = files.link("a").url.rpartition("/")[0]
    with pytest.raises(ConnectionError, match="gRPC port"):
        cairn.connect(http).whoami()
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        with pytest.raises(cairn.errors.ConfigurationError, match="speak gRPC"):
            cairn.connect(f"http://127.0.0.1:{other.server_port}").whoami()
        other.shutdown()
