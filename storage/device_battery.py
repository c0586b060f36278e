"""How long each device's battery lasts, as it was last worked out. Takes a connection, never commits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

Levels = tuple[int, list[float], list[float]]
"""A device's key, days since 1970 and the level each ended with; empty = it tells none."""

# The next devices that measure a level, by key; days that are not rolled up yet are left out.
NEXT_LEVELS = """
SELECT d.device_id, array_agg(extract(epoch FROM r.bucket)::float8 / 86400.0 ORDER BY r.bucket),
       array_agg(r.lasts[d.position] ORDER BY r.bucket)
FROM (
    SELECT d.device_id, c.position
    FROM device AS d JOIN profile_channel AS c ON c.profile = d.profile AND c.channel = %(channel)s
    WHERE d.device_id > %(after)s AND d.state NOT IN ('replaced', 'retired')
    ORDER BY d.device_id LIMIT %(limit)s
) AS d
LEFT JOIN reading_1d AS r
       ON r.device_id = d.device_id AND r.bucket >= %(since)s AND r.lasts[d.position] IS NOT NULL
GROUP BY d.device_id ORDER BY d.device_id
"""
KEEP = """
INSERT INTO device_battery AS b (device_id, days_left, made_at)
SELECT device_id, days_left, %(now)s
FROM unnest(%(device_id)s::int[], %(days_left)s::float8[]) AS given (device_id, days_left)
ON CONFLICT (device_id) DO UPDATE SET days_left = EXCLUDED.days_left, made_at = EXCLUDED.made_at
"""
FORGET = "DELETE FROM device_battery WHERE device_id > %(after)s AND device_id <= %(last)s AND made_at < %(now)s"
FORGET_REST = "DELETE FROM device_battery WHERE device_id > %(after)s"


async def next_levels(conn: AsyncConnection, after: int, *, channel: str, since: datetime, limit: int) -> list[Levels]:
    """Give the daily levels of the next devices by key that have the channel."""
    asked = {"after": after, "channel": channel, "since": since, "limit": limit}
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(NEXT_LEVELS, asked)
        rows: Sequence[tuple[Any, ...]] = await cursor.fetchall()
    return [(key, *_known(days, levels)) for key, days, levels in rows]


async def keep(conn: AsyncConnection, days_left: Mapping[int, float], after: int, last: int, now: datetime) -> None:
    """Write down forecasts by device; the devices between `after` and `last` that have none lose theirs."""
    await conn.execute(KEEP, {"device_id": list(days_left), "days_left": list(days_left.values()), "now": now})
    await conn.execute(FORGET, {"after": after, "last": last, "now": now})


async def forget_after(conn: AsyncConnection, after: int) -> None:
    """Drop the forecasts of all devices beyond a key."""
    await conn.execute(FORGET_REST, {"after": after})


def _known(days: Sequence[float | None], levels: Sequence[float | None]) -> tuple[list[float], list[float]]:
    both = [(day, level) for day, level in zip(days, levels, strict=True) if day is not None and level is not None]
    return [day for day, _ in both], [level for _, level in both]
