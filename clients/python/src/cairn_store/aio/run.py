"""A run of an agent: its session, its scope, and its end."""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from datetime import datetime, timezone
from types import TracebackType
from typing import ParamSpec, TypeVar

from .. import errors
from .client import Client, connect
from .scope import Scope

P = ParamSpec("P")
T = TypeVar("T")

_FAILED = "failed"

_current: ContextVar[Scope | None] = ContextVar("cairn_run", default=None)


def current() -> Scope:
    """The scope of the innermost run.

    Raises:
        RuntimeError: There is no run.
    """
    scope = _current.get()
    if scope is None:
        raise RuntimeError("there is no run: use `with cairn_store.run(...)`, or decorate the function with it")
    return scope


class run:
    """A run: a context manager whose target is its scope, and a decorator that gives each call a session of its own.

        with run("run-42", agent="writer", seal=True) as files:
            files.push("report.md", text)

        @run(agent="writer")
        def job(): current().push("report.md", text)

    Args:
        session: Its id. Absent: `name`, the time and a random part.
        seal: Seal the session at the end. A run that ends with an exception is not sealed, and gets the label "failed" beside
            those that it has; the seal removes that label.
        client: The connection; absent: that of the environment.
    """

    def __init__(
        self,
        session: str = "",
        *,
        agent: str = "",
        namespace: str = "",
        user: str = "",
        name: str = "run",
        seal: bool = False,
        client: Client | None = None,
    ) -> None:
        self._session, self._name, self._seal, self._client = session, name, seal, client
        self._agent, self._namespace, self._user = agent, namespace, user
        self._entered: list[tuple[Scope, Client | None, Token[Scope | None]]] = []

    async def __aenter__(self) -> Scope:
        own = None if self._client else connect()
        client = self._client or own
        assert client is not None
        scope = client.scope(self._session or _named(self._name), agent=self._agent, namespace=self._namespace, user=self._user)
        self._entered.append((scope, own, _current.set(scope)))
        return scope

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        scope, own, token = self._entered.pop()
        _current.reset(token)
        try:
            if kind is not None:
                # The error that ended the run is the one to see.
                with contextlib.suppress(errors.CairnError):
                    await scope.label(*sorted(await _labels(scope) | {_FAILED}))
            elif self._seal:
                await scope.label(*sorted(await _labels(scope) - {_FAILED}))
                await scope.seal()
        finally:
            if own:
                await own.close()

    def __call__(self, function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        @functools.wraps(function)
        async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
            # Calls may run at the same time.
            async with run(
                self._session,
                agent=self._agent,
                namespace=self._namespace,
                user=self._user,
                name=function.__name__ if self._name == "run" else self._name,
                seal=self._seal,
                client=self._client,
            ):
                return await function(*args, **kwargs)

        return wrapped


async def _labels(scope: Scope) -> set[str]:
    """The labels of the session, whose update replaces all of them."""
    try:
        return set((await scope.info()).labels)
    except errors.NotFound:
        return set()


def _named(name: str) -> str:
    return f"{name}-{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
