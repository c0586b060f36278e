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
SELECT severity, count(*) FROM incident WHERE is_open GROUP BY severity
"""

# What the marks of the roll-ups say of the last whole minute of arrival: few rows, however many devices there are. They
# are added to `ingest_1m` when their bucket is rolled up.
FLOW = """
SELECT coalesce(sum(messages), 0)::bigint AS readings_last_minute,
       sum(lag_sum_s) / nullif(sum(messages) - sum(late), 0) AS lag_s
FROM (
    SELECT messages, late, lag_sum_s FROM ingest_1m
    WHERE minute = date_trunc('minute', %(now)s::timestamptz) - INTERVAL '1 minute'
    UNION ALL
    SELECT messages, late, lag_sum_s FROM rollup_queue
    WHERE minute = date_trunc('minute', %(now)s::timestamptz) - INTERVAL '1 minute'
) AS stored
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
    """Give the messages of the last whole minute, their mean lag, and the time of the newest message."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(FLOW, clock)
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
