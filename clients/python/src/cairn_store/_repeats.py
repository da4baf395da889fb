"""How often this program has made a write with a derived key."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

_KNOWN = 10_000


class Repeats:
    """Counts writes by their derived keys.

    A derived key makes the write of a program that is started again the same write. But a program that writes a, then b, then a
    again means three versions: the third write gets the key of a second write of a, which is derived too. So a program that is
    started again and does the same in the same order still repeats nothing. The last 10,000 keys are known.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: OrderedDict[str, int] = OrderedDict()

    @contextmanager
    def next_of(self, key: str) -> Iterator[int]:
        """How often the write was made before. A write that fails does not count: repeated, it is the same write."""
        with self._lock:
            times = self._begun.pop(key, 0)
            self._begun[key] = times + 1
            while len(self._begun) > _KNOWN:
                self._begun.popitem(last=False)
        try:
            yield times
        except BaseException:
            with self._lock:
                if self._begun.get(key) == times + 1:
                    self._begun[key] = times
            raise
