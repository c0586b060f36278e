"""Counts for the first screen and for readiness."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.devices import HEALTH

COMPONENTS = "SELECT count(*) FROM component"

DEVICES = """
SELECT health, count(*) FROM (
    SELECT {health} AS health FROM device AS d LEFT JOIN device_state AS r USING (device_id)
    WHERE d.state NOT IN ('replaced', 'retired')
) AS h GROUP BY health
"""
INCIDENTS = """
SELECT severity, count(*) FROM incident WHERE stage NOT IN ('resolved', 'closed') GROUP BY severity
"""

# One probe of the identity index a device: readings have no index on time alone. Lag leaves out replays, which are old
# on purpose (origin 2).
READINGS = """
SELECT coalesce(sum(r.n), 0)::bigint AS readings_last_minute,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM s.received_at - s.ts))
           FILTER (WHERE s.origin <> 2) AS lag_s
FROM device_state AS s
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM reading
    WHERE device_id = s.device_id AND ts > %(now)s - INTERVAL '1 minute' AND ts <= %(now)s
) AS r
WHERE s.received_at > %(now)s - INTERVAL '1 minute'
"""
LAST_INGEST = "SELECT max(received_at) FROM device_state"
CITY = "SELECT value FROM city_fact WHERE key = 'city'"


async def components(conn: AsyncConnection) -> int:
    """Count the components; tens of milliseconds at full size, so callers keep the answer for a while."""
    cursor = await conn.execute(COMPONENTS)
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def devices_by_health(conn: AsyncConnection, clock: Mapping[str, object]) -> dict[str, int]:
    """Count devices in use by health."""
    cursor = await conn.execute(sql.SQL(DEVICES).format(health=sql.SQL(HEALTH)), clock)
    return dict(await cursor.fetchall())


async def open_by_severity(conn: AsyncConnection) -> dict[str, int]:
    """Count open incidents by severity."""
    cursor = await conn.execute(INCIDENTS)
    return dict(await cursor.fetchall())


async def flow(conn: AsyncConnection, clock: Mapping[str, object]) -> dict[str, Any]:
    """Give the messages of the last minute, the lag and the time of the newest one."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(READINGS, clock)
        counts = await cursor.fetchone() or {}
    return {**counts, "last_ingest_at": await last_ingest(conn)}


async def last_ingest(conn: AsyncConnection) -> datetime | None:
    """Give when the newest reading arrived; None before the first."""
    cursor = await conn.execute(LAST_INGEST)
    row = await cursor.fetchone()
    return row[0] if row else None


async def city(conn: AsyncConnection) -> dict[str, Any]:
    """Give what is known of the loaded city: code, names, seed, whether it is synthetic; empty before one is loaded."""
    cursor = await conn.execute(CITY)
    row = await cursor.fetchone()
    return row[0] if row else {}
