"""When an incident must be dealt with: limits, their stages, and a clock that can be paused and extended. Pure.

Units: 紧急工作时 runs day and night, 工作时 and 工作日 in working time, 种植季节 N 工作日 in the planting season's.
Source: case-workflow specification of Yuncheng (2026), which says it follows GB/T 30428.8.
An urgent day is 24 hours, a working day eight working hours from when the clock starts (our choices; `WorkDay` has the
other reading). Stages run one after another: the clock of the next one starts when the one before it is done (ours).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from alerts.work_calendar import Calendar, Pace, WorkDay, after, between, close_of_day
from core.errors import InvalidInput

_WORK_DAY_HOURS = 8
AMBER_FROM = 0.8
"""Share of the limit used at which the light turns amber; source: the timer colours of a city platform of 2020."""
_STAGE = re.compile(r"[a-z][a-z_]{0,30}")
ONLY_STAGE = "dispose"
"""Name of the stage of a limit that has one."""


class Unit(StrEnum):
    """How a limit runs."""

    URGENT_HOUR = "urgent_hour"
    URGENT_DAY = "urgent_day"
    WORK_HOUR = "work_hour"
    WORK_DAY = "work_day"
    PLANTING_WORK_DAY = "planting_work_day"
    HOUR = "hour"
    DAY = "day"


_PACE = {Unit.WORK_HOUR: Pace.WORKING, Unit.WORK_DAY: Pace.WORKING, Unit.PLANTING_WORK_DAY: Pace.PLANTING}
_HOURS = {
    Unit.URGENT_DAY: 24,
    Unit.DAY: 24,
    Unit.WORK_DAY: _WORK_DAY_HOURS,
    Unit.PLANTING_WORK_DAY: _WORK_DAY_HOURS,
}
_LONGEST = {pace: timedelta(hours=366 * (24 if pace is Pace.NATURAL else _WORK_DAY_HOURS)) for pace in Pace}
_WORK_DAYS = frozenset({Unit.WORK_DAY, Unit.PLANTING_WORK_DAY})


class Light(StrEnum):
    """How much of a limit is used: at most 80 %, at most all of it, more."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Limit:
    """An amount of time in a unit, e.g. 2 urgent hours."""

    amount: float
    unit: Unit

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"

    @property
    def pace(self) -> Pace:
        """When it runs."""
        return _PACE.get(self.unit, Pace.NATURAL)


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a limit, e.g. to make safe within 2 urgent hours."""

    name: str
    limit: Limit

    def __str__(self) -> str:
        return f"{self.name}: {self.limit}"


def parse(text: str) -> Limit:
    """Give the limit of a text such as `2 urgent_hour`; raises `InvalidInput` naming the units there are."""
    match = re.fullmatch(r"\s*(\d{1,5}(?:\.\d{1,3})?)\s+([a-z_]+)\s*", text)
    units = {unit.value for unit in Unit}
    if match is None or match[2] not in units or float(match[1]) <= 0:
        raise InvalidInput(
            f"{text!r} is no limit: write an amount above 0 and one of {', '.join(sorted(units))}, e.g. `2 urgent_hour`"
        )
    limit = Limit(float(match[1]), Unit(match[2]))
    if amount(limit) > _LONGEST[limit.pace]:
        raise InvalidInput(f"{text!r} is longer than a year of days")
    return limit


def stages(text: str) -> tuple[Stage, ...]:
    """Give the stages of `2 urgent_hour`, or of `make_safe: 2 urgent_hour; repair: 3 work_day`, in order.

    Raises: `InvalidInput` when a part is no limit, has no name beside others, or a name stands twice.
    """
    parts = [part.strip() for part in text.split(";")]
    if len(parts) == 1 and ":" not in text:
        return (Stage(ONLY_STAGE, parse(text)),)
    found: list[Stage] = []
    for part in parts:
        name, colon, limit = part.partition(":")
        if not colon or not _STAGE.fullmatch(name.strip()):
            raise InvalidInput(f"{part!r} is no stage: write a name and a limit, e.g. `make_safe: 2 urgent_hour`")
        if name.strip() in {stage.name for stage in found}:
            raise InvalidInput(f"the stage {name.strip()} stands twice in {text!r}")
        found.append(Stage(name.strip(), parse(limit)))
    return tuple(found)


def text_of(parts: Sequence[Stage]) -> str:
    """Give the text `stages` reads."""
    return str(parts[0].limit) if [part.name for part in parts] == [ONLY_STAGE] else "; ".join(map(str, parts))


def to_json(parts: Iterable[Stage]) -> list[dict[str, str]]:
    """Give stages as the database keeps them with an incident."""
    return [{"name": part.name, "limit": str(part.limit)} for part in parts]


def from_json(kept: Iterable[Mapping[str, str]]) -> tuple[Stage, ...]:
    """Give the stages `to_json` gave."""
    return tuple(Stage(part["name"], parse(part["limit"])) for part in kept)


def due(
    start: datetime,
    limit: Limit,
    calendar: Calendar,
    *,
    pauses: Iterable[tuple[datetime, datetime]] = (),
    extended: timedelta = timedelta(0),
) -> datetime:
    """Give the instant by which something whose clock starts at `start` is due, in UTC.

    A pause that begins before it is due moves it by the time, at the limit's own pace, that lies in the pause; an
    extension is counted at that pace, too.
    """
    at = after(start, amount(limit) + extended, limit.pace, calendar)
    for begins, ends in sorted(pauses):
        if begins < at:
            at = after(at, between(max(begins, start), ends, limit.pace, calendar), limit.pace, calendar)
    return _rest_of_day(at, limit, calendar)


def worked(start: datetime, end: datetime, unit: Unit, calendar: Calendar) -> timedelta:
    """Give how much of a limit in `unit` is used between two instants."""
    return between(start, end, _PACE.get(unit, Pace.NATURAL), calendar)


def amount(limit: Limit) -> timedelta:
    """Give how long a limit, or an extension, is at its own pace."""
    return timedelta(hours=limit.amount * _HOURS.get(limit.unit, 1))


def _rest_of_day(at: datetime, limit: Limit, calendar: Calendar) -> datetime:
    given = limit.unit in _WORK_DAYS and calendar.work_day is WorkDay.END_OF_DAY
    return close_of_day(at, calendar) if given else at


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The instants at which a running clock means something; the light and escalation need nothing else."""

    amber_at: datetime
    due_at: datetime
    twice_at: datetime
    """When twice the limit is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The clock of a stage: what an incident's row says of it (columns clock_since, used_s, extended_s)."""

    limit: Limit
    since: datetime | None
    """Since when it runs; None = it stands."""
    used: timedelta = timedelta(0)
    """Before that."""
    extended: timedelta = timedelta(0)

    def used_at(self, now: datetime, calendar: Calendar) -> timedelta:
        """Give how much is used by now, at the limit's pace."""
        return self.used + (between(self.since, now, self.limit.pace, calendar) if self.since else timedelta(0))

    def marks(self, calendar: Calendar) -> Marks | None:
        """Give when it turns amber, is due, and is used twice; None while it stands.

        What was used up before the clock started again is given as that start.
        """
        if self.since is None:
            return None
        total = amount(self.limit) + self.extended
        amber, end, twice = (
            after(self.since, total * share - self.used, self.limit.pace, calendar) for share in (AMBER_FROM, 1, 2)
        )
        end = _rest_of_day(end, self.limit, calendar)
        return Marks(amber_at=min(amber, end), due_at=end, twice_at=max(twice, end))


def paused(clock: Clock, now: datetime, calendar: Calendar) -> Clock:
    """Give the clock standing from now on; one that stands stays as it is."""
    return replace(clock, since=None, used=clock.used_at(now, calendar))


def resumed(clock: Clock, now: datetime) -> Clock:
    """Give the clock running again from now on; one that runs stays as it is."""
    return clock if clock.since else replace(clock, since=now)


def extended(clock: Clock, by: Limit, now: datetime, calendar: Calendar) -> Clock:
    """Give the clock, running or standing, with more time from now on.

    Raises: `InvalidInput` for time of another pace than the limit's.
    """
    if by.pace is not clock.limit.pace:
        raise InvalidInput(f"a limit of {clock.limit} is extended in {clock.limit.unit}s or the like, not by {by}")
    since = now if clock.since else None
    return replace(clock, since=since, used=clock.used_at(now, calendar), extended=clock.extended + amount(by))


def light(now: datetime, marks: Marks) -> Light:
    """Give the light of a clock with these marks."""
    if now > marks.due_at:
        return Light.RED
    return Light.AMBER if now > marks.amber_at else Light.GREEN
