"""Keeps `reading_5m`, `reading_1h` and `ingest_1m` in step with `reading`, without ever rescanning it (ADR-0004).

A trigger leaves a mark for each (bucket, devices) a transaction stored readings for. `refresh` takes marks and
recomputes those pairs from the readings themselves, in one transaction: a crash puts the marks back, and repeating
gives the same rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import AsyncConnection

LOCK_KEY = 4_217_000_008
"""One refresher at a time: two could overwrite a newer result with an older one."""
BITE = 2_000
"""Marks taken at once; bounds the transaction. A mark is one batch's share of one bucket."""
FINE = timedelta(minutes=5)
COARSE = timedelta(hours=1)

LOCK = "SELECT pg_try_advisory_xact_lock(%(key)s)"

# The marks leave the queue, their message counts are added to the minutes, and their pairs come back, in one statement:
# what it saw committed is what the later statements of this transaction see at least.
TAKE = """
WITH taken AS (
    DELETE FROM rollup_queue
    WHERE mark_id IN (SELECT mark_id FROM rollup_queue ORDER BY mark_id LIMIT %(limit)s)
    RETURNING bucket, device_ids, minute, messages, late, lag_sum_s, lag_max_s
), counted AS (
    INSERT INTO ingest_1m AS m (minute, messages, late, lag_sum_s, lag_max_s)
    SELECT minute, sum(messages), sum(late), sum(lag_sum_s), max(lag_max_s) FROM taken GROUP BY minute
    ON CONFLICT (minute) DO UPDATE
    SET messages = m.messages + EXCLUDED.messages, late = m.late + EXCLUDED.late,
        lag_sum_s = m.lag_sum_s + EXCLUDED.lag_sum_s, lag_max_s = greatest(m.lag_max_s, EXCLUDED.lag_max_s)
)
SELECT bucket, time_bucket('1 hour', bucket), array_agg(DISTINCT device_id), bucket >= keeps_from,
       (SELECT count(*) FROM taken)
FROM taken CROSS JOIN LATERAL unnest(device_ids) AS device_id CROSS JOIN rollup_state
GROUP BY bucket, keeps_from
ORDER BY bucket
"""

FILL_5M = """
INSERT INTO reading_5m (device_id, bucket, messages, last_ts, counts, mins, maxs, sums, lasts)
SELECT device_id, %(start)s, max(messages), max(last_ts), array_agg(count_of ORDER BY position),
       array_agg(min_of ORDER BY position), array_agg(max_of ORDER BY position),
       array_agg(coalesce(sum_of, 0) ORDER BY position), array_agg(last_of ORDER BY position)
FROM (
    SELECT device_id, position, count(*) AS messages, max(ts) AS last_ts, count(value)::int AS count_of,
           min(value) AS min_of, max(value) AS max_of, sum(value) AS sum_of,
           (array_agg(value ORDER BY ts DESC, seq DESC) FILTER (WHERE value IS NOT NULL))[1] AS last_of
    FROM reading CROSS JOIN LATERAL unnest("values") WITH ORDINALITY AS channel (value, position)
    WHERE device_id = ANY (%(device_ids)s::int[]) AND ts >= %(start)s AND ts < %(end)s
    GROUP BY device_id, position
) AS cell
GROUP BY device_id
ON CONFLICT (device_id, bucket) DO UPDATE
SET messages = EXCLUDED.messages, last_ts = EXCLUDED.last_ts, counts = EXCLUDED.counts, mins = EXCLUDED.mins,
    maxs = EXCLUDED.maxs, sums = EXCLUDED.sums, lasts = EXCLUDED.lasts
"""

FILL_1H = """
INSERT INTO reading_1h (device_id, bucket, messages, last_ts, counts, mins, maxs, sums, lasts)
SELECT device_id, %(start)s, max(messages), max(last_ts), array_agg(count_of ORDER BY position),
       array_agg(min_of ORDER BY position), array_agg(max_of ORDER BY position),
       array_agg(sum_of ORDER BY position), array_agg(last_of ORDER BY position)
FROM (
    SELECT device_id, position, sum(messages)::int AS messages, max(last_ts) AS last_ts, sum(n)::int AS count_of,
           min(low) AS min_of, max(high) AS max_of, sum(total) AS sum_of,
           (array_agg(newest ORDER BY bucket DESC) FILTER (WHERE newest IS NOT NULL))[1] AS last_of
    FROM reading_5m CROSS JOIN LATERAL unnest(counts, mins, maxs, sums, lasts)
        WITH ORDINALITY AS channel (n, low, high, total, newest, position)
    WHERE device_id = ANY (%(device_ids)s::int[]) AND bucket >= %(start)s AND bucket < %(end)s
    GROUP BY device_id, position
) AS cell
GROUP BY device_id
ON CONFLICT (device_id, bucket) DO UPDATE
SET messages = EXCLUDED.messages, last_ts = EXCLUDED.last_ts, counts = EXCLUDED.counts, mins = EXCLUDED.mins,
    maxs = EXCLUDED.maxs, sums = EXCLUDED.sums, lasts = EXCLUDED.lasts
"""

STAMP = "UPDATE rollup_state SET refreshed_at = %(now)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What one call did."""

    marks: int
    """Marks taken from the queue."""
    buckets: int
    """5-minute buckets recomputed."""
    rows: int
    """Rows of `reading_5m` and `reading_1h` written."""
    more: bool
    """Whether marks are likely to be left: commit, and call again."""


async def refresh(conn: AsyncConnection, now: datetime, *, limit: int = BITE) -> Refreshed:
    """Take up to `limit` marks and bring their roll-ups up to date; does nothing while another refresher is at work.

    Call about once a minute and again while `more`; the caller commits after each call. The connection must be READ
    COMMITTED (the default) and a writer's.
    """
    locked = await (await conn.execute(LOCK, {"key": LOCK_KEY})).fetchone()
    if not locked or not locked[0]:
        return Refreshed(marks=0, buckets=0, rows=0, more=False)
    taken = await (await conn.execute(TAKE, {"limit": limit})).fetchall()
    fine: dict[datetime, set[int]] = {}
    coarse: dict[datetime, set[int]] = {}
    for bucket, hour, ids, is_kept, _ in taken:
        if is_kept:
            fine[bucket] = set(ids)
            coarse.setdefault(hour, set()).update(ids)
    rows = await _fill_5m(conn, fine) + await _fill_1h(conn, coarse)
    await conn.execute(STAMP, {"now": now})
    marks = taken[0][-1] if taken else 0
    return Refreshed(marks=marks, buckets=len(fine), rows=rows, more=marks == limit)


async def _fill_5m(conn: AsyncConnection, touched: Mapping[datetime, set[int]]) -> int:
    """Recompute one bucket a statement: with the bounds known, the planner opens one chunk."""
    rows = 0
    for start, ids in touched.items():
        bounds = {"start": start, "end": start + FINE, "device_ids": sorted(ids)}
        rows += (await conn.execute(FILL_5M, bounds, prepare=False)).rowcount
    return rows


async def _fill_1h(conn: AsyncConnection, touched: Mapping[datetime, set[int]]) -> int:
    rows = 0
    for start, ids in touched.items():
        bounds = {"start": start, "end": start + COARSE, "device_ids": sorted(ids)}
        rows += (await conn.execute(FILL_1H, bounds, prepare=False)).rowcount
    return rows
