"""Who is on duty when: rosters of shifts in local time. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from alerts.schedule import Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """People who take turns, in the order they are listed."""

    people: tuple[str, ...]
    starts: datetime
    """Local time of the first one's first handover, without a zone; before it nobody of this shift is on duty."""
    every: timedelta
    """How long a turn lasts, by the clock on the wall."""
    times: Schedule | None = None
    """When the shift is on at all; None = always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Somebody stands in: from `starts` until `ends` (local) these people are on duty and nobody else."""

    people: tuple[str, ...]
    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Who is on duty in a place, or for a trade."""

    name: str
    location: str
    """Name of the time zone."""
    shifts: tuple[Shift, ...]
    instead: tuple[Stand, ...] = ()


def on_duty(roster: Roster, at: datetime) -> tuple[str, ...]:
    """Give who is on duty at an instant: each one once, in the order of the shifts; empty = nobody."""
    local = at.astimezone(ZoneInfo(roster.location)).replace(tzinfo=None)
    standing_in = [stand.people for stand in roster.instead if stand.starts <= local < stand.ends]
    if standing_in:
        return tuple(dict.fromkeys(person for people in standing_in for person in people))
    on = [_turn(shift, local) for shift in roster.shifts if _is_on(shift, local, at)]
    return tuple(dict.fromkeys(on))


def _is_on(shift: Shift, local: datetime, at: datetime) -> bool:
    if local < shift.starts:
        return False
    if shift.times is None:
        return True
    ts_us = np.array([(at - _EPOCH) // timedelta(microseconds=1)], np.int64)
    return bool(shift.times.active(ts_us)[0])


def _turn(shift: Shift, local: datetime) -> str:
    return shift.people[(local - shift.starts) // shift.every % len(shift.people)]
