"""The same with await."""

from __future__ import annotations

import asyncio
import os
import pathlib
from collections.abc import AsyncIterator

import pytest

from cairn_store import aio, errors, filters

MIB = 1 << 20


def test_a_program_with_a_loop_does_it_all(session: str, tmp_path: pathlib.Path) -> None:
    async def program() -> None:
        async with aio.connect() as store:
            files = store.scope(session, agent="writer")
            assert (await files.push("a", "one")).version == 1
            big = os.urandom(5 * MIB)
            await files.push("big", big)
            assert await files.read("big") == big
            assert (await files.pull("big", tmp_path)).read_bytes() == big

            async def producer() -> AsyncIterator[bytes]:
                for start in range(0, len(big), MIB):
                    await asyncio.sleep(0)
                    yield big[start : start + MIB]

            await files.push("streamed", producer())
            assert await files.read("streamed") == big
            assert [it.filename async for it in files.list()] == ["a", "big", "streamed"]
            assert [it.filename async for it in files.find(filters.filename == "a")] == ["a"]
            async with files.open("w", "w") as file:
                await file.write("a\nb\n")
            async with files.open("w") as file:
                assert [line async for line in file] == ["a\n", "b\n"]
            async with files.open("wide", "wb") as file:
                for _ in range(4):
                    await file.write(b"x" * MIB)
            async with files.open("wide", "rb") as file:
                await file.seek(4 * MIB - 2)
                assert await file.read() == b"xx"
            for size in (1, 3 * MIB):
                with pytest.raises(KeyError):
                    async with files.open("failed", "wb") as file:
                        await file.write(b"x" * size)
                        raise KeyError
            assert not await files.exists("failed")

            with pytest.raises(FileExistsError):
                async with files.open("a", "x") as file:
                    await file.write("other")

            async def longer(old: bytes) -> bytes:
                return old + b"!"

            await files.edit("a", longer)
            async with files.publish() as publication:
                await publication.push("p", "x")
                assert not await files.exists("p")
            made = await files.push_many({f"many/{n}": "x" for n in range(150)})
            assert len([pair async for pair in files.read_many(made)]) == 150
            await files.seal()
            assert (await files.verify()).sound
            assert [event.type async for event in files.watch(until_sealed=True)][-1] == "sealed"
            with pytest.raises(errors.Sealed):
                await files.push("late", "x")
            with pytest.raises(FileNotFoundError):
                await files.read("none")

    asyncio.run(program())


def test_each_loop_has_a_connection_of_its_own(session: str) -> None:
    store = aio.connect()
    files = store.scope(session)

    async def push(n: int) -> int:
        return (await files.push("a", f"{n}")).version

    assert [asyncio.run(push(n)) for n in range(3)] == [1, 2, 3]


def test_a_cancelled_upload_stores_nothing(session: str) -> None:
    async def program() -> None:
        async with aio.connect() as store:
            files = store.scope(session)
            began = asyncio.Event()

            async def endless() -> AsyncIterator[bytes]:
                while True:
                    yield b"x" * MIB
                    began.set()
                    await asyncio.sleep(0.01)

            task = asyncio.ensure_future(files.push("a", endless()))
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not await files.exists("a")

            async def failing() -> AsyncIterator[bytes]:
                yield b"x" * (2 * MIB)
                raise KeyError("the producer")

            with pytest.raises(KeyError, match="the producer"):
                await files.push("a", failing())
            assert not await files.exists("a")

    asyncio.run(program())


def test_a_run_with_a_loop_keeps_tasks_apart(session: str) -> None:
    async def program() -> None:
        async with aio.connect() as store:

            @aio.run(name=session, client=store)
            async def job(n: int) -> str:
                await aio.current().push("a", f"{n}")
                return aio.current().session

            sessions = await asyncio.gather(*(job(n) for n in range(5)))
            assert len(set(sessions)) == 5

    asyncio.run(program())
