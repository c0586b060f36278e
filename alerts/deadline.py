"""When an incident must be dealt with: limits by the clock, in working hours and in working days. Pure.

Source: the units and their meaning (紧急工作时, 紧急工作日, 工作时, 工作日), working time 08:00-12:00 and
14:00-18:00 on Monday to Friday: case-workflow specification of Yuncheng (2026), which says it follows GB/T 30428.8.
A working day as 8 working hours from the moment of filing, and an urgent day as 24 hours, are our choice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.errors import InvalidInput

_HALVES = ((time(8), time(12)), (time(14), time(18)))
_WORK_DAY_HOURS = 8
_SEARCH_DAYS = 3660
"""A calendar in which nobody works for ten years is a mistake."""


class Unit(StrEnum):
    """How a limit runs."""

    URGENT_HOUR = "urgent_hour"
    URGENT_DAY = "urgent_day"
    WORK_HOUR = "work_hour"
    WORK_DAY = "work_day"
    HOUR = "hour"
    DAY = "day"


_NATURAL_HOURS = {Unit.URGENT_HOUR: 1, Unit.HOUR: 1, Unit.URGENT_DAY: 24, Unit.DAY: 24}


@dataclass(frozen=True, slots=True)
class Limit:
    """An amount of time in a unit, e.g. 2 urgent hours."""

    amount: float
    unit: Unit

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The city's working time: its zone and the days off that are not weekends."""

    timezone: str = "Asia/Shanghai"
    holidays: frozenset[date] = frozenset()
    worked_weekends: frozenset[date] = frozenset()
    """Saturdays and Sundays worked in exchange for a holiday (调休)."""

    def works_on(self, day: date) -> bool:
        """Say whether offices are open on a day."""
        return day in self.worked_weekends or (day.weekday() < 5 and day not in self.holidays)


def parse(text: str) -> Limit:
    """Give the limit of a text such as `2 urgent_hour`; raises `InvalidInput` naming the units there are."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s+([a-z_]+)\s*", text)
    units = {unit.value for unit in Unit}
    if match is None or match[2] not in units or float(match[1]) <= 0:
        raise InvalidInput(
            f"{text!r} is no limit: write an amount above 0 and one of {', '.join(sorted(units))}, e.g. `2 urgent_hour`"
        )
    return Limit(float(match[1]), Unit(match[2]))


def due(filed: datetime, limit: Limit, calendar: Calendar) -> datetime:
    """Give the instant by which something filed at `filed` is due, in UTC."""
    natural = _NATURAL_HOURS.get(limit.unit)
    if natural is not None:
        return filed.astimezone(UTC) + timedelta(hours=limit.amount * natural)
    hours = limit.amount * (_WORK_DAY_HOURS if limit.unit is Unit.WORK_DAY else 1)
    left = timedelta(hours=hours)
    for start, end in _working_time(filed, calendar):
        if left <= end - start:
            return start + left
        left -= end - start
    raise InvalidInput(f"the calendar has no {hours:g} working hours within ten years of {filed:%Y-%m-%d}")


def _working_time(since: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """Give the stretches of working time from `since` on, in UTC: local times would hide a change of the clock."""
    zone = ZoneInfo(calendar.timezone)
    first = since.astimezone(zone).date()
    for number in range(_SEARCH_DAYS):
        day = first + timedelta(days=number)
        if not calendar.works_on(day):
            continue
        for opens, closes in _HALVES:
            start = max(datetime.combine(day, opens, zone).astimezone(UTC), since.astimezone(UTC))
            end = datetime.combine(day, closes, zone).astimezone(UTC)
            if start < end:
                yield start, end
