"""What differs between waiting in a thread and waiting in a loop: calls, pauses and threads. The twin is aio/io.py."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, ParamSpec, TypeVar

import grpc

from .. import _channel, errors
from .._channel import OPTIONS, SILENCE, UNARY_TIMEOUT, credentials
from .._config import Config
from .._methods import A, Method, Q

P = ParamSpec("P")
T = TypeVar("T")

sleep = time.sleep

_PIECES_WAITING = 4
_LOOK = 0.5


def to_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Does the work in this thread."""
    return work(*args, **kwargs)


def value_of(result: T) -> T:
    """The result of a caller's function."""
    return result


def run_parallel(calls: Iterable[Callable[[], T]], limit: int) -> list[T]:
    """Makes calls, so many at a time, and returns their results in order. After the first error no other is begun, and it is
    raised when those that run have ended."""
    waiting, lock = enumerate(calls), threading.Lock()
    results: dict[int, T] = {}
    failed = threading.Event()

    def work() -> None:
        while not failed.is_set():
            with lock:
                index, call = next(waiting, (-1, None))
            if call is None:
                return
            try:
                results[index] = call()
            except BaseException:
                failed.set()
                raise

    with ThreadPoolExecutor(limit, thread_name_prefix="cairn") as pool:
        try:
            for worker in [pool.submit(work) for _ in range(limit)]:
                worker.result()
        except BaseException:
            # Ctrl-C comes here and not to the workers, for which the pool waits.
            failed.set()
            raise
    return [results[index] for index in sorted(results)]


def pieces(chunks: Iterable[bytes] | AsyncIterable[bytes]) -> Iterator[bytes]:
    """The pieces of content."""
    if isinstance(chunks, AsyncIterable):
        raise TypeError("an asynchronous iterator needs cairn_store.aio")
    return iter(chunks)


def with_pulse(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of content from a producer that may compute for long: an empty one whenever it was silent."""
    waiting: queue.Queue[bytes | BaseException | None] = queue.Queue(_PIECES_WAITING)
    done = threading.Event()

    def put(item: bytes | BaseException | None) -> None:
        while not done.is_set():
            try:
                return waiting.put(item, timeout=_LOOK)
            except queue.Full:
                continue

    def read() -> None:
        try:
            for chunk in chunks:
                put(chunk)
                if done.is_set():
                    return
            put(None)
        except BaseException as error:
            put(error)

    threading.Thread(target=read, name="cairn-content", daemon=True).start()
    try:
        while True:
            try:
                item = waiting.get(timeout=SILENCE)
            except queue.Empty:
                yield b""
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        done.set()


def first(items: Iterator[T], limit: int) -> list[T] | None:
    """The first items of a list, where a notebook can wait for them."""
    return list(islice(items, limit))


class _Silence:
    """Ends a call of which nothing comes for long, while its reader waits. gRPC has no limit on that."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel
        self._waiting_since: float | None = None
        self.ended = False
        self.over = threading.Event()
        threading.Thread(target=self._watch, name="cairn-silence", daemon=True).start()

    def next_of(self, messages: Iterator[T]) -> T | None:
        """The next message; None at the end."""
        self._waiting_since = time.monotonic()
        try:
            return next(messages, None)
        finally:
            self._waiting_since = None

    def _watch(self) -> None:
        while not self.over.wait(_channel.LOST / 4):
            since = self._waiting_since
            if since is not None and time.monotonic() - since >= _channel.LOST:
                self.ended = True
                self._cancel()
                return


class Transport:
    """Makes the calls: over one connection for each process, made with the first call."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._made: tuple[int, grpc.Channel] | None = None

    def _channel(self) -> grpc.Channel:
        made = self._made
        if made and made[0] == os.getpid():
            return made[1]
        with self._lock:
            # That of the parent is not this process's to close.
            if not self._made or self._made[0] != os.getpid():
                channel = (
                    grpc.secure_channel(self.config.target, credentials(self.config), OPTIONS)
                    if self.config.tls
                    else grpc.insecure_channel(self.config.target, OPTIONS)
                )
                self._made = os.getpid(), channel
            return self._made[1]

    def close(self) -> None:
        """Ends the connection. The next call makes another one."""
        with self._lock:
            made, self._made = self._made, None
        if made and made[0] == os.getpid():
            made[1].close()

    def unary(self, method: Method[Q, A], request: Q, timeout: float = UNARY_TIMEOUT) -> A:
        """One message each way."""
        call: Any = self._channel().unary_unary(method.path, request_serializer=method.encode, response_deserializer=method.decode)
        try:
            answer: A = call(request, metadata=self.config.metadata(), timeout=timeout)
        except grpc.RpcError as error:
            raise self._error(error) from None
        return answer

    def receive(self, method: Method[Q, A], request: Q) -> Generator[A, None, None]:
        """One message there, many back. Closing the generator ends the call."""
        stream: Any = self._channel().unary_stream(
            method.path, request_serializer=method.encode, response_deserializer=method.decode
        )
        call = stream(request, metadata=self.config.metadata())
        silence = _Silence(call.cancel)
        try:
            while (message := silence.next_of(call)) is not None:
                yield message
        except grpc.RpcError as error:
            raise errors.Unavailable(_channel.SILENT) if silence.ended else self._error(error) from None
        finally:
            silence.over.set()
            call.cancel()

    def send(self, method: Method[Q, A], messages: Iterator[Q]) -> A:
        """Many messages there, one back, which may come before all were sent."""
        stream: Any = self._channel().stream_unary(
            method.path, request_serializer=method.encode, response_deserializer=method.decode
        )
        try:
            answer: A = stream(messages, metadata=self.config.metadata())
        except grpc.RpcError as error:
            raise self._error(error) from None
        return answer

    def _error(self, error: Any) -> errors.CairnError:
        return errors.of_rpc(error.code(), error.details(), error.trailing_metadata(), self.config.address)
