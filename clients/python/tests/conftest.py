"""A client of the store that CAIRN_ADDR and CAIRN_API_KEY name: scripts/polyglot of the project starts one."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

import cairn_store as cairn

_NUMBERS = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def _served() -> None:
    missing = {"CAIRN_ADDR", "CAIRN_API_KEY"} - os.environ.keys()
    assert not missing, f"{missing} are not set: run make polyglot, or source the dev.env of a `cairn dev`"


@pytest.fixture
def store() -> Iterator[cairn.Client]:
    with cairn.connect() as client:
        yield client


@pytest.fixture
def session() -> str:
    return f"test-{time.time_ns()}-{next(_NUMBERS)}"


@pytest.fixture
def files(store: cairn.Client, session: str) -> cairn.Scope:
    return store.scope(session, agent="writer")


class Proxy:
    """Passes bytes to the store, and cuts the connection after so many bytes in one direction, as often as a test wants."""

    def __init__(self) -> None:
        url = urlsplit(os.environ["CAIRN_ADDR"])
        self._target = url.hostname, url.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._up: list[int] = []
        self._down: list[int] = []
        self.cuts = 0
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_upload_after(self, *sizes: int) -> None:
        self._up.extend(sizes)

    def cut_download_after(self, *sizes: int) -> None:
        self._down.extend(sizes)

    def close(self) -> None:
        self._listener.close()
        for each in list(self._open):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._open |= {client, server}
            for source, sink, limits in ((client, server, self._up), (server, client, self._down)):
                threading.Thread(target=self._pass, args=(source, sink, limits), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, limits: list[int]) -> None:
        passed = 0
        try:
            while data := source.recv(1 << 16):
                passed += len(data)
                if limits and passed > limits[0]:
                    limits.pop(0)
                    self.cuts += 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
            self._open.discard(each)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()
