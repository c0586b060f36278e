"""Facts as the API shows them, newest first; every question bounds time, so only its chunks are read."""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]

LIST = """
SELECT e.ts, e.received_at, e.device_id, d.label AS device, d.profile, d.district_code, u.code AS unit_grid_code,
       e.kind, e.seq, e.confidence, e.plate, e.snapshot_url, e.snapshot_sha256, e.quality, e.origin, e.detail,
       ST_X(d.geom) AS lon, ST_Y(d.geom) AS lat
FROM event AS e
JOIN device AS d USING (device_id)
LEFT JOIN unit_grid AS u ON u.unit_grid_id = e.unit_grid_id
WHERE e.ts >= %(start)s AND e.ts < %(end)s AND {where}
ORDER BY e.ts DESC, e.device_id DESC, e.kind DESC, e.seq DESC
LIMIT %(limit)s
"""
FILTERS: Mapping[str, LiteralString] = {
    "device": "e.device_id = (SELECT device_id FROM device WHERE label = %(device)s)",
    "kind": "e.kind = %(kind)s",
    "plate": "e.plate = %(plate)s",
    "district_code": "d.district_code = %(district_code)s",
    "min_confidence": "e.confidence >= %(min_confidence)s",
    "west": "d.geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)",
    "after_ts": "e.ts <= %(after_ts)s"
    " AND (e.ts, e.device_id, e.kind, e.seq) < (%(after_ts)s, %(after_device)s, %(after_kind)s, %(after_seq)s)",
}
_PARAMETERS = frozenset({"south", "east", "north", "start", "end", "after_device", "after_kind", "after_seq"})
"""Belong to another filter's condition, or to the question itself."""


async def find(conn: AsyncConnection, given: Mapping[str, object], *, limit: int) -> list[Row]:
    """Give at most `limit` facts in [start, end) that pass the filters; see `FILTERS`."""
    plain = {name: value for name, value in given.items() if name not in _PARAMETERS}
    query = sql.SQL(LIST).format(where=where(FILTERS, plain))
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, {**given, "limit": limit})
        return await cursor.fetchall()
