"""Each device's newest reading, by event time: what lists and maps show and what a starting ingest remembers.

Written down in slices, behind the readings (`ingest.latest`, ADR-0007); `recover` closes the gap after a crash. Takes a
connection, never commits.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from core.fleet import Fleet
from core.frame import Frame
from storage import binary_copy
from storage.arrays import int_array
from storage.readings import COPY_INCOMING, EMPTY_INCOMING

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UPSERT = """
INSERT INTO device_state (device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values")
SELECT device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values" FROM incoming ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE
SET ts = EXCLUDED.ts, received_at = EXCLUDED.received_at, seq = EXCLUDED.seq, quality = EXCLUDED.quality,
    origin = EXCLUDED.origin, unit_grid_id = EXCLUDED.unit_grid_id, "values" = EXCLUDED."values"
WHERE device_state.ts <= EXCLUDED.ts
"""
# In order of the key, as everybody who writes here: two that write the same devices wait, and do not deadlock.
RECOVER = """
INSERT INTO device_state (device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values")
SELECT DISTINCT ON (device_id) device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values"
FROM reading
WHERE received_at >= (SELECT coalesce(min(received_since), '-infinity') FROM device_state_kept)
ORDER BY device_id, ts DESC, received_at DESC, seq DESC
ON CONFLICT (device_id) DO UPDATE
SET ts = EXCLUDED.ts, received_at = EXCLUDED.received_at, seq = EXCLUDED.seq, quality = EXCLUDED.quality,
    origin = EXCLUDED.origin, unit_grid_id = EXCLUDED.unit_grid_id, "values" = EXCLUDED."values"
WHERE device_state.ts <= EXCLUDED.ts
"""
FORGET_FORMER_SHARDS = "DELETE FROM device_state_kept WHERE shard NOT IN (SELECT shard FROM shard_lease)"
KEPT = """
INSERT INTO device_state_kept (shard, received_since) VALUES (%(shard)s, %(since)s)
ON CONFLICT (shard) DO UPDATE SET received_since = EXCLUDED.received_since
"""

LATEST_TIMES = """
SELECT device_id, (extract(epoch FROM ts) * 1000000)::bigint
FROM device_state JOIN unnest(%(devices)s::int[]) AS wanted (device_id) USING (device_id)
"""


async def keep(conn: AsyncConnection, frame: Frame, fleet: Fleet, received_us: NDArray[np.int64]) -> None:
    """Write down the newest reading of some devices, each once; an older one than the stored does nothing.

    Units: `received_us` microseconds since 1970 UTC, a row.
    """
    await conn.execute(EMPTY_INCOMING)
    async with conn.cursor() as cursor, cursor.copy(COPY_INCOMING.encode()) as copy:
        await copy.write(binary_copy.SIGNATURE)
        for chunk in binary_copy.rows(frame, fleet, received_us):
            await copy.write(chunk)
        await copy.write(binary_copy.TRAILER)
    await conn.execute(UPSERT)


async def stamp(conn: AsyncConnection, shard: str, kept_us: int) -> None:
    """Put on record that all the shard's readings received before `kept_us` are written down."""
    await conn.execute(KEPT, {"shard": shard, "since": _EPOCH + timedelta(microseconds=kept_us)})


async def recover(conn: AsyncConnection, shard: str, now_us: int) -> int:
    """Bring the table up to date from the readings, and give how many devices that changed.

    Reads back what came in since the last stamp: seconds of readings under load, whatever the history.
    """
    cursor = await conn.execute(RECOVER)
    await conn.execute(FORGET_FORMER_SHARDS)
    await stamp(conn, shard, now_us)
    return cursor.rowcount


async def latest_times(conn: AsyncConnection, fleet: Fleet) -> NDArray[np.int64]:
    """Give the event time of each slot's newest reading, microseconds since 1970 UTC; 0 = none."""
    times = np.zeros(len(fleet), dtype=np.int64)
    cursor = await conn.execute(LATEST_TIMES, {"devices": int_array(fleet.device_id)})
    rows = await cursor.fetchall()
    if not rows or not len(fleet):
        return times
    table = np.array(rows, dtype=np.int64)
    order = np.argsort(fleet.device_id, kind="stable")
    slots = order[np.searchsorted(fleet.device_id, table[:, 0], sorter=order)]
    times[slots] = table[:, 1]
    return times
