"""Keeps answers that many clients ask for at once: for a short time, in bounded memory, made only once."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from api.caching import Packed

Answer = TypeVar("Answer")
SMALL_BYTES = 256
"""What an answer is taken to weigh that is neither bytes nor packed."""
Bulky = bytes | Packed


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    until_s: float
    weight: int


class Memo:
    """Answers by key. When full, the one unused for longest goes; an answer too large for it is simply not kept."""

    def __init__(self, limit_bytes: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit_bytes = limit_bytes
        self._monotonic = monotonic
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._making: dict[Hashable, asyncio.Lock] = {}
        self._weight = 0

    async def get(self, key: Hashable, ttl_s: float, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """Give the answer kept under `key`, or make it; others who ask meanwhile wait for the same one.

        Raises: what `make` raises; a failure is not kept.
        """
        kept = self._fresh(key)
        if kept:
            return kept.value
        lock = self._making.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                kept = self._fresh(key)
                if kept:
                    return kept.value
                value = await make()
                self._keep(key, value, ttl_s)
                return value
        finally:
            if not lock.locked():
                self._making.pop(key, None)

    def within(self, part: Hashable) -> "Part":
        """Give the memo of those who see the same rows: their answers are kept apart from everybody else's."""
        return Part(self, part)

    def forget(self, key: Hashable) -> None:
        """Drop the answer kept under `key`: it is known not to hold any more."""
        self._drop(key)

    def _fresh(self, key: Hashable) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None or kept.until_s <= self._monotonic():
            return None
        self._kept.move_to_end(key)
        return kept

    def _keep(self, key: Hashable, value: object, ttl_s: float) -> None:
        self._drop(key)
        weight = len(value) if isinstance(value, Bulky) else SMALL_BYTES
        if weight > self._limit_bytes:
            return
        self._kept[key] = _Kept(value, self._monotonic() + ttl_s, weight)
        self._weight += weight
        while self._weight > self._limit_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        gone = self._kept.pop(key, None)
        if gone:
            self._weight -= gone.weight


class Part:
    """Answers of one part of a memo."""

    def __init__(self, memo: Memo, part: Hashable) -> None:
        self._memo = memo
        self._part = part

    async def get(self, key: Hashable, ttl_s: float, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """Do as `Memo.get`."""
        return await self._memo.get((self._part, key), ttl_s, make)

    def within(self, part: Hashable) -> "Part":
        """Give another part of the same memo."""
        return Part(self._memo, part)
