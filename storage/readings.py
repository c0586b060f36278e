"""The readings hypertable: step 5 of the journey. Stores a batch's frames and says which rows were new.

The fast path copies straight into the hypertable; only a batch that meets a stored reading takes the slow path through
a temporary table. A reading's identity is (device, ts, seq). Takes a connection, never commits.
"""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from core.fleet import Fleet
from core.frame import Frame
from core.quality import Quality
from storage import binary_copy

CREATE_INCOMING = """
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
    ts timestamptz, device_id int, seq int, received_at timestamptz, quality smallint, origin smallint,
    unit_grid_id int, "values" double precision[]
) ON COMMIT DELETE ROWS
"""
EMPTY_INCOMING = "TRUNCATE incoming"
COPY_READING = """
COPY reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values") FROM STDIN (FORMAT BINARY)
"""
COPY_INCOMING = """
COPY incoming (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values") FROM STDIN (FORMAT BINARY)
"""
INSERT_NEW = """
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
SELECT ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values" FROM incoming
ON CONFLICT (device_id, ts, seq) DO NOTHING
RETURNING device_id, (extract(epoch FROM ts) * 1000000)::bigint, seq
"""
UPSERT_STATE = """
INSERT INTO device_state (device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values")
SELECT device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values" FROM incoming ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE
SET ts = EXCLUDED.ts, received_at = EXCLUDED.received_at, seq = EXCLUDED.seq, quality = EXCLUDED.quality,
    origin = EXCLUDED.origin, unit_grid_id = EXCLUDED.unit_grid_id, "values" = EXCLUDED."values"
WHERE device_state.ts <= EXCLUDED.ts
"""
STORED_ARRIVALS = """
SELECT r.device_id, r.seq, (extract(epoch FROM r.ts) * 1000000)::bigint
FROM (SELECT DISTINCT * FROM unnest(%(device_ids)s::int[], %(seqs)s::int[])) AS wanted (device_id, seq)
JOIN reading AS r ON r.device_id = wanted.device_id AND r.seq = wanted.seq AND r.ts > %(since)s
WHERE r.quality & %(untimed)s <> 0
"""
RECALL_S = 7 * 86_400.0
"""As long as the broker keeps our session: what it brings again is not older."""
LATEST_TIMES = """
SELECT device_id, (extract(epoch FROM ts) * 1000000)::bigint
FROM device_state JOIN unnest(%(devices)s::int[]) AS wanted (device_id) USING (device_id)
"""


async def prepare(conn: AsyncConnection) -> None:
    """Make the session's temporary table; once a connection."""
    await conn.execute(CREATE_INCOMING)


async def insert_new(
    conn: AsyncConnection, frames: Sequence[Frame], fleet: Fleet, received_us: int
) -> tuple[Frame, ...]:
    """Store the frames and give the rows that were not stored before, in their order.

    Shape: no two rows of `frames` may have the same identity (the pipeline sees to it).
    """
    if not frames:
        return ()
    try:
        async with conn.transaction():
            await _copy(conn, COPY_READING, frames, fleet, received_us)
    except UniqueViolation:
        return await _insert_unless_stored(conn, frames, fleet, received_us)
    return tuple(frames)


async def recall_arrivals(
    conn: AsyncConnection, frames: Sequence[Frame], fleet: Fleet, redelivered: Container[int], now_us: int
) -> tuple[Frame, ...]:
    """Give redelivered readings that carry no time the time they were stored under, if they were.

    Their identity is the content and the time of arrival; only the first arrival counts. Looks back `RECALL_S`.
    """
    return tuple([await _recalled(conn, frame, fleet, redelivered, now_us) for frame in frames])


async def _recalled(
    conn: AsyncConnection, frame: Frame, fleet: Fleet, redelivered: Container[int], now_us: int
) -> Frame:
    untimed = np.flatnonzero(frame.quality & Quality.ARRIVAL_TIME)
    again = [row for row in untimed.tolist() if frame.message[row] in redelivered]
    if not again:
        return frame
    devices, seqs = fleet.device_id[frame.slot[again]], frame.seq[again]
    cursor = await conn.execute(
        STORED_ARRIVALS,
        {
            "device_ids": devices.tolist(),
            "seqs": seqs.tolist(),
            "untimed": int(Quality.ARRIVAL_TIME),
            "since": datetime.fromtimestamp(now_us / 1e6 - RECALL_S, UTC),
        },
    )
    stored: dict[tuple[int, int], int] = {(device, seq): ts for device, seq, ts in await cursor.fetchall()}
    ts_us = frame.ts_us.copy()
    for row, device, seq in zip(again, devices.tolist(), seqs.tolist(), strict=True):
        if (known := stored.get((device, seq))) is not None:
            ts_us[row] = known
    changed = replace(frame, ts_us=ts_us)
    return changed.take(np.lexsort((changed.seq, changed.slot, changed.ts_us)))


async def _insert_unless_stored(
    conn: AsyncConnection, frames: Sequence[Frame], fleet: Fleet, received_us: int
) -> tuple[Frame, ...]:
    await conn.execute(EMPTY_INCOMING)
    await _copy(conn, COPY_INCOMING, frames, fleet, received_us)
    cursor = await conn.execute(INSERT_NEW)
    stored: set[tuple[int, int, int]] = set(await cursor.fetchall())
    await conn.execute(EMPTY_INCOMING)
    return tuple(fresh for frame in frames if len(fresh := _only(frame, fleet, stored)))


def _only(frame: Frame, fleet: Fleet, identities: set[tuple[int, int, int]]) -> Frame:
    devices = fleet.device_id[frame.slot].tolist()
    keep = [identity in identities for identity in zip(devices, frame.ts_us.tolist(), frame.seq.tolist(), strict=True)]
    return frame.take(np.array(keep, dtype=bool))


async def keep_latest(conn: AsyncConnection, frames: Sequence[Frame], fleet: Fleet, received_us: int) -> None:
    """Keep each device's newest reading, by event time, in `device_state`."""
    newest = [frame.take(_last_rows(frame)) for frame in frames]
    if not newest:
        return
    await _copy(conn, COPY_INCOMING, newest, fleet, received_us)
    await conn.execute(UPSERT_STATE)


def _last_rows(frame: Frame) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Give the index of each slot's last row; rows of a slot ascend in time."""
    _, from_end = np.unique(frame.slot[::-1], return_index=True)
    return np.sort(len(frame) - 1 - from_end)


async def latest_times(conn: AsyncConnection, fleet: Fleet) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Give the event time of each slot's newest stored reading, microseconds since 1970 UTC; 0 = none."""
    times = np.zeros(len(fleet), dtype=np.int64)
    cursor = await conn.execute(LATEST_TIMES, {"devices": fleet.device_id.tolist()})
    rows = await cursor.fetchall()
    if not rows or not len(fleet):
        return times
    table = np.array(rows, dtype=np.int64)
    slots = np.searchsorted(fleet.device_id, table[:, 0])
    known = slots < len(fleet)
    known[known] = fleet.device_id[slots[known]] == table[known, 0]
    times[slots[known]] = table[known, 1]
    return times


async def _copy(conn: AsyncConnection, statement: str, frames: Sequence[Frame], fleet: Fleet, received_us: int) -> None:
    async with conn.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        await copy.write(binary_copy.SIGNATURE)
        for frame in frames:
            for chunk in binary_copy.rows(frame, fleet, received_us):
                await copy.write(chunk)
        await copy.write(binary_copy.TRAILER)
