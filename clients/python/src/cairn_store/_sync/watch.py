# Made from aio/watch.py by scripts/generate. Do not edit it.
"""The events of a session, across lost connections."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from .. import _methods as methods
from .. import errors
from .._proto import session_service_pb2 as api
from .._retry import Retries
from ..models import Event
from . import io
from .calls import Calls


def watch(calls: Calls, session: str, after: int, only_new: bool, until_sealed: bool) -> Generator[Event, None]:
    """The events after a position, each once and in order."""
    retries = Retries()
    while True:
        request = api.WatchSessionRequest(session_id=session, after_position=after, only_new=only_new, until_sealed=until_sealed)
        try:
            with closing(calls.transport.receive(methods.WATCH, request)) as messages:
                for message in messages:
                    # The server answered, so the next loss has all retries again. The next stream begins after the position.
                    retries, only_new = Retries(), False
                    for event in message.events:
                        after = event.position
                        yield Event.of(event)
                    after = message.position
            if until_sealed:
                return
            raise errors.Unavailable("the server ended the stream")
        except errors.CairnError as error:
            pause = retries.pause(error)
        io.sleep(pause)
