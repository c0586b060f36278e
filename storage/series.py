"""One channel of one device over time, in buckets; every question bounds time, so only its chunks are read.

The level that answers is chosen by the width of the buckets (`storage.levels`); what is not rolled up yet and the
ragged ends come from finer levels in the same statement, down to the readings: the newest are always there. A late
reading shows in its bucket after the next refresh (ADR-0009).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection, sql

from storage import levels
from storage.levels import Level, Part
from storage.rollup_sql import CHATTY, HOLD_INTERVALS

# A device's rows lie on a page each. An index scan waits for one page after the other, a bitmap scan asks for many at
# once: a day that nobody has in memory takes 12 ms instead of 30.
READ_AHEAD = "SET LOCAL enable_indexscan = off"
STATE = "SELECT level, rolled_to, keeps_from, timezone FROM rollup_level CROSS JOIN rollup_state"
CHANNEL = """
SELECT c.average = 'time_weighted', make_interval(secs => %(intervals)s * d.interval_s)
FROM device AS d JOIN profile_channel AS c USING (profile)
WHERE d.device_id = %(device_id)s AND c.position = %(position)s
"""

# Every part gives: time, count, lowest, highest, sum, value times seconds held, seconds held.
ROLLED: LiteralString = """
SELECT bucket AS at, counts[%(position)s]::bigint AS n, mins[%(position)s] AS low, maxs[%(position)s] AS high,
       sums[%(position)s] AS total, areas[%(position)s] AS area, held_s[%(position)s] AS held_s
FROM {table} WHERE device_id = %(device_id)s AND bucket >= {start} AND bucket < {end}
"""
# The readings themselves, with the one before the first: its value held until that one.
READINGS: LiteralString = """
SELECT ts AS at, (v IS NOT NULL)::int::bigint AS n, v AS low, v AS high, v AS total, before * gap_s AS area,
       CASE WHEN before IS NOT NULL THEN gap_s END AS held_s
FROM (
    SELECT ts, v, lag(v) OVER one AS before,
           CASE WHEN ts - lag(ts) OVER one <= %(hold)s
                THEN extract(epoch FROM ts - lag(ts) OVER one)::double precision END AS gap_s
    FROM (
        SELECT ts, seq, "values"[%(position)s] AS v FROM reading
        WHERE device_id = %(device_id)s AND ts >= {start} AND ts < {end}
        UNION ALL (
            SELECT ts, seq, "values"[%(position)s] FROM reading
            WHERE device_id = %(device_id)s AND ts < {start} AND ts >= {start} - %(hold)s
            ORDER BY ts DESC, seq DESC LIMIT 1
        )
    ) AS message
    WINDOW one AS (ORDER BY ts, seq)
) AS held
WHERE ts >= {start}
"""
# Minutes are kept of busy stretches only; of the others the readings are as few.
QUIET: LiteralString = """
SELECT quiet.* FROM reading_5m AS f CROSS JOIN LATERAL ({readings}) AS quiet
WHERE f.device_id = %(device_id)s AND f.bucket > {start} - INTERVAL '5 minutes' AND f.bucket < {end}
  AND f.messages < {chatty}
"""
BUCKETS = sql.SQL("""
SELECT (extract(epoch FROM {bucket}) * 1000)::bigint AS at_ms, min(low),
       CASE WHEN %(is_weighted)s AND sum(held_s) > 0 THEN sum(area) / sum(held_s) ELSE sum(total) / sum(n) END,
       max(high), sum(n)::bigint
FROM ({parts}) AS part
GROUP BY at_ms
HAVING sum(n) > 0
ORDER BY at_ms
""")
CLOCK_BUCKET = sql.SQL("time_bucket(make_interval(secs => %(width_s)s), at)")
DAY_BUCKET = sql.SQL("time_bucket(make_interval(days => %(days)s), at, %(zone)s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The `position`-th channel of a device in [start, end), in at most `points` buckets."""

    device_id: int
    position: int
    start: datetime
    end: datetime
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a device measured: `points` are (start of bucket in epoch ms, min, mean, max, count)."""

    level: Level
    """The coarsest level that was read."""
    bucket_s: int
    average: str
    """`arithmetic` or `time_weighted`: what `mean` is."""
    points: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """How far each level is rolled up, and what it still keeps."""

    rolled_to: Mapping[Level, datetime]
    keeps_from: Mapping[Level, datetime]
    zone: ZoneInfo


async def state(conn: AsyncConnection) -> Levels:
    """Give how far the levels are."""
    rows = await (await conn.execute(STATE)).fetchall()
    return Levels(
        rolled_to={Level(row[0]): row[1] for row in rows},
        keeps_from={Level(row[0]): row[2] for row in rows},
        zone=ZoneInfo(rows[0][3] or "UTC"),
    )


async def answer(conn: AsyncConnection, question: Question) -> Answer:
    """Give the channel over time, from the coarsest level that its buckets can be made of."""
    known = await state(conn)
    span_s = (question.end - question.start).total_seconds()
    level, width_s = levels.choose(levels.bucket_s(span_s, question.points), question.start, known.keeps_from)
    values = {"device_id": question.device_id, "position": question.position, "intervals": HOLD_INTERVALS}
    channel = await (await conn.execute(CHANNEL, values)).fetchone()
    is_weighted, hold = channel or (False, timedelta(0))
    parts = levels.cover(level, question.start, question.end, known.rolled_to, known.zone)
    query = BUCKETS.format(bucket=bucket(width_s), parts=sql.SQL(" UNION ALL ").join(map(_part, parts)))
    values |= {"hold": hold, "is_weighted": is_weighted, **widths(width_s, known.zone)}
    async with conn.transaction():
        await conn.execute(READ_AHEAD)
        rows = await (await conn.execute(query, values, prepare=False)).fetchall()
    average = "time_weighted" if is_weighted else "arithmetic"
    return Answer(level=level, bucket_s=width_s, average=average, points=rows)


def widths(width_s: int, zone: ZoneInfo) -> dict[str, object]:
    """Give the parameters of `bucket`."""
    return {"width_s": width_s, "days": width_s // levels.DAY_S, "zone": zone.key}


def bucket(width_s: int) -> sql.SQL:
    """Give the start of the bucket of `at`: of whole days in the city's zone, otherwise by the clock (UTC)."""
    return DAY_BUCKET if width_s >= levels.DAY_S else CLOCK_BUCKET


def _part(part: Part) -> sql.Composable:
    start, end = sql.Literal(part.start), sql.Literal(part.end)
    if part.level is Level.RAW:
        return sql.SQL(READINGS).format(start=start, end=end)
    rolled = sql.SQL(ROLLED).format(table=sql.Identifier(f"reading_{part.level}"), start=start, end=end)
    if part.level is not Level.MINUTE:
        return rolled
    readings = sql.SQL(READINGS).format(
        start=sql.SQL("greatest(f.bucket, {})").format(start),
        end=sql.SQL("least(f.bucket + INTERVAL '5 minutes', {})").format(end),
    )
    quiet = sql.SQL(QUIET).format(readings=readings, start=start, end=end, chatty=sql.Literal(CHATTY))
    return sql.SQL("{} UNION ALL {}").format(rolled, quiet)
