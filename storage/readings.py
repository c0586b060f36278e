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
from storage import binary_copy, marks

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
STORED_ARRIVALS = """
SELECT r.device_id, r.seq, (extract(epoch FROM r.ts) * 1000000)::bigint
FROM (SELECT DISTINCT * FROM unnest(%(device_ids)s::int[], %(seqs)s::int[], %(since)s::timestamptz[]))
     AS wanted (device_id, seq, since)
JOIN reading AS r ON r.device_id = wanted.device_id AND r.seq = wanted.seq AND r.ts > wanted.since
WHERE r.quality & %(untimed)s <> 0
"""
RECALL_S = 7 * 86_400.0
"""As long as the broker keeps our session: what it brings again is not older."""
REPEAT_S = 3600.0
"""And what a sender whose clock was never set sends again itself: its own time and number tell it (our choice)."""


async def prepare(conn: AsyncConnection) -> None:
    """Make the session's temporary table, and promise that what it stores is marked; once a connection."""
    await conn.execute(CREATE_INCOMING)
    await marks.prepare(conn)


async def insert_new(
    conn: AsyncConnection, frames: Sequence[Frame], fleet: Fleet, received_us: int
) -> tuple[Frame, ...]:
    """Store the frames, marked for the roll-ups, and give the rows that were not stored before, in their order.

    Shape: no two rows of `frames` may have the same identity (the pipeline sees to it).
    """
    fresh = await _insert(conn, frames, fleet, received_us)
    await marks.leave(conn, fresh, fleet, received_us)
    return fresh


async def _insert(conn: AsyncConnection, frames: Sequence[Frame], fleet: Fleet, received_us: int) -> tuple[Frame, ...]:
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
    """Give readings that carry no usable time the time they were stored under, if they were.

    Their identity is the content and the time of arrival; only the first arrival counts. Looks back
    `RECALL_S` for redelivered ones, `REPEAT_S` for those of a clock that was never set.
    """
    return tuple([await _recalled(conn, frame, fleet, redelivered, now_us) for frame in frames])


async def _recalled(
    conn: AsyncConnection, frame: Frame, fleet: Fleet, redelivered: Container[int], now_us: int
) -> Frame:
    untimed = np.flatnonzero(frame.quality & Quality.ARRIVAL_TIME)
    unset = (frame.quality & Quality.CLOCK_UNSET) != 0
    again = [row for row in untimed.tolist() if unset[row] or frame.message[row] in redelivered]
    if not again:
        return frame
    devices, seqs = fleet.device_id[frame.slot[again]], frame.seq[again]
    cursor = await conn.execute(
        STORED_ARRIVALS,
        {
            "device_ids": devices.tolist(),
            "seqs": seqs.tolist(),
            "untimed": int(Quality.ARRIVAL_TIME),
            "since": [
                datetime.fromtimestamp(
                    now_us / 1e6 - (RECALL_S if frame.message[row] in redelivered else REPEAT_S), UTC
                )
                for row in again
            ],
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


async def _copy(conn: AsyncConnection, statement: str, frames: Sequence[Frame], fleet: Fleet, received_us: int) -> None:
    async with conn.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        await copy.write(binary_copy.SIGNATURE)
        for frame in frames:
            for chunk in binary_copy.rows(frame, fleet, received_us):
                await copy.write(chunk)
        await copy.write(binary_copy.TRAILER)
