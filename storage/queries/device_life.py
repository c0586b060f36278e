"""A device's history, and the devices a component carried over time."""

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

Row = dict[str, Any]

EVENTS = """
SELECT e.at, e.actor, e.kind, e.detail FROM device_event AS e JOIN device AS d USING (device_id)
WHERE d.label = %(label)s ORDER BY e.at DESC, e.kind DESC LIMIT %(limit)s
"""
STOOD_ON = """
SELECT d.device_id, d.label, d.profile, d.state, m.since, m.until, f.label AS replaced_by
FROM device_mounting AS m
JOIN component AS c USING (component_id)
JOIN device AS d USING (device_id)
LEFT JOIN device AS f ON f.device_id = m.replaced_by
WHERE c.code = %(code)s
ORDER BY m.since DESC, m.mounting_id DESC
"""
PLACES = """
SELECT c.code AS component_code, m.since, m.until, f.label AS replaced_by
FROM device_mounting AS m
JOIN device AS d USING (device_id)
JOIN component AS c ON c.component_id = m.component_id
LEFT JOIN device AS f ON f.device_id = m.replaced_by
WHERE d.label = %(label)s
ORDER BY m.since DESC, m.mounting_id DESC
"""
CARRIED = """
SELECT d.device_id, d.label, c.position, c.unit, c.average, greatest(m.since, %(start)s) AS since,
       least(m.until, %(end)s) AS until
FROM device_mounting AS m
JOIN component AS k USING (component_id)
JOIN device AS d USING (device_id)
JOIN profile_channel AS c ON c.profile = d.profile AND c.channel = %(channel)s
WHERE k.code = %(code)s AND m.since < %(end)s AND (m.until IS NULL OR m.until > greatest(m.since, %(start)s))
ORDER BY m.since, m.mounting_id
"""


async def events(conn: AsyncConnection, label: str, *, limit: int) -> list[Row]:
    """Give what happened to a device, the newest first."""
    return await _rows(conn, EVENTS, {"label": label, "limit": limit})


async def places(conn: AsyncConnection, label: str) -> list[Row]:
    """Give the components a device stood on, the newest first."""
    return await _rows(conn, PLACES, {"label": label})


async def stood_on(conn: AsyncConnection, code: str) -> list[Row]:
    """Give the devices that a component carries and carried, the newest first."""
    return await _rows(conn, STOOD_ON, {"code": code})


async def carried(conn: AsyncConnection, code: str, channel: str, start: datetime, end: datetime) -> list[Row]:
    """Give the devices a component carried in [start, end) that have a channel, and from when to when."""
    return await _rows(conn, CARRIED, {"code": code, "channel": channel, "start": start, "end": end})


async def _rows(conn: AsyncConnection, query: str, values: dict[str, object]) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()
