"""What a device's health is read from: its battery's daily levels, and what was refused of it."""

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row, tuple_row

# The day's last level: what it fell to. Days that are not rolled up yet are left out, as is the running one.
LEVELS = """
SELECT extract(epoch FROM r.bucket) / 86400.0, r.lasts[c.position]
FROM device AS d
JOIN profile_channel AS c ON c.profile = d.profile AND c.channel = %(channel)s
JOIN reading_1d AS r ON r.device_id = d.device_id AND r.bucket >= %(since)s
WHERE d.label = %(label)s AND r.lasts[c.position] IS NOT NULL
ORDER BY r.bucket
"""
REFUSED = """
SELECT encode(digest, 'hex') AS id, reason, detail, first_seen, last_seen, seen
FROM dead_letter WHERE topic LIKE %(topic)s AND last_seen >= %(since)s
ORDER BY last_seen DESC, digest DESC LIMIT %(limit)s
"""


async def battery_levels(
    conn: AsyncConnection, label: str, channel: str, since: datetime
) -> tuple[list[float], list[float]]:
    """Give days (since 1970, of the city) and the level each ended with."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(LEVELS, {"label": label, "channel": channel, "since": since})
        rows = await cursor.fetchall()
    return [float(day) for day, _ in rows], [float(level) for _, level in rows]


async def refused(conn: AsyncConnection, own_topics: str, since: datetime, *, limit: int) -> list[dict[str, Any]]:
    """Give the newest dead letters of a device's own topics, which all begin with `own_topics`."""
    topic = own_topics.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(REFUSED, {"topic": topic, "since": since, "limit": limit})
        return await cursor.fetchall()
