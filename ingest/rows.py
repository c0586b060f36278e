"""What decoding gives: the rows of one profile as columns, and the builder that gathers them one at a time. Pure."""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.facts import LocatedFact
from core.quality import Quality
from ingest.directory import Directory
from ingest.message import Reason, Refusal, Stranger
from ingest.sparkplug import Draft
from wire.native_v1 import NO_SEQ

EARLIEST_US = 1_420_070_400_000_000
"""2015-01-01: earlier times come from clocks that were never set (1970, 2000-01-01): docs/quality.md. Our choice."""
LATEST_US = 4_102_444_800_000_000
"""2100-01-01: keeps every later calculation inside 64 bits."""
CLOCK_UNSET = int(Quality.CLOCK_UNSET | Quality.ARRIVAL_TIME)
"""The flags of a row that is dated by its arrival because the device's clock was never set."""
Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Decoded rows of one profile, in the order they came.

    Shape: n rows; `values` is (n, k), k channels of the profile, NaN = not measured.
    Units: `ts_us` microseconds since 1970 UTC; values in the channels' units.
    """

    slot: NDArray[np.int32]
    ts_us: NDArray[np.int64]
    seq: NDArray[np.int32]
    origin: NDArray[np.int8]
    quality: NDArray[np.int16]
    values: NDArray[np.float64]
    message: NDArray[np.int32]
    item: NDArray[np.int32]


class Row(NamedTuple):
    """One row before it is in columns."""

    ts_us: int
    seq: int
    """`NO_SEQ` = none given."""
    origin: int
    values: Values
    quality: int = 0


@dataclass(slots=True)
class Gathered:
    """Rows of one profile under construction: a list a column. Appending is the hot path's only work a message."""

    slot: list[int] = field(default_factory=list[int])
    ts_us: list[int] = field(default_factory=list[int])
    seq: list[int] = field(default_factory=list[int])
    origin: list[int] = field(default_factory=list[int])
    quality: list[int] = field(default_factory=list[int])
    values: list[Values] = field(default_factory=list[Values])
    message: list[int] = field(default_factory=list[int])
    item: list[int] = field(default_factory=list[int])

    def add(self, message: int, item: int, slot: int, row: "Row") -> None:
        """Append one row."""
        self.slot.append(slot)
        self.ts_us.append(row.ts_us)
        self.seq.append(row.seq)
        self.origin.append(row.origin)
        self.quality.append(row.quality)
        self.values.append(row.values)
        self.message.append(message)
        self.item.append(item)

    def rows(self, width: int, now_us: int) -> tuple[Rows, list[Refusal]]:
        """Give the columns of what has a usable time, and refuse the rest. Shape: `width` channels.

        Units: `now_us` microseconds since 1970 UTC; it stands in for the time of a clock that was never set.
        """
        ts_us = _times(self.ts_us)
        values = _matrix(self.values, width)
        rows = Rows(
            slot=np.array(self.slot, dtype=np.int32),
            ts_us=ts_us,
            seq=np.array(self.seq, dtype=np.int32),
            origin=np.array(self.origin, dtype=np.int8),
            quality=np.array(self.quality, dtype=np.int16),
            values=values,
            message=np.array(self.message, dtype=np.int32),
            item=np.array(self.item, dtype=np.int32),
        )
        for row in np.flatnonzero(rows.seq == NO_SEQ):
            rows.seq[row] = checksum(values[row])
        usable = (ts_us >= EARLIEST_US) & (ts_us < LATEST_US)
        if usable.all():
            return rows, []
        for row in np.flatnonzero((ts_us >= 0) & (ts_us < EARLIEST_US)).tolist():
            rows.seq[row] = checksum((rows.ts_us[row], rows.seq[row], *values[row]))
            rows.ts_us[row] = now_us
            rows.quality[row] |= CLOCK_UNSET
            usable[row] = True
        refusals = [
            Refusal(self.message[row], self.item[row], Reason.BAD_TIME, bad_time(self.ts_us[row]), self.slot[row])
            for row in np.flatnonzero(~usable).tolist()
        ]
        return _take(rows, usable), refusals


def _take(rows: Rows, mask: NDArray[np.bool_]) -> Rows:
    return Rows(
        slot=rows.slot[mask],
        ts_us=rows.ts_us[mask],
        seq=rows.seq[mask],
        origin=rows.origin[mask],
        quality=rows.quality[mask],
        values=rows.values[mask],
        message=rows.message[mask],
        item=rows.item[mask],
    )


def _times(ts_us: list[int]) -> NDArray[np.int64]:
    try:
        return np.array(ts_us, dtype=np.int64)
    except OverflowError:  # beyond 64 bits: any unusable time will do
        return np.array([ts if abs(ts) < LATEST_US else LATEST_US for ts in ts_us], dtype=np.int64)


def _matrix(values: list[Values], width: int) -> NDArray[np.float64]:
    count = len(values)
    try:
        return np.fromiter(chain.from_iterable(values), np.float64, count * width).reshape(count, width)
    except TypeError:  # somebody wrote null
        return np.array(values, dtype=np.float64).reshape(count, width)


def bad_time(ts_us: int) -> str:
    """Say what is wrong with a time before 1970 or after `LATEST_US`."""
    return f"ts is {ts_us / 1e6:.3f} s since 1970, outside 1970 to 2100"


def checksum(values: Sequence[float] | NDArray[np.float64]) -> int:
    """Tell apart messages without `seq`: the same values give the same number, 31 bits."""
    return zlib.crc32(np.asarray(values, dtype=">f8").tobytes()) & 0x7FFF_FFFF


@dataclass(slots=True, kw_only=True)
class Gathering:
    """What a batch's messages said so far."""

    directory: Directory
    now_us: int
    """Time of arrival; stands in where a message carries no time."""
    gathered: list[Gathered]
    """One a profile, in the directory's order."""
    facts: list[LocatedFact] = field(default_factory=list[LocatedFact])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    unmapped: Counter[str] = field(default_factory=Counter[str])
    """By format: quantities that the devices' profiles do not have, left out."""
    edge_nodes: Draft = field(default_factory=lambda: Draft({}))
    """What the batch does to the memory of Sparkplug's births."""

    def refuse(self, message: int, item: int, reason: Reason, detail: str, slot: int = -1) -> None:
        """Note a refusal; `slot` = the device that loses its item by it, where it is known."""
        self.refusals.append(Refusal(message, item, reason, detail, slot))

    def refuse_stranger(self, message: int, item: int, detail: str, who: Stranger) -> None:
        """Note that nobody registered whom a message, or an item of it, speaks for."""
        self.refusals.append(Refusal(message, item, Reason.UNKNOWN_DEVICE, detail, stranger=who))
