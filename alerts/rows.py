"""The readings of one profile in a step, as the columns that conditions look at. Pure.

Also finds what came before each row: the row before it of the same device, or what the memory holds of earlier steps.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts import around
from alerts.memory import Outage, Stream, Table, Times, heard_after
from alerts.phase import Phases
from core.fleet import Fleet
from core.frame import Frame, joined

Floats = NDArray[np.float64]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Rows:
    """Rows of one profile; where a device has several, they lie together and ascend in time."""

    frame: Frame
    table: Table
    fleet: Fleet
    place: Index
    """Of each row's device in the table."""
    starts: Index
    """The first row of each device."""
    counts: Index
    """How many rows each device has."""
    lone: bool
    """Whether no device has two rows."""
    heard_at_us: Times
    """When each row was heard, on the clock of the stream."""
    heard_before_us: Times
    """When the row before was."""
    _found: dict[Any, Any] = field(default_factory=dict[Any, Any])

    def __len__(self) -> int:
        return len(self.frame)

    def ts_us(self) -> Times:
        """Give the readings' times."""
        return self.frame.ts_us

    def column(self, channel: str) -> Floats:
        """Give a channel's values; all NaN when the profile has no such channel."""
        return self._once(channel, lambda: np.ascontiguousarray(self.frame.column(channel)))

    def change(self, channel: str) -> Floats:
        """Give the change since the device's reading before."""
        return self._once(("change", channel), lambda: self.column(channel) - self.value_before(channel))

    def elapsed_s(self) -> Floats:
        """Give the event time since the device's reading before, seconds; NaN = none or the same time."""
        return self._once("elapsed", self._elapsed_s)

    def window(self, channel: str, span_us: int) -> tuple[Floats, Times]:
        """Give the device's values of the span up to each row, and their ages."""
        return self._once(("window", channel, span_us), lambda: around.window(self, channel, span_us))

    def neighbours(self, channel: str, radius_m: float) -> Floats:
        """Give the newest values of the devices around."""
        return self._once(("around", channel, radius_m), lambda: around.neighbours(self, channel, radius_m))

    def lon_deg(self) -> Floats:
        """Give where the device was: the reading's own position, else the registered one."""
        return self._once("lon", lambda: _else(self.column("lon_deg"), self.fleet.lon_deg[self.frame.slot]))

    def lat_deg(self) -> Floats:
        """Give where the device was."""
        return self._once("lat", lambda: _else(self.column("lat_deg"), self.fleet.lat_deg[self.frame.slot]))

    def inside(self, area: str) -> Floats:
        """Give 1 where the device is in the area, 0 where it is not."""
        places = self.fleet.places
        return self._once(("inside", area), lambda: places.inside(area, self.lon_deg(), self.lat_deg()))

    def inside_before(self, area: str) -> Floats:
        """Give the same of the device's reading before; NaN = there is none."""
        lon_deg, lat_deg = self.value_before("lon_deg"), self.value_before("lat_deg")
        return self._once(("inside before", area), lambda: self.fleet.places.inside(area, lon_deg, lat_deg))

    def off_route_m(self) -> Floats:
        """Give the distance from the device's route, metres; NaN = it has none."""
        places = self.fleet.places
        return self._once("off route", lambda: places.off_route_m(self.frame.slot, self.lon_deg(), self.lat_deg()))

    def phases(self) -> Phases:
        """Give where all rules stand on each row's device; shape (n, rules)."""
        return self._once("phases", lambda: self.table.phase.take(self.place, axis=0))

    def awake(self) -> Mask:
        """Say of each rule whether it is not at rest on any of the devices."""
        return self._once("awake", lambda: np.any(self.phases(), axis=0))

    def before(self) -> Index:
        """Give each row's row before of the same device, -1 = in an earlier step."""
        return self._once("before", self._before)

    def rank(self) -> Index:
        """Give each row's number among the rows of its device, from 0."""
        return self._once("rank", lambda: np.arange(len(self)) - np.repeat(self.starts, self.counts))

    def last(self) -> Index:
        """Give the newest row of each device."""
        return self.starts + self.counts - 1

    def value_before(self, channel: str) -> Floats:
        """Give the value of the device's reading before; NaN = not measured then, or none."""
        if channel not in self.table.channels:
            return np.full(len(self), np.nan)
        held = self._once("held", lambda: self.table.values.take(self.place, axis=0))
        former = held[:, self.table.channels.index(channel)]
        if self.lone:
            return former
        values = self.column(channel)[self.before()]
        values[self.starts] = former[self.starts]
        return values

    def _before(self) -> Index:
        before = np.arange(-1, len(self) - 1)
        before[self.starts] = -1
        return before

    def _elapsed_s(self) -> Floats:
        times = self.table.ts_us.take(self.place)
        if not self.lone:
            former, times = times, self.frame.ts_us[self.before()]
            times[self.starts] = former[self.starts]
        gone = (self.frame.ts_us - times).astype(np.float64) / 1e6
        return np.where((times > 0) & (gone > 0), gone, np.nan)

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = make()
        return found


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

    def ts_us(self) -> Times:
        """Give the readings' times."""
        return self.rows.frame.ts_us[self.chosen]

    def window(self, channel: str, span_us: int) -> tuple[Floats, Times]:
        """Give the device's values of the span up to each row, and their ages."""
        values, ages_us = self.rows.window(channel, span_us)
        return values[self.chosen], ages_us[self.chosen]

    def neighbours(self, channel: str, radius_m: float) -> Floats:
        """Give the newest values of the devices around."""
        return self.rows.neighbours(channel, radius_m)[self.chosen]

    def lon_deg(self) -> Floats:
        """Give where the device was."""
        return self.rows.lon_deg()[self.chosen]

    def lat_deg(self) -> Floats:
        """Give where the device was."""
        return self.rows.lat_deg()[self.chosen]

    def inside(self, area: str) -> Floats:
        """Give 1 where the device is in the area, 0 where it is not."""
        return self.rows.inside(area)[self.chosen]

    def inside_before(self, area: str) -> Floats:
        """Give the same of the device's reading before."""
        return self.rows.inside_before(area)[self.chosen]

    def off_route_m(self) -> Floats:
        """Give the distance from the device's route, metres."""
        return self.rows.off_route_m()[self.chosen]


