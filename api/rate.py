"""How often somebody unknown may ask: so many requests from one address in a while, in bounded memory."""

import time
from collections.abc import Callable
from datetime import timedelta

from core.errors import TooOften

MOST_ADDRESSES = 50_000
"""When more than so many ask within a while, counting starts anew: it protects the server, not a secret."""


class Rate:
    """Counts requests by address in windows of `per_s` seconds."""

    def __init__(self, most: int, per_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._per_s = per_s
        self._monotonic = monotonic
        self._until_s = 0.0
        self._counts: dict[str, int] = {}

    @property
    def size(self) -> int:
        """How many addresses are counted just now."""
        return len(self._counts)

    def take(self, address: str) -> None:
        """Count a request; raises `TooOften` when it is one too many."""
        now_s = self._monotonic()
        if now_s >= self._until_s or len(self._counts) >= MOST_ADDRESSES:
            self._until_s = now_s + self._per_s
            self._counts.clear()
        count = self._counts.get(address, 0) + 1
        self._counts[address] = count
        if count > self._most:
            wait = timedelta(seconds=max(1.0, self._until_s - now_s))
            raise TooOften(f"more than {self._most} requests in {self._per_s:g} s from {address}", wait)
