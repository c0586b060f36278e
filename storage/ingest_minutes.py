"""What each shard did in each minute, for dashboards and for looking back. Takes a connection, never commits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

INSERT = """
INSERT INTO ingest_minute (
    minute, shard, epoch, process, by_lane, stored, repeated, refused, transitions, retries, batches, step_seconds,
    lag_s, waiting, broker_queued
)
VALUES (
    %(minute)s, %(shard)s, %(epoch)s, %(process)s, %(by_lane)s, %(stored)s, %(repeated)s, %(refused)s, %(transitions)s,
    %(retries)s, %(batches)s, %(step_seconds)s, %(lag_s)s, %(waiting)s, %(broker_queued)s
)
ON CONFLICT (minute, shard, epoch) DO NOTHING
"""
DELETE_BEFORE = "DELETE FROM ingest_minute WHERE minute < %(cutoff)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """A minute of a shard; the process that carried it writes it when it is over."""

    minute: datetime
    shard: str
    epoch: int
    process: str
    by_lane: Mapping[str, int]
    """Messages by lane."""
    stored: int
    repeated: int
    refused: Mapping[str, int]
    """Dead letters by reason."""
    transitions: int
    retries: int
    batches: int
    step_seconds: Mapping[str, float]
    lag_s: float
    waiting: int
    """Messages received and not carried, at its end."""
    broker_queued: int | None
    """Messages the broker held, at its end; None = it does not tell."""


async def insert(conn: AsyncConnection, minute: Minute) -> None:
    """Write a minute down; once."""
    row = {name: getattr(minute, name) for name in Minute.__dataclass_fields__}
    for name in ("by_lane", "refused", "step_seconds"):
        row[name] = Jsonb(dict(row[name]))
    await conn.execute(INSERT, row)


async def delete_before(conn: AsyncConnection, cutoff: datetime) -> None:
    """Delete minutes nobody wants to see any more."""
    await conn.execute(DELETE_BEFORE, {"cutoff": cutoff})