def gather(
    frames: Iterable[Frame],
    stream: Stream,
    place: NDArray[np.int32],
    fleet: Fleet,
    clock_us: int,
    outage: Outage | None,
) -> Mapping[str, Rows]:
    """Give the rows of each profile that a stream has rules for. `clock_us` and `outage` are by the stream's clock."""
    by_profile: dict[str, list[Frame]] = {}
    for frame in frames:
        if frame.profile in stream.tables and len(frame):
            by_profile.setdefault(frame.profile, []).append(frame)
    return {
        profile: _rows(joined(parts), stream, place, fleet, clock_us, outage) for profile, parts in by_profile.items()
    }


def _rows(
    frame: Frame, stream: Stream, places: NDArray[np.int32], fleet: Fleet, clock_us: int, outage: Outage | None
) -> Rows:
    ordered = np.sort(frame.slot)
    begins = ordered[1:] != ordered[:-1]
    lone = bool(begins.all())
    if lone:
        starts, counts = np.arange(len(frame)), np.ones(len(frame), np.intp)
    else:
        frame = frame.take(np.argsort(frame.slot, kind="stable"))
        starts = np.concatenate(([0], np.flatnonzero(begins) + 1))
        counts = np.concatenate((starts[1:], [len(frame)])) - starts
    place = places.take(frame.slot).astype(np.intp)
    table = stream.tables[frame.profile]
    rows = Rows(frame, table, fleet, place, starts, counts, lone, frame.ts_us, frame.ts_us)
    _listen(rows, stream.offset_us > 0, clock_us, outage)
    return rows


def _listen(rows: Rows, by_event_time: bool, clock_us: int, outage: Outage | None) -> None:
    """Say when each row was heard: when it was received, or by its own time; a device's clock never runs back."""
    former = rows.table.heard_us.take(rows.place)
    if outage is not None:
        former = heard_after(former, (outage,))
    received_us = rows.frame.received_us
    if by_event_time:
        rows.heard_at_us = np.maximum(rows.frame.ts_us, former)
    else:
        rows.heard_at_us = np.full(len(rows), clock_us) if received_us is None else received_us
    rows.heard_before_us = former
    if not rows.lone:
        rows.heard_before_us = rows.heard_at_us[rows.before()]
        rows.heard_before_us[rows.starts] = former[rows.starts]


def _else(values: Floats, instead: Floats) -> Floats:
    return np.where(np.isnan(values), instead, values)
