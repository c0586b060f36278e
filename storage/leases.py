"""Leases of shards: which ingest process carries which part of the city, by the database's clock.

A lease is taken by compare-and-set and has an epoch. `renew` runs inside every transaction that stores something: it
checks the epoch, and locks the row until the commit. So whoever lost his lease cannot commit, and nobody takes a lease
over while its holder is committing. Takes a connection, never commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import class_row

from core.errors import Conflict
from storage import locks

TTL_S = 5.0
"""A lease lasts this long after the last renewal; a killed owner is replaced a second or two later (our choice)."""
PROCESS_KEPT = "1 day"

ANNOUNCE = """
INSERT INTO ingest_process (process, setting, metrics_url, started_at, expires_at)
VALUES (
    %(process)s, %(setting)s, %(metrics_url)s, clock_timestamp(), clock_timestamp() + make_interval(secs => %(ttl_s)s)
)
ON CONFLICT (process) DO UPDATE
SET setting = EXCLUDED.setting, metrics_url = EXCLUDED.metrics_url, expires_at = EXCLUDED.expires_at
"""
WITHDRAW = "DELETE FROM ingest_process WHERE process = %(process)s OR expires_at < now() - %(kept)s::interval"
PROCESSES = """
SELECT process, setting, metrics_url,
       extract(epoch FROM clock_timestamp() - started_at)::double precision AS age_s
FROM ingest_process
WHERE expires_at > clock_timestamp() ORDER BY process
"""
DECLARE = """
INSERT INTO shard_lease (shard, districts, takes_foreign) VALUES (%(shard)s, %(districts)s, %(takes_foreign)s)
ON CONFLICT (shard) DO NOTHING
"""
LEASES = """
SELECT shard, districts, takes_foreign, epoch, process, expires_at > clock_timestamp() AS is_held,
       extract(epoch FROM clock_timestamp() - expires_at)::double precision AS free_s, acquired_at
FROM shard_lease ORDER BY shard
"""
ACQUIRE = """
UPDATE shard_lease AS mine
SET epoch = epoch + 1, process = %(process)s, backend_pid = NULL, acquired_at = clock_timestamp(),
    expires_at = clock_timestamp() + make_interval(secs => %(ttl_s)s)
