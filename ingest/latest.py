"""The newest reading of each device, held back and written down now and then instead of with every batch. Pure.

Writing a row a message costs the database more than storing the message, and grows with the fleet. So what is newest is
gathered here and given out in slices: at once when nothing waits behind the batch, every `BUSY_US` under load. A crash
loses nothing: `storage.device_state.recover` finds what was not written in the readings themselves (ADR-0007).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.frame import Frame, joined
from core.quality import Quality

IDLE_US = 250_000
BUSY_US = 30_000_000
"""Under load: a device that reports every 10 s is written a third as often; a restart reads back as much."""
SLICE_ROWS = 10_000
"""Rows written with one batch at most, so that no batch waits long for this (our choice)."""
COMPACT_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest reading of some devices of one profile, each device once, with when it was received."""

    frame: Frame
    received_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.received_us)


@dataclass(slots=True)
class Unwritten:
    """What the database's `device_state` lacks. Pure state of the journey; only whole batches are noted."""

    kept_us: int
    """Everything received before is written down; what `storage.device_state` has on record."""
    _gathered: dict[str, list[Newest]] = field(default_factory=dict[str, list[Newest]])
    _rows: int = 0
    _slices: list[Newest] = field(default_factory=list[Newest])
    _cut_us: int = 0
    """When the slices were cut: what was received later is not in them."""

    def note(self, frames: Sequence[Frame], received_us: int) -> None:
        """Remember a committed batch's readings. Late ones are not their device's newest."""
        self._cut_us = min(self._cut_us, received_us)  # our clock may be set back
        for frame in frames:
            late = (frame.quality & int(Quality.LATE)) != 0
            fresh = frame.take(~late) if late.any() else frame
            if len(fresh):
                parts = self._gathered.setdefault(frame.profile, [])
                parts.append(Newest(fresh, np.full(len(fresh), received_us, dtype=np.int64)))
                self._rows += len(fresh)
        if self._rows > COMPACT_ROWS:
            self._compact()

    def due(self, now_us: int, *, busy: bool) -> Newest | None:
        """Give what should be written with the batch at hand, or None; the same again until `written` is told."""
        rested = abs(now_us - self._cut_us) >= (BUSY_US if busy else IDLE_US)
        if not self._slices and self._gathered and rested:
            self._compact()
            for parts in self._gathered.values():
                self._slices += _sliced(parts[0])
            self._gathered.clear()
            self._rows = 0
            self._cut_us = now_us
        return self._slices[0] if self._slices else None

    def kept_with(self, due: Newest | None, received_us: int) -> int:
        """Give what `kept_us` will be when `due` and a batch received at `received_us` are committed."""
        if received_us < self.kept_us:  # our clock was set back
            return received_us
        whole = due is not None and len(self._slices) == 1
        return max(self.kept_us, self._cut_us) if whole else self.kept_us

    def written(self, due: Newest | None, kept_us: int) -> None:
        """Forget what has been committed."""
        if due is not None:
            self._slices.pop(0)
        self.kept_us = kept_us

    def rest(self) -> list[Newest]:
        """Give everything that is not written, for an orderly end."""
        self._compact()
        return [*self._slices, *(parts[0] for parts in self._gathered.values())]

    def _compact(self) -> None:
        """Keep each device's newest only."""
        for profile, parts in self._gathered.items():
            self._gathered[profile] = [_newest(parts)]
        self._rows = sum(len(parts[0]) for parts in self._gathered.values())


def _newest(parts: Sequence[Newest]) -> Newest:
    """Give the last row of each slot over the parts, by slot: rows of a slot ascend in time from part to part."""
    frame = joined([part.frame for part in parts])
    received_us = np.concatenate([part.received_us for part in parts])
    _, from_end = np.unique(frame.slot[::-1], return_index=True)
    chosen = len(frame) - 1 - from_end
    return Newest(frame.take(chosen), received_us[chosen])


def _sliced(newest: Newest) -> list[Newest]:
    bounds = range(0, len(newest), SLICE_ROWS)
    pieces = [np.arange(start, min(start + SLICE_ROWS, len(newest))) for start in bounds]
    return [Newest(newest.frame.take(piece), newest.received_us[piece]) for piece in pieces]
