"""The readings of one profile in a step, as the columns that conditions look at. Pure.

Also finds each row's reading before: the row before it of the same device, or what the memory holds of an earlier step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alerts.memory import RuleState
from core.fleet import Fleet
from core.frame import Frame, joined
from core.quality import Quality

Floats = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(slots=True)
class Rows:
    """Rows that are not late, of one profile; rows of a slot ascend in time."""

    frame: Frame
    state: RuleState
    lone: bool
    """True when no slot has two rows."""
    excused: NDArray[np.bool_] | None
    """Rows of devices out of service, which no rule looks at; None = there are none."""
    _columns: dict[str, Floats] = field(default_factory=dict[str, Floats])
    _changes: dict[str, Floats] = field(default_factory=dict[str, Floats])
    _first: Index | None = None
    _before: Index | None = None
    _elapsed_s: Floats | None = None

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, channel: str) -> Floats:
        """Give a channel's values; all NaN when the profile has no such channel."""
        found = self._columns.get(channel)
        if found is None:
            found = self._columns[channel] = np.ascontiguousarray(self.frame.column(channel))
        return found

    def change(self, channel: str) -> Floats:
        """Give the change since the device's reading before."""
        found = self._changes.get(channel)
        if found is None:
            found = self._changes[channel] = self.column(channel) - self._value_before(channel)
        return found

    def elapsed_s(self) -> Floats:
        """Give the event time since the device's reading before, seconds; NaN = none or the same time."""
        if self._elapsed_s is None:
            before = self.before()
            times = np.where(before >= 0, self.frame.ts_us[before], self.state.ts_us[self.frame.slot])
            gone = (self.frame.ts_us - times).astype(np.float64) / 1e6
            self._elapsed_s = np.where((times > 0) & (gone > 0), gone, np.nan)
        return self._elapsed_s

    def before(self) -> Index:
        """Give each row's row before of the same slot, -1 = in an earlier step."""
        if self._before is None:
            self._before = _row_before(self.frame.slot, lone=self.lone)
        return self._before

    def last_of_slot(self) -> Index:
        """Give the newest row of each slot."""
        if self.lone:
            return np.arange(len(self))
        _, from_end = np.unique(self.frame.slot[::-1], return_index=True)
        return len(self) - 1 - from_end

    def first_of_slot(self) -> Index:
        """Give the oldest row of each slot."""
        if self._first is None:
            self._first = np.arange(len(self)) if self.lone else np.unique(self.frame.slot, return_index=True)[1]
        return self._first

    def _value_before(self, channel: str) -> Floats:
        previous = self.state.previous.get(self.frame.profile)
        if previous is None or channel not in previous.channels:
            return np.full(len(self), np.nan)
        held = previous.values[self.frame.slot, previous.channels.index(channel)]
        before = self.before()
        return np.where(before >= 0, self.column(channel)[before], held)


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of `Rows`, seen through the same questions."""

    rows: Rows
    chosen: Index

    def __len__(self) -> int:
        return len(self.chosen)

    def column(self, channel: str) -> Floats:
        """Give a channel's values."""
        return self.rows.column(channel)[self.chosen]

    def change(self, channel: str) -> Floats:
        """Give the change since the device's reading before."""
        return self.rows.change(channel)[self.chosen]

    def elapsed_s(self) -> Floats:
        """Give the event time since the device's reading before, seconds."""
        return self.rows.elapsed_s()[self.chosen]


def gather(frames: Sequence[Frame], state: RuleState, fleet: Fleet) -> list[Rows]:
    """Give the rows rules may look at, one `Rows` a profile: late readings are left out."""
    by_profile: dict[str, list[Frame]] = {}
    for frame in frames:
        late = (frame.quality & int(Quality.LATE)) != 0
        fresh = frame.take(~late) if late.any() else frame
        if len(fresh):
            by_profile.setdefault(frame.profile, []).append(fresh)
    return [_rows(joined(parts), state, fleet) for parts in by_profile.values()]


def _rows(frame: Frame, state: RuleState, fleet: Fleet) -> Rows:
    excused = ~fleet.in_service[frame.slot]
    ordered = np.sort(frame.slot)
    lone = not (ordered[1:] == ordered[:-1]).any()
    return Rows(frame, state, lone=lone, excused=excused if excused.any() else None)


def _row_before(slot: NDArray[np.int32], *, lone: bool) -> Index:
    before = np.full(len(slot), -1, np.intp)
    if lone:
        return before
    order = np.argsort(slot, kind="stable")
    follows = slot[order[1:]] == slot[order[:-1]]
    before[order[1:][follows]] = order[:-1][follows]
    return before


def ranks(slot: NDArray[np.int32]) -> Index:
    """Give each row's number among the rows of its slot, from 0, in row order."""
    order = np.argsort(slot, kind="stable")
    ordered = slot[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(slot) else np.zeros(0, np.intp)
    lengths = np.diff(np.r_[starts, len(slot)])
    result = np.empty(len(slot), np.intp)
    result[order] = np.arange(len(slot)) - np.repeat(starts, lengths)
    return result
