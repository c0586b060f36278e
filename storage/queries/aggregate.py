"""One channel of many devices over time: of a class or a profile, in the whole city or a district.

Read from the roll-ups of classes, whose number of rows does not depend on how many devices there are (ADR-0009). Only
buckets that are rolled up count: half a city's last five minutes would be no mean of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql

from storage import levels, series
from storage.levels import Level
from storage.queries.where import where

POSITIONS = """
SELECT profile, position, unit, average = 'time_weighted' FROM profile_channel
WHERE channel = %(channel)s AND (%(profile)s::text IS NULL OR profile = %(profile)s)
"""
FILTERS: Mapping[str, LiteralString] = {
    "class_code": "class_code = %(class_code)s",
    "district_code": "district_code = %(district_code)s",
}
PART: LiteralString = """
SELECT bucket AS at, counts[c.position] AS n, mins[c.position] AS low, maxs[c.position] AS high,
       sums[c.position] AS total, areas[c.position] AS area, held_s[c.position] AS held_s
FROM {table} AS t JOIN profile_channel AS c ON c.profile = t.profile AND c.channel = %(channel)s
WHERE t.profile = ANY (%(profiles)s) AND bucket >= {start} AND bucket < {end} AND {where}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`channel` of the devices that pass the filters, in buckets of `width_s` over [start, end)."""

    channel: str
    filters: Mapping[str, str | None]
    """profile, class_code, district_code; None = any."""
    start: datetime
    end: datetime
    width_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What they measured together: `points` are (start of bucket in epoch ms, min, mean, max, count)."""

    level: Level
    bucket_s: int
    unit: str
    average: str
    complete_to: datetime
    """Buckets before this are rolled up."""
    points: list[tuple[Any, ...]]


async def answer(conn: AsyncConnection, question: Question) -> Answer | None:
    """Give the channel over time; None when no such profile has it."""
    found = await (
        await conn.execute(POSITIONS, {"channel": question.channel, "profile": question.filters["profile"]})
    ).fetchall()
    if not found:
        return None
    known = await series.state(conn)
    level, width_s = levels.choose(question.width_s, question.start, known.keeps_from)
    complete_to = min(question.end, known.rolled_to[Level.FINE])
    parts = levels.cover(level, question.start, complete_to, known.rolled_to, known.zone)
    filters = {name: value for name, value in question.filters.items() if name in FILTERS}
    rolled = [
        sql.SQL(PART).format(
            table=sql.Identifier(f"class_{part.level}"),
            start=sql.Literal(part.start),
            end=sql.Literal(part.end),
            where=where(FILTERS, filters),
        )
        for part in parts
        if part.level is not Level.RAW
    ]
    values = {
        **filters,
        "channel": question.channel,
        "profiles": [row[0] for row in found],
        "is_weighted": all(row[3] for row in found),
        **series.widths(width_s, known.zone),
    }
    points: list[tuple[Any, ...]] = []
    if rolled:
        query = series.BUCKETS.format(bucket=series.bucket(width_s), parts=sql.SQL(" UNION ALL ").join(rolled))
        points = await (await conn.execute(query, values, prepare=False)).fetchall()
    average = "time_weighted" if values["is_weighted"] else "arithmetic"
    return Answer(
        level=level, bucket_s=width_s, unit=found[0][2], average=average, complete_to=complete_to, points=points
    )