WHERE shard = (
    SELECT shard FROM shard_lease WHERE shard = %(shard)s AND expires_at <= clock_timestamp() FOR UPDATE SKIP LOCKED
) AND NOT EXISTS (
    SELECT FROM shard_lease AS other
    WHERE other.shard <> mine.shard AND other.expires_at > clock_timestamp()
    AND (
        (other.takes_foreign AND mine.takes_foreign)
        OR coalesce(other.districts && mine.districts, other.districts <> '{}', mine.districts <> '{}', true)
    )
)
RETURNING epoch
"""
RENEW = """
UPDATE shard_lease
SET expires_at = clock_timestamp() + make_interval(secs => %(ttl_s)s), backend_pid = pg_backend_pid()
WHERE shard = %(shard)s AND epoch = %(epoch)s AND process = %(process)s
"""
RELEASE = """
UPDATE shard_lease SET expires_at = clock_timestamp(), process = NULL
WHERE shard = %(shard)s AND epoch = %(epoch)s AND process = %(process)s
"""
REMOVE = "DELETE FROM shard_lease WHERE shard = %(shard)s AND epoch = %(epoch)s AND process = %(process)s"
CUT_OFF = """
SELECT a.pid, pg_terminate_backend(a.pid)
FROM shard_lease l JOIN pg_stat_activity a ON a.pid = l.backend_pid
WHERE l.shard = %(shard)s AND l.expires_at <= clock_timestamp() AND a.wait_event_type = 'Client'
AND a.datname = current_database() AND a.application_name = 'citygrid-ingest'
"""
DISTRICTS = "SELECT area_code FROM area WHERE level = 'district' ORDER BY area_code"
SHOUT = "SELECT pg_notify(%s, '')"
CHANNEL = "citygrid_lease"


class LeaseLost(Conflict):
    """Somebody else carries the shard now; nothing was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A lease as its holder knows it."""

    shard: str
    epoch: int
    process: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease as everybody sees it."""

    shard: str
    districts: list[str] | None
    takes_foreign: bool
    epoch: int
    process: str | None
    """Who has it, or had it last; None = nobody, or given back."""
    is_held: bool
    free_s: float
    """For how long nobody has held it; negative while somebody does."""
    acquired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A living ingest process."""

    process: str
    setting: str
    metrics_url: str
    age_s: float


async def announce(conn: AsyncConnection, process: str, setting: str, metrics_url: str) -> None:
    """Say that this process lives; to be repeated well within `TTL_S`."""
    await conn.execute(ANNOUNCE, {"process": process, "setting": setting, "metrics_url": metrics_url, "ttl_s": TTL_S})


async def withdraw(conn: AsyncConnection, process: str) -> None:
    """Say that this process ends."""
    await conn.execute(WITHDRAW, {"process": process, "kept": PROCESS_KEPT})


async def processes(conn: AsyncConnection) -> list[Process]:
    """Give the living processes."""
    async with conn.cursor(row_factory=class_row(Process)) as cursor:
        return await (await cursor.execute(PROCESSES)).fetchall()


async def declare(conn: AsyncConnection, shards: Sequence[tuple[str, Sequence[str] | None, bool]]) -> None:
    """Make the rows of shards (name, districts, takes foreign formats) that have none yet."""
    for shard, districts, takes_foreign in shards:
        row = {"shard": shard, "districts": list(districts) if districts is not None else None}
        await conn.execute(DECLARE, row | {"takes_foreign": takes_foreign})


async def leases(conn: AsyncConnection) -> list[Lease]:
    """Give all leases, held or not."""
    async with conn.cursor(row_factory=class_row(Lease)) as cursor:
        return await (await cursor.execute(LEASES)).fetchall()


async def acquire(conn: AsyncConnection, shard: str, process: str) -> Held | None:
    """Take a free lease; None when somebody holds it, or holds one that carries some of the same devices."""
    await conn.execute("SELECT pg_advisory_xact_lock(%s)", (locks.LEASES,))
    cursor = await conn.execute(ACQUIRE, {"shard": shard, "process": process, "ttl_s": TTL_S})
    row = await cursor.fetchone()
    return Held(shard=shard, epoch=row[0], process=process) if row else None


async def renew(conn: AsyncConnection, held: Held) -> None:
    """Prolong the lease in the transaction that needs it; raises `LeaseLost` when it is somebody else's."""
    cursor = await conn.execute(
        RENEW, {"shard": held.shard, "epoch": held.epoch, "process": held.process, "ttl_s": TTL_S}
    )
    if cursor.rowcount != 1:
        raise LeaseLost(f"shard {held.shard} is carried by another process now")


async def release(conn: AsyncConnection, held: Held) -> None:
    """Give the lease back, so that somebody else takes it at once."""
    await conn.execute(RELEASE, {"shard": held.shard, "epoch": held.epoch, "process": held.process})
    await conn.execute(SHOUT, (CHANNEL,))


async def remove(conn: AsyncConnection, held: Held) -> None:
    """Remove a shard that the city is not divided into any more."""
    await conn.execute(REMOVE, {"shard": held.shard, "epoch": held.epoch, "process": held.process})
    await conn.execute(SHOUT, (CHANNEL,))


async def cut_off(conn: AsyncConnection, shard: str) -> int:
    """End the transaction of a holder whose lease ran out while the database waits for it: it is frozen, or far away.

    Without this a stopped process would keep its row locked, and its shard, for ever. Gives how many were ended.
    """
    await conn.execute("SET LOCAL ROLE NONE")  # a login may end its own connections, a group role may not
    cursor = await conn.execute(CUT_OFF, {"shard": shard})
    return len(await cursor.fetchall())


async def districts(conn: AsyncConnection) -> list[str]:
    """Give the codes of the districts a city can be divided by."""
    return [row[0] for row in await (await conn.execute(DISTRICTS)).fetchall()]
