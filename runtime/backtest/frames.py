"""Slices of stored readings as the batches the rules take. Pure but for the types of `storage.history`.

Batches that were received close together are one step here: rules give the same whatever the bounds of batches, and a
step of thousands costs little more than one of twenty.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.facts import LocatedFact
from core.fleet import Fleet
from core.frame import Frame
from storage.history import Slice

STEP_ROWS = 10_000
STEP_US = 5_000_000
"""A step holds at most so many rows beyond its first batch, received within so long (our choice)."""


Received = tuple[int, LocatedFact]
"""When a fact was received, microseconds since 1970 UTC, and the fact."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings that the rules take in one step."""

    frames: tuple[Frame, ...]
    first_us: int
    """When its first reading was received."""
    last_us: int


@dataclass(frozen=True, slots=True)
class Cutter:
    """Cuts slices into batches for one fleet."""

    fleet: Fleet
    channels: Mapping[str, tuple[str, ...]]
    """Of each profile, in the order values are stored in."""

    def batches(self, piece: Slice) -> Iterator[Batch]:
        """Give the slice's batches, in order; readings of devices outside the fleet are left out."""
        slot, rows = self._slots(piece.device_id)
        received_us = piece.received_at[rows]
        for first, last in zip(*_bounds(received_us), strict=True):
            chosen = rows[first:last]
            frames = tuple(self._frames(piece, chosen, slot[chosen]))
            yield Batch(frames, int(received_us[first]), int(received_us[last - 1]))

    def facts(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Received]:
        """Give the facts of the fleet's devices with when they were received, in that order."""
        slot, chosen = self._slots(np.array([row["device_id"] for row in rows], np.int32))
        for number in chosen.tolist():
            row = rows[number]
            told = {key: row[key] for key in row if key not in {"device_id", "received_us"}}
            yield row["received_us"], LocatedFact(slot=int(slot[number]), message=0, **told)

    def _slots(self, device_id: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """Give each row's slot, and the rows whose device is in the fleet."""
        if not len(self.fleet):
            return np.zeros(len(device_id), np.int32), np.zeros(0, np.intp)
        order = np.argsort(self.fleet.device_id, kind="stable")
        found = np.minimum(np.searchsorted(self.fleet.device_id, device_id, sorter=order), len(order) - 1)
        slot = order[found].astype(np.int32)
        return slot, np.flatnonzero((self.fleet.device_id[slot] == device_id) & self.fleet.in_service[slot])

    def _frames(self, piece: Slice, rows: NDArray[np.intp], slot: NDArray[np.int32]) -> Iterator[Frame]:
        profile = self.fleet.profile[slot]
        for code in np.unique(profile).tolist():
            name = self.fleet.profiles[code]
            mine = profile == code
            chosen = rows[mine]
            channels = self.channels[name]
            values = np.full((len(chosen), len(channels)), np.nan)
            held = min(len(channels), piece.values.shape[1])
            values[:, :held] = piece.values[chosen, :held]
            yield Frame(
                profile=name,
                channels=channels,
                slot=slot[mine],
                ts_us=piece.ts[chosen],
                seq=piece.seq[chosen],
                values=values,
                quality=piece.quality[chosen],
                origin=piece.origin[chosen],
                unit_grid_id=piece.unit_grid_id[chosen],
                message=np.zeros(len(chosen), np.int32),
                received_us=piece.received_at[chosen],
            )


@dataclass(slots=True)
class Facts:
    """Facts in the order they were received, taken as far as wanted."""

    rows: Iterator[Mapping[str, Any]]
    _next: Mapping[str, Any] | None = None

    def until(self, end_us: int) -> list[Mapping[str, Any]]:
        """Give those received before an instant that were not given before."""
        taken: list[Mapping[str, Any]] = []
        while (row := self._next or next(self.rows, None)) is not None and row["received_us"] < end_us:
            taken.append(row)
            self._next = None
        self._next = row
        return taken


def due(waiting: deque[Received], now_us: int) -> list[LocatedFact]:
    """Take out the facts received up to an instant."""
    taken: list[LocatedFact] = []
    while waiting and waiting[0][0] <= now_us:
        taken.append(waiting.popleft()[1])
    return taken


def _bounds(received_us: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Give where steps begin and end: never inside a batch, that is between rows received at one instant."""
    if not len(received_us):
        return [], []
    starts = np.flatnonzero(np.r_[True, received_us[1:] != received_us[:-1]]).tolist()
    bounds = [0]
    for start in starts[1:]:
        begun = bounds[-1]
        if start - begun >= STEP_ROWS or received_us[start] - received_us[begun] >= STEP_US:
            bounds.append(start)
    return bounds, [*bounds[1:], len(received_us)]
