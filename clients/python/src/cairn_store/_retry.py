"""How often a failing call is repeated: only calls that change nothing or have an idempotency key are."""

from __future__ import annotations

import time
from collections.abc import Callable

from . import errors

# Seconds, growing: long enough for a server to restart, and short enough for a person who waits.
PAUSES = (0.5, 1.0, 2.0, 4.0)
# How long to wait for the first call with the same key, in seconds: longer than the server takes to notice that its caller
# died.
PATIENCE = 90.0
_ASK = 1.0


class Retries:
    """The pauses between the attempts of one call. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pauses = iter(PAUSES)
        self._waiting_since: float | None = None

    def pause(self, error: errors.CairnError) -> float:
        """The seconds to wait before the call is made again.

        Raises:
            CairnError: The same error, when a retry does not help or there were enough of them.
        """
        if not errors.may_retry(error):
            raise error
        if error.reason == errors.IN_PROGRESS:
            now = self._clock()
            self._waiting_since = self._waiting_since if self._waiting_since is not None else now
            left = PATIENCE - (now - self._waiting_since)
            if left <= 0:
                raise error
            return min(error.retry_after or _ASK, left)
        pause = next(self._pauses, None)
        if pause is None:
            raise error
        # A server that wants to be left alone for longer than this is not waited for.
        return min(max(error.retry_after or 0.0, pause), PATIENCE)
