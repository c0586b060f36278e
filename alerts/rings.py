"""The readings of the last while, a ring a device, for rules that look back on a span of time. Pure.

A ring holds what a span needs at the device's agreed interval and a quarter more, `MOST` readings at most: where a
device reports more often, a window holds its newest ones only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.frame import Frame

MOST = 1024
"""Readings kept of a device at most (our choice): 16 kB with one channel."""

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Places = NDArray[np.intp]


@dataclass(slots=True, kw_only=True)
class Rings:
    """One ring a place; the rings lie one after the other."""

    channels: tuple[str, ...]
    span_us: int
    """The longest that anybody looks back."""
    capacity: NDArray[np.int64]
    start: NDArray[np.int64]
    written: NDArray[np.int64]
    """How many readings were ever written to a ring."""
    ts_us: Times
    values: Floats
    """Shape (readings, channels)."""

    def reach(self, places: Places, most: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Give where each place's last readings lie, newest first, and which of them there are. Shape: (n, most)."""
        back = np.arange(most)
        capacity, written = self.capacity[places][:, None], self.written[places][:, None]
        there = back < np.minimum(written, capacity)
        return self.start[places][:, None] + (written - 1 - back) % np.maximum(capacity, 1) * there, there

    def append(self, places: Places, frame: Frame) -> None:
        """Write readings that are in order of place and time; of too many of a place the newest stay."""
        first = np.flatnonzero(np.diff(places, prepend=-1))
        count = np.diff(first, append=len(places))
        rank = np.arange(len(places)) - np.repeat(first, count)
        stays = np.repeat(count, count) - rank <= self.capacity[places]
        at = places[stays]
        where = self.start[at] + (self.written[at] + rank[stays]) % self.capacity[at]
        self.ts_us[where] = frame.ts_us[stays]
        for position, channel in enumerate(self.channels):
            self.values[where, position] = frame.column(channel)[stays]
        self.written[places[first]] += count


def rings_of(spans_us: Mapping[str, int], interval_s: Floats) -> Rings:
    """Give empty rings with room for the longest span of any channel, at each device's interval."""
    span_us = max(spans_us.values(), default=0)
    needed = np.ceil(1.25e-6 * span_us / np.maximum(interval_s, 1e-3)) + 2
    capacity = np.minimum(needed, MOST).astype(np.int64) if spans_us else np.zeros(len(interval_s), np.int64)
    total = int(capacity.sum())
    return Rings(
        channels=tuple(sorted(spans_us)),
        span_us=span_us,
        capacity=capacity,
        start=np.cumsum(capacity) - capacity,
        written=np.zeros(len(interval_s), np.int64),
        ts_us=np.zeros(total, np.int64),
        values=np.zeros((total, len(spans_us))),
    )


def carry(former: Rings, new: Rings, was: Places, now: Places) -> None:
    """Copy what devices' rings hold into new rings. `was` and `now` are their places in the two."""
    shared = [channel for channel in new.channels if channel in former.channels]
    if not shared or not len(was):
        return
    if len(shared) < len(new.channels):
        return  # a ring holds whole readings: a channel nobody looked back on starts them anew
    for begin in range(0, len(was), 10_000):
        old, to = was[begin : begin + 10_000], now[begin : begin + 10_000]
        most = int(np.minimum(former.capacity[old], former.written[old]).max(initial=0))
        where, there = former.reach(old, most)
        there &= np.arange(most) < new.capacity[to][:, None]
        kept = there.sum(axis=1)
        rows, back = np.nonzero(there)
        target = new.start[to[rows]] + kept[rows] - 1 - back
        new.ts_us[target] = former.ts_us[where[rows, back]]
        for position, channel in enumerate(new.channels):
            new.values[target, position] = former.values[where[rows, back], former.channels.index(channel)]
        new.written[to] = kept
