"""What differs between waiting in a loop and waiting in a thread: calls, pauses and threads. The twin is _sync/io.py."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import grpc
import grpc.aio

from .. import _channel, errors
from .._channel import OPTIONS, SILENCE, UNARY_TIMEOUT, credentials
from .._config import Config
from .._methods import A, Method, Q

T = TypeVar("T")

sleep = asyncio.sleep
to_thread = asyncio.to_thread


async def value_of(result: T | Awaitable[T]) -> T:
    """The result of a caller's function, which may be a coroutine."""
    if inspect.isawaitable(result):
        return cast(T, await result)
    return result  # pyright: ignore[reportReturnType]


async def run_parallel(calls: Iterable[Callable[[], Awaitable[T]]], limit: int) -> list[T]:
    """Makes calls, so many at a time, and returns their results in order. After the first error no other is begun, those that
    run are cancelled, and it is raised."""
    waiting, lock = enumerate(calls), asyncio.Lock()
    results: dict[int, T] = {}

    def following() -> tuple[int, Callable[[], Awaitable[T]] | None]:
        return next(waiting, (-1, None))

    async def work() -> None:
        while True:
            async with lock:
                # What makes a call may read a file first.
                index, call = await to_thread(following)
            if call is None:
                return
            results[index] = await call()

    workers = [asyncio.ensure_future(work()) for _ in range(limit)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return [results[index] for index in sorted(results)]


async def pieces(chunks: Iterable[bytes] | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The pieces of content. What blocks is read in a thread."""
    if isinstance(chunks, AsyncIterable):
        async for chunk in chunks:
            yield chunk
        return
    iterator = iter(chunks)
    while (piece := await to_thread(next, iterator, None)) is not None:
        yield piece


async def with_pulse(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of content from a producer that may compute for long: an empty one whenever it was silent."""
    iterator = aiter(chunks)
    while True:
        task = asyncio.ensure_future(anext(iterator, None))
        try:
            while not (await asyncio.wait({task}, timeout=SILENCE))[0]:
                yield b""
            piece = task.result()
        finally:
            task.cancel()
        if piece is None:
            return
        yield piece


def first(_: AsyncIterator[T], limit: int) -> list[T] | None:
    """The first items of a list, where a notebook can wait for them: not in a loop."""
    return None


class Transport:
    """Makes the calls: over one connection for each event loop and each process, made with the first call."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._pid = os.getpid()
        self._channels: WeakKeyDictionary[asyncio.AbstractEventLoop, grpc.aio.Channel] = WeakKeyDictionary()

    def _channel(self) -> grpc.aio.Channel:
        if self._pid != os.getpid():
            # Those of the parent are not this process's to close.
            self._channels, self._pid = WeakKeyDictionary(), os.getpid()
        loop = asyncio.get_running_loop()
        channel = self._channels.get(loop)
        if channel is None:
            channel = (
                grpc.aio.secure_channel(self.config.target, credentials(self.config), OPTIONS)
                if self.config.tls
                else grpc.aio.insecure_channel(self.config.target, OPTIONS)
            )
            self._channels[loop] = channel
        return channel

    async def close(self) -> None:
        """Ends the connection of this loop. The next call makes another one."""
        if self._pid == os.getpid():
            channel = self._channels.pop(asyncio.get_running_loop(), None)
            if channel is not None:
                await channel.close()

    async def unary(self, method: Method[Q, A], request: Q, timeout: float = UNARY_TIMEOUT) -> A:
        """One message each way."""
        call: Any = self._channel().unary_unary(method.path, request_serializer=method.encode, response_deserializer=method.decode)
        try:
            answer: A = await call(request, metadata=self.config.metadata(), timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise self._error(error) from None
        return answer

    async def receive(self, method: Method[Q, A], request: Q) -> AsyncGenerator[A, None]:
        """One message there, many back. Closing the generator ends the call."""
        stream: Any = self._channel().unary_stream(
            method.path, request_serializer=method.encode, response_deserializer=method.decode
        )
        call = stream(request, metadata=self.config.metadata())
        try:
            while (message := await asyncio.wait_for(call.read(), _channel.LOST)) is not grpc.aio.EOF:
                yield message
        except asyncio.TimeoutError:
            raise errors.Unavailable(_channel.SILENT) from None
        except grpc.aio.AioRpcError as error:
            raise self._error(error) from None
        finally:
            call.cancel()

    async def send(self, method: Method[Q, A], messages: AsyncIterator[Q]) -> A:
        """Many messages there, one back, which may come before all were sent."""
        stream: Any = self._channel().stream_unary(
            method.path, request_serializer=method.encode, response_deserializer=method.decode
        )
        try:
            answer: A = await stream(messages, metadata=self.config.metadata())
        except grpc.aio.AioRpcError as error:
            raise self._error(error) from None
        return answer

    def _error(self, error: grpc.aio.AioRpcError) -> errors.CairnError:
        trailers: Any = error.trailing_metadata()
        return errors.of_rpc(error.code(), error.details(), trailers, self.config.address)
