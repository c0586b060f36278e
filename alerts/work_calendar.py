"""When the city works: hours, holidays, make-up days, planting season; and time counted only while it does. Pure.

Source: working time 08:00-12:00 and 14:00-18:00 on Monday to Friday: case-workflow specification of Yuncheng (2026).
The planting seasons are our choice for the north of China. A city loads its own (`alerts.city_time`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.errors import InvalidInput

_SEARCH_DAYS = 3660
"""A calendar in which nobody works for ten years is a mistake."""


class Pace(StrEnum):
    """When a clock runs."""

    NATURAL = "natural"
    """Day and night, holidays too."""
    WORKING = "working"
    """In the city's working time."""
    PLANTING = "planting"
    """In its working time inside a planting season."""


class WorkDay(StrEnum):
    """How a limit of working days is read."""

    HOURS = "hours"
    """Eight working hours each, from the moment the clock starts."""
    END_OF_DAY = "end_of_day"
    """The same, and the rest of the day it ends on."""


@dataclass(frozen=True, slots=True, order=True)
class Season:
    """A part of every year, both days included; it may run over New Year."""

    since: tuple[int, int]
    """Month, day."""
    until: tuple[int, int]

    def holds(self, day: date) -> bool:
        """Say whether a day is in it."""
        at = (day.month, day.day)
        if self.since <= self.until:
            return self.since <= at <= self.until
        return at >= self.since or at <= self.until


WHOLE_YEAR = Season((1, 1), (12, 31))
PLANTING = (Season((3, 15), (5, 15)), Season((10, 15), (11, 30)))


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """A stretch of working time on a day of the week (Monday is 0), in a part of the year."""

    weekday: int
    opens: time
    closes: time
    season: Season = WHOLE_YEAR


ORDINARY = tuple(
    Hours(weekday, opens, closes)
    for weekday in range(5)
    for opens, closes in ((time(8), time(12)), (time(14), time(18)))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The city's working time."""

    timezone: str = "Asia/Shanghai"
    hours: tuple[Hours, ...] = ORDINARY
    holidays: frozenset[date] = frozenset()
    """Days off that would be worked."""
    worked_weekends: frozenset[date] = frozenset()
    """Days worked in exchange for a holiday (调休); by the hours of the week's first working day."""
    planting: tuple[Season, ...] = PLANTING
    work_day: WorkDay = WorkDay.HOURS

    def stretches_of(self, day: date) -> list[tuple[time, time]]:
        """Give a day's stretches of working time, in order; none on a day off."""
        weekday = day.weekday()
        if day in self.worked_weekends:
            weekday = min((hours.weekday for hours in self.hours), default=weekday)
        elif day in self.holidays:
            return []
        return sorted(
            (hours.opens, hours.closes) for hours in self.hours if hours.weekday == weekday and hours.season.holds(day)
        )

    def works_on(self, day: date) -> bool:
        """Say whether offices are open on a day."""
        return bool(self.stretches_of(day))


def after(start: datetime, amount: timedelta, pace: Pace, calendar: Calendar) -> datetime:
    """Give the instant, in UTC, at which `amount` of time at this pace has passed since `start`."""
    if pace is Pace.NATURAL or amount <= timedelta(0):
        return start.astimezone(UTC) + max(amount, timedelta(0))
    left = amount
    for opens, closes in _stretches(start, pace, calendar):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise _never(f"{amount.total_seconds() / 3600:g} {pace} hours", start)


def between(start: datetime, end: datetime, pace: Pace, calendar: Calendar) -> timedelta:
    """Give how much time at this pace lies between two instants; none when they stand the other way round."""
    if pace is Pace.NATURAL or end <= start:
        return max(end - start, timedelta(0))
    total = timedelta(0)
    for opens, closes in _stretches(start, pace, calendar):
        if opens >= end:
            return total
        total += min(closes, end.astimezone(UTC)) - opens
    raise _never(f"{pace} time", start)


def close_of_day(at: datetime, calendar: Calendar) -> datetime:
    """Give when offices close on the local day of an instant, in UTC; the instant itself on a day off."""
    zone = ZoneInfo(calendar.timezone)
    day = at.astimezone(zone).date()
    stretches = calendar.stretches_of(day)
    closes = datetime.combine(day, stretches[-1][1], zone) if stretches else at
    return max(closes.astimezone(UTC), at.astimezone(UTC))


def _stretches(since: datetime, pace: Pace, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """Give the stretches of working time from `since` on, in UTC: local times would hide a change of the clock."""
    zone = ZoneInfo(calendar.timezone)
    start = since.astimezone(UTC)
    first = since.astimezone(zone).date()
    for number in range(_SEARCH_DAYS):
        day = first + timedelta(days=number)
        if not _runs_on(day, pace, calendar):
            continue
        for opens, closes in calendar.stretches_of(day):
            begin = max(datetime.combine(day, opens, zone).astimezone(UTC), start)
            end = datetime.combine(day, closes, zone).astimezone(UTC)
            if begin < end:
                yield begin, end


def _runs_on(day: date, pace: Pace, calendar: Calendar) -> bool:
    return pace is not Pace.PLANTING or any(season.holds(day) for season in calendar.planting)


def _never(what: str, start: datetime) -> InvalidInput:
    return InvalidInput(f"the calendar has no {what} within ten years of {start:%Y-%m-%d}")
