"""Reads again from table `reading` what the rules' memory holds of single readings. Takes a connection, never commits.

Per device and by index, so its cost grows with the fleet and the spans looked back on, never with history: the readings
a stream holds back, those its windows look back on, and a device's newest one that the stream has seen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from psycopg import AsyncConnection

from alerts.memory import Places, Stream, Table, Times
from core.fleet import Fleet
from core.frame import Frame
from core.quality import Quality
from storage.arrays import int_array

SELECT_CHANNELS = "SELECT channel FROM profile_channel WHERE profile = %(profile)s ORDER BY position"
SELECT_READINGS = """
SELECT wanted.number, (extract(epoch FROM r.ts) * 1000000)::bigint, r.seq, r.quality, r.origin, r.unit_grid_id,
       r."values"
FROM unnest(%(devices)s::int[], %(since)s::timestamptz[], %(until)s::timestamptz[], %(most)s::int[])
     WITH ORDINALITY AS wanted (device_id, since, until, most, number)
CROSS JOIN LATERAL (
    SELECT * FROM reading
    WHERE device_id = wanted.device_id AND ts > wanted.since AND ts <= wanted.until AND ts > %(earliest)s
      AND NOT (quality & %(late)s <> 0 AND (%(offset_us)s = 0 OR ts <= received_at - %(offset)s::interval))
    ORDER BY ts DESC, seq DESC
    LIMIT wanted.most
) AS r
ORDER BY wanted.number, r.ts, r.seq
"""
FOREVER_US = 4_000_000_000_000_000
ALL = 1_000_000


async def fill(conn: AsyncConnection, stream: Stream, fleet: Fleet) -> None:
    """Complete what `device_state` says of a stream's tables."""
    for table in stream.tables.values():
        if stream.offset_us:
            await _take_back(conn, stream, table, fleet)
        if table.rings.channels:
            await _look_back(conn, stream, table, fleet)


async def _take_back(conn: AsyncConnection, stream: Stream, table: Table, fleet: Fleet) -> None:
    """Where a device's newest reading is still held back: hold it, and remember the one before as the newest seen."""
    waits = np.flatnonzero(table.ts_us > stream.released_us)
    if not len(waits):
        return
    released, forever = np.full(len(waits), stream.released_us), np.full(len(waits), FOREVER_US)
    nothing, every = np.zeros(len(waits), np.int64), np.full(len(waits), ALL)
    _, held = await _readings(conn, stream, table, fleet, (waits, released, forever, every))
    stream.held = stream.held.and_also([held])
    table.ts_us[waits] = 0
    table.heard_us[waits] = fleet.registered_us[table.slots[waits]]
    table.values[waits] = np.nan
    rows, seen = await _readings(conn, stream, table, fleet, (waits, nothing, released, np.ones(len(waits), np.int64)))
    table.ts_us[rows] = seen.ts_us
    table.heard_us[rows] = np.maximum(seen.ts_us, table.heard_us[rows])
    table.origin[rows] = seen.origin
    for position, channel in enumerate(table.channels):
        table.values[rows, position] = seen.column(channel)


async def _look_back(conn: AsyncConnection, stream: Stream, table: Table, fleet: Fleet) -> None:
    """Fill the windows: of each device that was heard, the readings before and with the newest one it showed."""
    known = np.flatnonzero(table.ts_us)
    span_us = table.rings.span_us
    for begin in range(0, len(known), 20_000):
        at = known[begin : begin + 20_000]
        until = table.ts_us[at]
        wanted = (at, until - span_us - 1, until, table.rings.capacity[at])
        rows, seen = await _readings(conn, stream, table, fleet, wanted)
        if len(rows):
            table.rings.append(rows, seen)


async def _readings(
    conn: AsyncConnection, stream: Stream, table: Table, fleet: Fleet, wanted: tuple[Places, Times, Times, Times]
) -> tuple[Places, Frame]:
    """Give the readings that the stream saw or will see of some places (since, until, how many), by place and time."""
    places, since_us, until_us, most = wanted
    cursor = await conn.execute(SELECT_CHANNELS, {"profile": table.profile})
    channels = tuple(row[0] for row in await cursor.fetchall())
    parameters: Mapping[str, Any] = {
        "devices": int_array(fleet.device_id[table.slots[places]]),
        "since": _instants(since_us),
        "until": _instants(until_us),
        "most": most.tolist(),
        "earliest": _instants(since_us.min(keepdims=True))[0],
        "late": int(Quality.LATE),
        "offset_us": stream.offset_us,
        "offset": f"{stream.offset_us} microseconds",
    }
    cursor = await conn.execute(SELECT_READINGS, parameters)
    rows = await cursor.fetchall()
    return places[[row[0] - 1 for row in rows]], _frame(table, channels, places, rows)


def _frame(table: Table, channels: tuple[str, ...], places: Places, rows: Sequence[tuple[Any, ...]]) -> Frame:
    values = np.full((len(rows), len(channels)), np.nan)
    for number, row in enumerate(rows):
        found = row[6][: len(channels)]
        values[number, : len(found)] = [np.nan if value is None else value for value in found]
    numbers = np.array([row[:6] for row in rows], dtype=np.int64).reshape(-1, 6)
    return Frame(
        profile=table.profile,
        channels=channels,
        slot=table.slots[places[numbers[:, 0] - 1]].astype(np.int32),
        ts_us=numbers[:, 1],
        seq=numbers[:, 2].astype(np.int32),
        values=values,
        quality=numbers[:, 3].astype(np.int16),
        origin=numbers[:, 4].astype(np.int8),
        unit_grid_id=numbers[:, 5].astype(np.int32),
        message=np.zeros(len(rows), np.int32),
    )


def _instants(times_us: Times) -> list[str]:
    """Give times as PostgreSQL reads them."""
    return [f"{text}Z" for text in np.datetime_as_string(times_us.astype("datetime64[us]")).tolist()]
