"""Drops what is older than the installation keeps, whole chunks at a time, on either edition of TimescaleDB (ADR-0004).

Each class of data has its own time (`Keep`). Incidents and their history are kept for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from core.errors import InvalidInput
from storage import locks, rollups
from storage.levels import Level

WAIT_FOR_REFRESHER = "SELECT pg_advisory_xact_lock(%(key)s)"
DROP_READINGS = "SELECT drop_readings_before(%(cutoff)s)"
DROP_EVENTS = "SELECT drop_events_before(%(cutoff)s)"
DROP_LEVEL = "SELECT drop_level_before(%(level)s, %(cutoff)s)"
DELETE_MINUTES = "DELETE FROM ingest_1m WHERE minute < %(cutoff)s"
DELETE_QUALITY = "DELETE FROM device_quality WHERE day < %(cutoff)s::date"
DELETE_DEAD_LETTERS = "DELETE FROM dead_letter WHERE last_seen < %(cutoff)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How many days each class of data is kept; 0 = for ever.

    Raises: `InvalidInput` when a level would go before the one it is made from: a late reading could not be added up.
    """

    readings: int = 365
    minutes: int = 7
    """Roll-ups of one minute: made from readings, which are there anyway, for charts to be quick."""
    fine: int = 3 * 365
    """Roll-ups of 5 minutes."""
    hours: int = 0
    days: int = 0
    events: int = 365
    arrivals: int = 365
    """Messages by minute of arrival, and counts of doubts by device and day."""
    dead_letters: int = 90
    """From when they were last seen."""

    def __post_init__(self) -> None:
        chain = (("readings", self.readings), ("5 minutes", self.fine), ("hours", self.hours), ("days", self.days))
        for (name, kept), (next_name, next_kept) in pairwise(chain):
            if next_kept and (not kept or next_kept < kept):
                raise InvalidInput(f"{next_name} are kept for {next_kept} days, less than {name}, which they come from")

    def of_level(self) -> Mapping[Level, int]:
        """Give the days of each level of roll-ups."""
        return {Level.MINUTE: self.minutes, Level.FINE: self.fine, Level.HOUR: self.hours, Level.DAY: self.days}


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforced:
    """What went."""

    reading_chunks: int
    event_chunks: int
    rollup_chunks: int
    minutes: int
    quality_days: int
    dead_letters: int


async def enforce(conn: AsyncConnection, keep: Keep, now: datetime, *, zone: str = rollups.USUAL_ZONE) -> Enforced:
    """Drop what is too old; a chunk goes only when every row in it may go. Call about once an hour; the caller commits.

    Roll-ups are brought up to date first: what is dropped has been counted.
    """
    await conn.execute(WAIT_FOR_REFRESHER, {"key": locks.ROLLUPS})
    while (await rollups.refresh(conn, now, zone=zone)).more:
        pass
    levels = [await _dropped(conn, DROP_LEVEL, days, now, level=level.value) for level, days in keep.of_level().items()]
    return Enforced(
        reading_chunks=await _dropped(conn, DROP_READINGS, keep.readings, now),
        event_chunks=await _dropped(conn, DROP_EVENTS, keep.events, now),
        rollup_chunks=sum(levels),
        minutes=await _deleted(conn, DELETE_MINUTES, keep.arrivals, now),
        quality_days=await _deleted(conn, DELETE_QUALITY, keep.arrivals, now),
        dead_letters=await _deleted(conn, DELETE_DEAD_LETTERS, keep.dead_letters, now),
    )


async def _dropped(conn: AsyncConnection, statement: str, days: int, now: datetime, **values: str) -> int:
    row = await (await _run(conn, statement, days, now, values)).fetchone() if days else None
    return row[0] if row else 0


async def _deleted(conn: AsyncConnection, statement: str, days: int, now: datetime) -> int:
    return (await _run(conn, statement, days, now, {})).rowcount if days else 0


async def _run(
    conn: AsyncConnection, statement: str, days: int, now: datetime, values: Mapping[str, str]
) -> AsyncCursor[Any]:
    return await conn.execute(statement.encode(), {**values, "cutoff": now - timedelta(days=days)})
