"""When a rule looks at all: times of day, days and years in the shape of Alertmanager's `time_intervals`. Pure.

Source: Alertmanager, "Configuration", `time_interval`; package timeinterval. A time range holds its start, not its end;
all other ranges hold both. Ours alone: without `location` it is the city's time, not UTC.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts import clock

Times = NDArray[np.int64]
Mask = NDArray[np.bool_]
Span = tuple[int, int]
"""From and to."""

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Instants that fulfil every list that is not empty; a list is fulfilled by any of its spans."""

    location: str
    """Name of the time zone."""
    times: tuple[Span, ...] = ()
    """Minutes of the day, the end left out."""
    weekdays: tuple[Span, ...] = ()
    """0 = Sunday."""
    days_of_month: tuple[Span, ...] = ()
    """From 1; negative counts from the month's end, -1 = its last day."""
    months: tuple[Span, ...] = ()
    """1 = January."""
    years: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Instants in any of the intervals."""

    intervals: tuple[Interval, ...]

    def active(self, ts_us: Times) -> Mask:
        """Say which instants (microseconds since 1970 UTC) lie in the schedule."""
        result = np.zeros(len(ts_us), np.bool_)
        for interval in self.intervals:
            result |= _within(interval, ts_us)
        return result


def _within(interval: Interval, ts_us: Times) -> Mask:
    local = clock.local_us(ts_us, interval.location)
    result = np.ones(len(ts_us), np.bool_)
    if interval.times:
        minute = clock.minute_of_day(local)
        result &= _any(minute, tuple((start, end - 1) for start, end in interval.times))
    if interval.weekdays:
        result &= _any(clock.day_of_week(local), interval.weekdays)
    if interval.days_of_month or interval.months or interval.years:
        result &= _on_dates(interval, clock.dates(local))
    return result


def _on_dates(interval: Interval, dates: clock.Dates) -> Mask:
    result = np.ones(len(dates.day), np.bool_)
    if interval.days_of_month:
        days = np.zeros(len(dates.day), np.bool_)
        for start, end in interval.days_of_month:
            first, last = (np.where(d < 0, dates.days_in_month + 1 + d, d) for d in np.array([start, end]))
            days |= (np.maximum(first, 1) <= dates.day) & (dates.day <= last)
        result &= days
    if interval.months:
        result &= _any(dates.month, interval.months)
    if interval.years:
        result &= _any(dates.year, interval.years)
    return result


def _any(values: Times, spans: tuple[Span, ...]) -> Mask:
    result = np.zeros(len(values), np.bool_)
    for start, end in spans:
        result |= (start <= values) & (values <= end)
    return result
