"""Stored readings in the order they were received, as columns: what a back-test runs on. Reads only.

A slice of time is copied out in PostgreSQL's binary format, parsed row layout by row layout and sorted: nothing is done
for a reading alone except taking its bytes from the driver. Slices follow the density of the data, so memory is bounded
whatever the span. The index on `received_at` finds a slice; a reading may bear any time of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.rows import dict_row

from storage import binary_copy

TARGET_ROWS = 100_000
"""Wanted in a slice: some tens of megabytes, and large enough that the slice's query costs little (our choice)."""
FIRST = timedelta(seconds=20)
LONGEST = timedelta(hours=6)
AHEAD = timedelta(days=2)
"""A reading never bears a time so far ahead of its arrival: chunks after that are not looked at."""

COPY_SLICE = """
COPY (
    SELECT ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values"
    FROM reading
    WHERE received_at >= {start} AND received_at < {end} AND ts < {until}
) TO STDOUT (FORMAT BINARY)
"""
FACTS = """
SELECT device_id, (extract(epoch FROM received_at) * 1000000)::bigint AS received_us,
       (extract(epoch FROM ts) * 1000000)::bigint AS ts_us, seq, kind, confidence, plate, snapshot_url, snapshot_sha256,
       origin, unit_grid_id, quality, detail
FROM event
WHERE received_at >= %(start)s AND received_at < %(end)s AND ts < %(until)s
ORDER BY received_at, ts, device_id, kind, seq
"""
_KINDS = {
    "ts": np.int64,
    "device_id": np.int32,
    "seq": np.int32,
    "received_at": np.int64,
    "quality": np.int16,
    "origin": np.int8,
    "unit_grid_id": np.int32,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Readings received in [start, end), ascending by when they were received, then by their own time.

    Shape: every array has n rows; `values` is (n, k), k = the most channels any row has; NaN = not measured.
    Units: times are microseconds since 1970 UTC.
    """

    start: datetime
    end: datetime
    ts: NDArray[np.int64]
    device_id: NDArray[np.int32]
    seq: NDArray[np.int32]
    received_at: NDArray[np.int64]
    quality: NDArray[np.int16]
    origin: NDArray[np.int8]
    unit_grid_id: NDArray[np.int32]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ts)


def prepare(conn: Connection) -> None:
    """Have the session use the index whatever the statistics of a young chunk say."""
    conn.execute("SET enable_seqscan = off")


def slices(conn: Connection, start: datetime, end: datetime) -> Iterator[Slice]:
    """Give the slices of [start, end), one after the other, also empty ones."""
    width = FIRST
    while start < end:
        until = min(start + width, end)
        found = _slice(conn, start, until)
        yield found
        start = until
        share = TARGET_ROWS / max(len(found), 1)
        width = min(LONGEST, max(width * min(2.0, share), timedelta(milliseconds=100)))


def facts(conn: Connection, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    """Give the facts received in [start, end), in that order, as the columns of `FACTS`; some at a time.

    Needs a transaction that stays open meanwhile: a connection of its own.
    """
    with conn.cursor("facts", row_factory=dict_row) as cursor:
        yield from cursor.execute(FACTS, {"start": start, "end": end, "until": end + AHEAD})


def _slice(conn: Connection, start: datetime, end: datetime) -> Slice:
    query = sql.SQL(COPY_SLICE).format(start=start, end=end, until=end + AHEAD)
    rows = _copied(conn, query)
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    parts = [
        part
        for length in np.unique(lengths).tolist()
        for part in _parsed(b"".join(compress(rows, (lengths == length).tolist())), length)
    ]
    return _sorted(parts, start, end)


def _copied(conn: Connection, query: sql.Composed) -> list[bytes]:
    """Give the rows of a COPY straight from the driver: psycopg's own iteration takes several times as long."""
    connection = conn.pgconn
    result = connection.exec_(query.as_bytes(conn))
    if result.status != ExecStatus.COPY_OUT:
        raise error_from_result(result)
    rows: list[bytes] = []
    while (got := connection.get_copy_data(0))[0] > 0:
        rows.append(bytes(got[1]))
    while (result := connection.get_result()) is not None:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
    rows[0] = rows[0][len(binary_copy.SIGNATURE) :]  # stands before the first row, or before the trailer
    return [row for row in rows if row != binary_copy.TRAILER]


def _parsed(data: bytes, length: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Give the columns of rows of one length, a part for each pattern of missing values."""
    rest = np.frombuffer(data, np.uint8).reshape(-1, length)
    while len(rest):
        missing = _missing(rest[0].tobytes())
        layout = binary_copy.layout(missing)
        table = rest.view(layout)[:, 0]
        alike = table["length"] == len(missing)
        for position, is_missing in enumerate(missing.tolist()):
            alike &= table[f"size_{position}"] == (-1 if is_missing else 8)
        chosen = table if alike.all() else table[alike]
        yield _columns(chosen, missing)
        rest = rest[~alike]


def _missing(row: bytes) -> NDArray[np.bool_]:
    """Give which of a row's values are missing."""
    at = binary_copy.HEAD_BYTES
    count = int.from_bytes(row[at - 8 : at - 4], "big")
    missing = np.zeros(count, np.bool_)
    for position in range(count):
        missing[position] = row[at : at + 4] == b"\xff\xff\xff\xff"
        at += 4 if missing[position] else 12
    return missing


def _columns(table: NDArray[np.void], missing: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    values = np.full((len(table), len(missing)), np.nan)
    for position in np.flatnonzero(~missing).tolist():
        values[:, position] = table[f"value_{position}"]
    return {**{name: table[name].astype(kind) for name, kind in _KINDS.items()}, "values": values}


def _sorted(parts: list[dict[str, NDArray[Any]]], start: datetime, end: datetime) -> Slice:
    """Put the parts together, in order."""
    width = max((part["values"].shape[1] for part in parts), default=0)
    columns: dict[str, NDArray[Any]] = {
        name: np.concatenate([part[name] for part in parts]) if parts else np.zeros(0, kind)
        for name, kind in _KINDS.items()
    }
    for name in ("ts", "received_at"):
        columns[name] += binary_copy.POSTGRES_EPOCH_US
    values = np.full((len(columns["ts"]), width), np.nan)
    first = 0
    for part in parts:
        rows, channels = part["values"].shape
        values[first : first + rows, :channels] = part["values"]
        first += rows
    order = np.lexsort((columns["seq"], columns["device_id"], columns["ts"], columns["received_at"]))
    ordered = {name: column[order] for name, column in columns.items()}
    return Slice(start=start, end=end, values=values[order], **ordered)
