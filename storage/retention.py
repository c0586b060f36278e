"""Drops what is older than the installation keeps, whole chunks at a time, on either edition of TimescaleDB (ADR-0004).

Kept: readings, events, counts of doubts and minutes of arrival for `keep_days`; 5-minute roll-ups `FINE_FACTOR` times
as long; hourly roll-ups, incidents and their history for ever; dead letters for `keep_days` after they were last seen.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from storage import locks, rollups

FINE_FACTOR = 3
"""Our choice: with the default year of readings, three years at 5 minutes; a chart of that span has no finer pixels."""

WAIT_FOR_REFRESHER = "SELECT pg_advisory_xact_lock(%(key)s)"
DROP_READINGS = "SELECT drop_readings_before(%(cutoff)s)"
DROP_EVENTS = "SELECT drop_events_before(%(cutoff)s)"
DROP_ROLLUPS = "SELECT drop_rollups_before(%(cutoff)s)"
DELETE_MINUTES = "DELETE FROM ingest_1m WHERE minute < %(cutoff)s"
DELETE_QUALITY = "DELETE FROM device_quality WHERE day < %(cutoff)s::date"
DELETE_DEAD_LETTERS = "DELETE FROM dead_letter WHERE last_seen < %(cutoff)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforced:
    """What went."""

    reading_chunks: int
    event_chunks: int
    rollup_chunks: int
    minutes: int
    quality_days: int
    dead_letters: int


async def enforce(conn: AsyncConnection, keep_days: int, now: datetime) -> Enforced:
    """Drop what is too old; a chunk goes only when every row in it may go. Call about once an hour; the caller commits.

    Roll-ups are brought up to date first: what is dropped has been counted.
    """
    await conn.execute(WAIT_FOR_REFRESHER, {"key": locks.ROLLUPS})
    while (await rollups.refresh(conn, now)).more:
        pass
    cutoff = now - timedelta(days=keep_days)
    fine_cutoff = now - FINE_FACTOR * timedelta(days=keep_days)
    return Enforced(
        reading_chunks=await _number(await conn.execute(DROP_READINGS, {"cutoff": cutoff})),
        event_chunks=await _number(await conn.execute(DROP_EVENTS, {"cutoff": cutoff})),
        rollup_chunks=await _number(await conn.execute(DROP_ROLLUPS, {"cutoff": fine_cutoff})),
        minutes=(await conn.execute(DELETE_MINUTES, {"cutoff": cutoff})).rowcount,
        quality_days=(await conn.execute(DELETE_QUALITY, {"cutoff": cutoff})).rowcount,
        dead_letters=(await conn.execute(DELETE_DEAD_LETTERS, {"cutoff": cutoff})).rowcount,
    )


async def _number(cursor: AsyncCursor[Any]) -> int:
    row = await cursor.fetchone()
    return row[0] if row else 0
