"""Local time and the calendar's fields of many instants at once. Pure.

Instants are microseconds since 1970 UTC. The offset of a zone is looked up once a quarter of an hour, the finest step
in which the clock of a zone changes, and not once an instant.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
_QUARTER_US = 15 * MINUTE_US
_THURSDAY = 4
"""1970-01-01 was a Thursday; Sunday = 0, as in Prometheus and Alertmanager."""


def local_us(ts_us: Times, zone: str) -> Times:
    """Give what a clock on the wall of the zone shows, as microseconds since its 1970-01-01 00:00."""
    if zone == "UTC" or not len(ts_us):
        return ts_us
    quarters, where = np.unique(ts_us // _QUARTER_US, return_inverse=True)
    offsets_us = np.fromiter((_offset_us(int(quarter), zone) for quarter in quarters), np.int64, len(quarters))
    return ts_us + offsets_us[where]


@lru_cache(maxsize=100_000)
def _offset_us(quarter: int, zone: str) -> int:
    """Give the zone's offset in a quarter of an hour, microseconds east of UTC."""
    offset = datetime.fromtimestamp(quarter * _QUARTER_US // 1_000_000, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() * 1_000_000)


def minute_of_day(local: Times) -> Times:
    """Give whole minutes since midnight, 0 to 1439."""
    return local % DAY_US // MINUTE_US


def hour(local: Times) -> Times:
    """Give the hour, 0 to 23."""
    return local % DAY_US // HOUR_US


def day_of_week(local: Times) -> Times:
    """Give the day of the week, 0 (Sunday) to 6."""
    return (local // DAY_US + _THURSDAY) % 7


@dataclass(frozen=True, slots=True)
class Dates:
    """Parts of dates, one entry an instant."""

    year: Times
    month: Times
    """1 to 12."""
    day: Times
    """Day of the month, from 1."""
    days_in_month: Times


def dates(local: Times) -> Dates:
    """Give the dates of local instants, by the Gregorian calendar."""
    days = (local // DAY_US).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    first = months.astype("datetime64[D]")
    count = months.astype(np.int64)
    return Dates(
        year=1970 + count // 12,
        month=1 + count % 12,
        day=(days - first).astype(np.int64) + 1,
        days_in_month=((months + 1).astype("datetime64[D]") - first).astype(np.int64),
    )
