"""Reads again from table `reading` what the rules' memory holds of single readings. Takes a connection, never commits.

Per device and by index, so its cost grows with the fleet and the spans looked back on, never with history: the readings
a stream holds back, those its windows look back on, and a device's newest one that the stream has seen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from alerts.memory import Places, Stream, Table, Times
from core.fleet import Fleet
from core.frame import Frame
from core.quality import Quality
from storage import binary_fetch
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
SELECT_SINCE = """
SELECT r.device_id, r.ts, r.seq{values}
FROM reading r JOIN device d USING (device_id)
WHERE d.profile = %(profile)s AND r.ts > %(since)s::timestamptz AND r.received_at > %(received)s::timestamptz
  AND NOT (r.quality & %(late)s <> 0 AND (%(offset_us)s = 0 OR r.ts <= r.received_at - %(offset)s::interval))
"""
VALUE = """, coalesce(r."values"[{position}], 'NaN')"""
STEADY_INTERVALS = 3
AHEAD_US = 3_600_000_000
"""More than a device's clock may be ahead: so much earlier a reading may have been received (our choice)."""
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
    """Fill the windows: of each device that was heard, the readings before and with the newest one it showed.

    Those of devices that report as agreed lie together at the end of the table and are read at a stroke; those of
    devices that fell silent, one by one.
    """
    known = np.flatnonzero(table.ts_us)
    if not len(known):
        return
    span_us, interval_us = table.rings.span_us, int(1e6 * np.median(fleet.interval_s[table.slots]))
    since_us = int(table.ts_us.max()) - span_us - STEADY_INTERVALS * interval_us
    steady = table.ts_us - span_us > since_us
    await _at_a_stroke(conn, stream, table, fleet, (steady, since_us))
    rest = known[~steady[known]]
    for begin in range(0, len(rest), 20_000):
        at = rest[begin : begin + 20_000]
        until = table.ts_us[at]
        wanted = (at, until - span_us - 1, until, table.rings.capacity[at])
        rows, seen = await _readings(conn, stream, table, fleet, wanted)
        if len(rows):
            table.rings.append(rows, seen)


async def _at_a_stroke(
    conn: AsyncConnection, stream: Stream, table: Table, fleet: Fleet, chosen: tuple[NDArray[np.bool_], int]
) -> None:
    """Fill the windows of the chosen places with all readings since."""
    steady, since_us = chosen
    cursor = await conn.execute(SELECT_CHANNELS, {"profile": table.profile})
    positions = {row[0]: number for number, row in enumerate(await cursor.fetchall(), 1)}
    channels = [channel for channel in table.rings.channels if channel in positions]
    query = SELECT_SINCE.format(values="".join(VALUE.format(position=positions[channel]) for channel in channels))
    kinds = {"device_id": "int4", "ts": "timestamptz", "seq": "int4"}
    since, ahead = _instants(np.array([since_us, since_us - AHEAD_US]))
    parameters = {"profile": table.profile, "since": since, "received": ahead, **_late(stream)}
    found = await binary_fetch.fetch(conn, query, parameters, kinds | {f"v_{name}": "float8" for name in channels})
    slot = np.minimum(np.searchsorted(fleet.device_id, found["device_id"]), len(fleet) - 1)
    place = np.minimum(np.searchsorted(table.slots, slot), len(table.slots) - 1)
    ours = (fleet.device_id[slot] == found["device_id"]) & (table.slots[place] == slot) & steady[place]
    age_us = table.ts_us[place] - found["ts"]
    ours &= (age_us >= 0) & (age_us <= table.rings.span_us)
    order = np.flatnonzero(ours)
    order = order[np.lexsort((found["seq"][order], found["ts"][order], place[order]))]
    if not len(order):
        return
    nothing = np.zeros(len(order), np.int32)
    values = [found[f"v_{name}"][order] for name in channels]
    seen = Frame(
        profile=table.profile,
        channels=tuple(channels),
        slot=slot[order].astype(np.int32),
        ts_us=found["ts"][order],
        seq=found["seq"][order],
        values=np.column_stack(values) if values else np.zeros((len(order), 0)),
        quality=nothing.astype(np.int16),
        origin=nothing.astype(np.int8),
        unit_grid_id=nothing,
        message=nothing,
    )
    table.rings.append(place[order], seen)


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
        **_late(stream),
    }
    cursor = await conn.execute(SELECT_READINGS, parameters)
    rows = await cursor.fetchall()
    return places[[row[0] - 1 for row in rows]], _frame(table, channels, places, rows)


def _late(stream: Stream) -> dict[str, Any]:
    offset = f"{stream.offset_us} microseconds"
    return {"late": int(Quality.LATE), "offset_us": stream.offset_us, "offset": offset}


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
