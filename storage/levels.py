"""The levels readings are rolled up to, where their buckets begin, and which level answers a question. Pure (ADR-0009).

A span is covered by parts that meet without a gap: the middle from the coarsest level that may be used, its ragged ends
and what is not rolled up yet from finer ones, down to the readings themselves. So each reading counts exactly once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_S = 86_400


class Level(StrEnum):
    """How coarse; the names are those of the tables."""

    RAW = "raw"
    MINUTE = "1m"
    FINE = "5m"
    HOUR = "1h"
    DAY = "1d"


WIDTH_S: Mapping[Level, int] = {Level.MINUTE: 60, Level.FINE: 300, Level.HOUR: 3600, Level.DAY: DAY_S}
"""Seconds; a day of the city has 23 or 25 hours where clocks change."""
KEPT_EVER_LONGER = (Level.MINUTE, Level.RAW, Level.FINE, Level.HOUR, Level.DAY)
WIDE_TO_NARROW = (Level.DAY, Level.HOUR, Level.FINE, Level.MINUTE)

# Widths people can read off an axis, seconds.
WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY_S)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of time that one level answers for, [start, end)."""

    level: Level
    start: datetime
    end: datetime


def floor(level: Level, ts: datetime, zone: ZoneInfo) -> datetime:
    """Give the start of the bucket `ts` lies in, in UTC: days are the zone's, all others are counted from 1970 UTC."""
    if level is Level.DAY:
        local = ts.astimezone(zone)
        return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
    width = timedelta(seconds=WIDTH_S[level])
    return EPOCH + (ts - EPOCH) // width * width


def after(level: Level, start: datetime, zone: ZoneInfo) -> datetime:
    """Give the end of the bucket that begins at `start`."""
    if level is Level.DAY:
        return floor(
            level, (start.astimezone(zone).replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone), zone
        )
    return start + timedelta(seconds=WIDTH_S[level])


def ceil(level: Level, ts: datetime, zone: ZoneInfo) -> datetime:
    """Give the first start of a bucket at or after `ts`."""
    start = floor(level, ts, zone)
    return start if start == ts else after(level, start, zone)


def source(zone: ZoneInfo, start: datetime, end: datetime) -> Level:
    """Give what the day [start, end) is added up from: hours, unless the zone's days begin in the middle of one."""
    whole = all(floor(Level.HOUR, edge, zone) == edge for edge in (start, end))
    return Level.HOUR if whole else Level.FINE


def finer(level: Level, zone: ZoneInfo, start: datetime) -> Level:
    """Give the level that answers where `level` cannot."""
    if level is Level.DAY:
        day = floor(Level.DAY, start, zone)
        return source(zone, day, after(Level.DAY, day, zone))
    return Level.FINE if level is Level.HOUR else Level.RAW


def cover(
    level: Level, start: datetime, end: datetime, rolled_to: Mapping[Level, datetime], zone: ZoneInfo
) -> tuple[Part, ...]:
    """Give the parts that make up [start, end) in order, none coarser than `level`."""
    if start >= end:
        return ()
    if level is Level.RAW:
        return (Part(level, start, end),)
    low, high = ceil(level, start, zone), floor(level, min(end, rolled_to[level]), zone)
    if low >= high:
        return cover(finer(level, zone, start), start, end, rolled_to, zone)
    return (
        *cover(finer(level, zone, start), start, low, rolled_to, zone),
        Part(level, low, high),
        *cover(finer(level, zone, high), high, end, rolled_to, zone),
    )


def bucket_s(span_s: float, points: int) -> int:
    """Give the narrowest usual width that cuts `span_s` into at most `points` buckets.

    Buckets are aligned to the clock, so a span may touch one more than it is long.
    """
    for width in WIDTHS_S:
        if span_s / width + 1 <= points:
            return width
    days = -(-span_s // (DAY_S * (points - 1)))
    return int(days) * DAY_S


def choose(width_s: int, start: datetime, keeps_from: Mapping[Level, datetime]) -> tuple[Level, int]:
    """Give the coarsest level that buckets of `width_s` can be made of, and their width.

    Both grow when that level is not kept any more at `start`: a coarser answer is better than half of one.
    """
    fits = next((one for one in WIDE_TO_NARROW if width_s % WIDTH_S[one] == 0), Level.RAW)
    usable = KEPT_EVER_LONGER[KEPT_EVER_LONGER.index(fits) :]
    level = next((one for one in usable if keeps_from[one] <= start), Level.DAY)
    return level, max(width_s, WIDTH_S.get(level, 0))
