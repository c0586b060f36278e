"""What surrounds a reading: the device's readings of the last while, and its neighbours' newest. Pure."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alerts.memory import Table, Times
from core.fleet import Fleet
from core.frame import Frame

Floats = NDArray[np.float64]
Index = NDArray[np.intp]

STALE_INTERVALS = 3
"""A neighbour that has not reported for so many of its own intervals has no say (our choice)."""


class Rows(Protocol):
    """Rows of one profile; where a device has several, they lie together and ascend in time."""

    frame: Frame
    table: Table
    fleet: Fleet
    place: Index

    def __len__(self) -> int: ...

    def rank(self) -> Index:
        """Give each row's number among the rows of its device, from 0."""
        ...

    def column(self, channel: str) -> Floats:
        """Give a channel's values."""
        ...


def window(rows: Rows, channel: str, span_us: int) -> tuple[Floats, Times]:
    """Give the device's values of the span up to each row, newest last, the row itself included, and their ages.

    Shape: (n, k) both; where there is no value it is NaN, of age 0.
    """
    rings, rank = rows.table.rings, rows.rank()
    most = int(np.minimum(rings.capacity, rings.written)[rows.place].max(initial=0)) if channel in rings.channels else 0
    width = most + int(rank.max(initial=0)) + 1
    back = np.arange(width)
    here = back <= rank[:, None]
    row = np.where(here, np.arange(len(rows))[:, None] - back, 0)
    values = np.where(here, rows.column(channel)[row], np.nan)
    times = np.where(here, rows.frame.ts_us[row], 0)
    if most:
        where, there = rings.reach(rows.place, most)
        stored = np.clip(back - rank[:, None] - 1, 0, most - 1)
        at = np.take_along_axis(where, stored, axis=1)
        old = ~here & np.take_along_axis(there, stored, axis=1) & (back - rank[:, None] - 1 < most)
        values = np.where(old, rings.values[at, rings.channels.index(channel)], values)
        times = np.where(old, rings.ts_us[at], times)
        here |= old
    ages_us = np.where(here, rows.frame.ts_us[:, None] - times, 0)
    values = np.where(here & (ages_us <= span_us), values, np.nan)
    used = max(int(np.flatnonzero((here & (ages_us <= span_us)).any(axis=0)).max(initial=0)) + 1, 1)
    return values[:, :used][:, ::-1], np.where(np.isnan(values), 0, ages_us)[:, :used][:, ::-1]


def neighbours(rows: Rows, channel: str, radius_m: float) -> Floats:
    """Give the newest values, at each row's time, of the profile's other devices in the radius, nearest first.

    Shape: (n, k), padded with NaN. A neighbour's reading in the same step counts when it is not newer than the row.
    """
    near = rows.fleet.places.neighbours_of(radius_m)
    slots = rows.frame.slot
    begin, count = near.indptr[slots], near.indptr[slots + 1] - near.indptr[slots]
    width = int(count.max(initial=0))
    if not width or channel not in rows.table.channels:
        return np.full((len(rows), 1), np.nan)
    back = np.arange(width)
    there = back < count[:, None]
    other = near.indices[np.where(there, begin[:, None] + back, 0)]
    place = np.minimum(np.searchsorted(rows.table.slots, other), len(rows.table.slots) - 1)
    there &= rows.table.slots[place] == other
    value = rows.table.values[place, rows.table.channels.index(channel)]
    times = rows.table.ts_us[place]
    row = _newest_here(rows, other)
    value = np.where(row >= 0, rows.column(channel)[row], value)
    times = np.where(row >= 0, rows.frame.ts_us[row], times)
    stale = rows.frame.ts_us[:, None] - times > STALE_INTERVALS * 1e6 * rows.fleet.interval_s[other]
    return np.where(there & ~stale, value, np.nan)


def _newest_here(rows: Rows, other: NDArray[np.int32]) -> Index:
    """Give, for each row and neighbour, the neighbour's newest row of this step up to the row's time; -1 = none."""
    times, rank = np.unique(rows.frame.ts_us, return_inverse=True)
    key = rows.frame.slot.astype(np.int64) * len(times) + rank
    order = np.argsort(key, kind="stable")
    wanted = other.astype(np.int64) * len(times) + rank[:, None]
    found = np.searchsorted(key[order], wanted, side="right") - 1
    row = order[np.maximum(found, 0)]
    return np.where((found >= 0) & (rows.frame.slot[row] == other), row, -1)
