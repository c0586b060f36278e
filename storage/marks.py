"""Marks what a batch touched, so that the roll-ups of exactly that are recomputed (ADR-0009). Never commits.

`leave` belongs to whoever stores frames: `storage.readings.insert_new` calls it, in its transaction, with the rows that
were new. A session that called `prepare` promises to leave marks itself. What other sessions store is marked row by row
by the trigger on `reading`, so nothing is stored unmarked; without the promise `leave` does nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from core.fleet import Fleet
from core.frame import Frame
from core.origin import Origin
from core.quality import Quality

PROMISE = "SET citygrid.marks = 'writer'"
LEAVE = """
INSERT INTO rollup_queue (bucket, device_ids, minute, messages, late, lag_sum_s, lag_max_s)
SELECT %(bucket)s, %(device_ids)s::int[], date_trunc('minute', %(received_at)s::timestamptz), %(messages)s, %(late)s,
       %(lag_sum_s)s, %(lag_max_s)s
WHERE current_setting('citygrid.marks', true) = 'writer'
"""
BUCKET_US = 300_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One 5-minute bucket of event time, the devices that touched it, and how it arrived.

    Units: `bucket_us` microseconds since 1970 UTC; lag is arrival less event time, over rows neither late nor replayed.
    """

    bucket_us: int
    device_ids: NDArray[np.int32]
    """Each once."""
    messages: int
    late: int
    lag_sum_s: float
    lag_max_s: float


async def prepare(conn: AsyncConnection) -> None:
    """Promise, for the rest of the session, that whatever it stores is marked through `leave`."""
    await conn.execute(PROMISE)


async def leave(conn: AsyncConnection, fresh: Sequence[Frame], fleet: Fleet, received_us: int) -> None:
    """Mark the rows that were stored; a redelivered row is none of them and leaves no mark."""
    received_at = _utc(received_us)
    rows = [
        {
            "bucket": _utc(mark.bucket_us),
            "device_ids": "{" + str(mark.device_ids.tolist())[1:-1] + "}",  # three times as fast as a list
            "received_at": received_at,
            "messages": mark.messages,
            "late": mark.late,
            "lag_sum_s": mark.lag_sum_s,
            "lag_max_s": mark.lag_max_s,
        }
        for mark in of(fresh, fleet, received_us)
    ]
    if len(rows) == 1:  # by far the most batches: one round trip less than a pipeline
        await conn.execute(LEAVE, rows[0])
    elif rows:
        async with conn.cursor() as cursor:
            await cursor.executemany(LEAVE, rows)


def of(frames: Sequence[Frame], fleet: Fleet, received_us: int) -> Iterator[Mark]:
    """Give the marks of the frames' rows, by ascending bucket."""
    if not frames:
        return
    slots = np.concatenate([frame.slot for frame in frames])
    ts_us = np.concatenate([frame.ts_us for frame in frames])
    is_late = np.concatenate([frame.quality & Quality.LATE for frame in frames]).astype(bool)
    is_replayed = np.concatenate([frame.origin for frame in frames]) == Origin.REPLAYED
    lag_s = np.where(is_late | is_replayed, 0.0, np.maximum(received_us - ts_us, 0) / 1e6)
    for bucket, rows in _by_bucket(ts_us // BUCKET_US):
        yield Mark(
            bucket_us=bucket * BUCKET_US,
            device_ids=fleet.device_id[_each_once(slots[rows], len(fleet))],
            messages=len(slots[rows]),
            late=int(is_late[rows].sum()),
            lag_sum_s=float(lag_s[rows].sum()),
            lag_max_s=float(lag_s[rows].max()),
        )


def _by_bucket(buckets: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.intp] | slice]]:
    """Give the rows of each bucket; mostly there is one, and nothing needs sorting."""
    if not len(buckets):
        return
    if buckets.min() == buckets.max():
        yield int(buckets[0]), slice(None)
        return
    order = np.argsort(buckets, kind="stable")
    starts = np.flatnonzero(np.diff(buckets[order])) + 1
    for rows in np.split(order, starts):
        yield int(buckets[rows[0]]), rows


def _each_once(slots: NDArray[np.int32], count: int) -> NDArray[np.intp]:
    seen = np.zeros(count, dtype=np.bool_)
    seen[slots] = True
    return np.flatnonzero(seen)


def _utc(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1e6, UTC)
