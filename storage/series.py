"""One channel of one device over time, in buckets; every question bounds time, so only its chunks are read."""

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

# Widths people can read off an axis, seconds.
WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)

BUCKETS = """
SELECT (extract(epoch FROM time_bucket(make_interval(secs => %(bucket_s)s), ts)) * 1000)::bigint AS at_ms,
       min(v), avg(v), max(v), count(v)
FROM (
    SELECT ts, "values"[%(position)s] AS v FROM reading
    WHERE device_id = %(device_id)s AND ts >= %(start)s AND ts < %(end)s
) AS r
WHERE v IS NOT NULL
GROUP BY at_ms
ORDER BY at_ms
"""


def bucket_s(span_s: float, points: int) -> int:
    """Give the narrowest usual width that cuts `span_s` into at most `points` buckets.

    Buckets are aligned to the clock, so a span may touch one more than it is long.
    """
    for width in WIDTHS_S:
        if span_s / width + 1 <= points:
            return width
    days = -(-span_s // (86_400 * (points - 1)))
    return int(days) * 86_400


async def buckets(
    conn: AsyncConnection, device_id: int, position: int, *, start: datetime, end: datetime, width_s: int
) -> list[tuple[Any, ...]]:
    """Give (start of bucket in epoch ms, min, mean, max, count) of the `position`-th channel in [start, end)."""
    values = {"device_id": device_id, "position": position, "start": start, "end": end, "bucket_s": width_s}
    cursor = await conn.execute(BUCKETS, values)
    return await cursor.fetchall()
