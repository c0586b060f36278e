"""Keeps the roll-ups (by device and by class) and `ingest_1m` in step with `reading`, without rescanning it (ADR-0009).

Whoever stores readings leaves a mark for each (5-minute bucket, devices) it touched (`storage.marks`). `refresh` takes
marks and recomputes those pairs from the readings themselves, then marks and recomputes their hours and days from the
level below, all in one transaction: a crash puts the marks back, and repeating gives the same rows. A bucket is first
computed when it has ended, so on-time readings are read once; a late one costs its own device and buckets again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from storage import levels, locks, rollup_sql
from storage.levels import Level
from storage.rollup_sql import Channels

USUAL_ZONE = "Asia/Shanghai"
BITE = 12
"""Buckets taken at once, oldest first, each with all its marks: a bucket is computed once, an hour mostly once."""
GRACE = timedelta(seconds=15)
"""How long after its end a bucket is first computed: what comes a little late is then in it at once."""
PIECE = 20_000
"""Devices a statement computes at most: what it keeps in memory is bounded."""

LOCK = "SELECT pg_try_advisory_xact_lock(%(key)s)"

# The marks of ended buckets leave the queue, their message counts are added to the minutes, and their pairs come back,
# in one statement: what it saw committed is what the later statements of this transaction see at least.
TAKE = """
WITH taken AS (
    DELETE FROM rollup_queue
    WHERE bucket IN (
        SELECT DISTINCT bucket FROM rollup_queue WHERE bucket < %(until)s ORDER BY bucket LIMIT %(limit)s
    )
    RETURNING bucket, device_ids, minute, messages, late, lag_sum_s, lag_max_s
), counted AS (
    INSERT INTO ingest_1m AS m (minute, messages, late, lag_sum_s, lag_max_s)
    SELECT minute, sum(messages), sum(late), sum(lag_sum_s), max(lag_max_s) FROM taken
    GROUP BY minute HAVING sum(messages) > 0
    ON CONFLICT (minute) DO UPDATE
    SET messages = m.messages + EXCLUDED.messages, late = m.late + EXCLUDED.late,
        lag_sum_s = m.lag_sum_s + EXCLUDED.lag_sum_s, lag_max_s = greatest(m.lag_max_s, EXCLUDED.lag_max_s)
)
SELECT bucket, array_agg(DISTINCT device_id), (SELECT count(*) FROM taken)
FROM taken CROSS JOIN LATERAL unnest(device_ids) AS device_id
GROUP BY bucket
ORDER BY bucket
"""
TAKE_COARSE = """
WITH taken AS (
    DELETE FROM rollup_coarse_queue
    WHERE level = %(level)s AND bucket IN (
        SELECT DISTINCT bucket FROM rollup_coarse_queue
        WHERE level = %(level)s AND bucket < %(until)s ORDER BY bucket LIMIT %(limit)s
    )
    RETURNING bucket, device_ids
)
SELECT bucket, array_agg(DISTINCT device_id) FROM taken CROSS JOIN LATERAL unnest(device_ids) AS device_id
GROUP BY bucket
ORDER BY bucket
"""
MARK_COARSE = """
INSERT INTO rollup_coarse_queue (level, bucket, device_ids) VALUES (%(level)s, %(bucket)s, %(device_ids)s)
"""
LEVELS = "SELECT level, rolled_to, keeps_from FROM rollup_level"
ADVANCE = "UPDATE rollup_level SET rolled_to = %(rolled_to)s WHERE level = %(level)s AND rolled_to < %(rolled_to)s"
STAMP = "UPDATE rollup_state SET refreshed_at = %(now)s"

CHANNELS = """
SELECT coalesce(max(position), 1), coalesce(array_agg(DISTINCT position) FILTER (WHERE average = 'time_weighted'), '{}')
FROM profile_channel
"""
HOLDING = """
SELECT coalesce(array_agg(device_id), '{}'), coalesce(max(interval_s), 0) FROM device
WHERE device_id = ANY (%(device_ids)s::int[])
  AND profile IN (SELECT profile FROM profile_channel WHERE average = 'time_weighted')
"""
# A late message ends an interval earlier than the next one did: the bucket of that next one changes too.
FOLLOWING = """
SELECT time_bucket('5 minutes', next.ts), array_agg(device_id)
FROM (
    SELECT device_id, make_interval(secs => %(hold_intervals)s * interval_s) AS hold FROM device
    WHERE device_id = ANY (%(device_ids)s::int[])
) AS d
CROSS JOIN LATERAL (
    SELECT ts FROM reading AS r
    WHERE r.device_id = d.device_id AND ts >= %(end)s AND ts < %(rolled_to)s AND ts < %(end)s + d.hold
    ORDER BY ts LIMIT 1
) AS next
GROUP BY 1
"""

ZONE = "SELECT timezone FROM rollup_state"
CHANGE_ZONE = "UPDATE rollup_state SET timezone = %(zone)s"
FORGET_DAYS = """
DELETE FROM reading_1d;
DELETE FROM class_1d;
DELETE FROM rollup_coarse_queue WHERE level = '1d';
UPDATE rollup_level SET rolled_to = '1970-01-01T00:00:00Z' WHERE level = '1d'
"""
MARK_DAYS = """
INSERT INTO rollup_coarse_queue (level, bucket, device_ids)
SELECT '1d', date_trunc('day', bucket, %(zone)s), array_agg(DISTINCT device_id) FROM reading_1h GROUP BY 2
"""

Pairs = dict[datetime, set[int]]
"""Devices by start of the bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What one call did."""

    marks: int
    """Marks taken from the queue."""
    buckets: int
    """5-minute buckets recomputed."""
    rows: int
    """Rows of 5 minutes, hours and days written for devices."""
    more: bool
    """Whether marks are likely to be left: commit, and call again."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """One refresh under way."""

    conn: AsyncConnection
    zone: ZoneInfo
    limit: int
    rolled_to: dict[Level, datetime] = field(default_factory=dict[Level, datetime])
    keeps_from: dict[Level, datetime] = field(default_factory=dict[Level, datetime])
    channels: Channels = field(default_factory=lambda: Channels(count=1))
    rows: int = 0
    more: bool = False


async def refresh(conn: AsyncConnection, now: datetime, *, zone: str = USUAL_ZONE, limit: int = BITE) -> Refreshed:
    """Bring up to `limit` marked buckets of each level that ended by `now` up to date, oldest first.

    Does nothing while another refresher is at work. Call about every 15 s and again while `more`; the caller commits
    after each call. The connection must be READ COMMITTED (the default) and a writer's. Days are those of `zone`.
    """
    locked = await (await conn.execute(LOCK, {"key": locks.ROLLUPS})).fetchone()
    if not locked or not locked[0]:
        return Refreshed(marks=0, buckets=0, rows=0, more=False)
    run = _Run(conn=conn, zone=ZoneInfo(zone), limit=limit)
    await _read_state(run)
    marks, buckets = await _refresh_fine(run, levels.floor(Level.FINE, now - GRACE, run.zone))
    await _refresh_coarse(run, Level.HOUR, run.rolled_to[Level.FINE])
    await _refresh_coarse(run, Level.DAY, run.rolled_to[Level.HOUR])
    await conn.execute(STAMP, {"now": now})
    return Refreshed(marks=marks, buckets=buckets, rows=run.rows, more=run.more)


async def _read_state(run: _Run) -> None:
    conn = run.conn
    known = await (await conn.execute(ZONE)).fetchone()
    if known and known[0] != run.zone.key:  # days begin at other times now: made anew from the hours
        await conn.execute(FORGET_DAYS)
        await conn.execute(MARK_DAYS, {"zone": run.zone.key})
        await conn.execute(CHANGE_ZONE, {"zone": run.zone.key})
    for level, rolled_to, keeps_from in await (await conn.execute(LEVELS)).fetchall():
        run.rolled_to[Level(level)], run.keeps_from[Level(level)] = rolled_to, keeps_from
    found = await (await conn.execute(CHANNELS)).fetchone()
    if found:
        run.channels = Channels(count=found[0], held=frozenset(found[1]))


async def _refresh_fine(run: _Run, until: datetime) -> tuple[int, int]:
    """Give the marks taken and the 5-minute buckets computed."""
    taken = await (await run.conn.execute(TAKE, {"until": until, "limit": run.limit})).fetchall()
    pairs: Pairs = {start: set(ids) for start, ids, _ in taken if start >= run.keeps_from[Level.RAW]}
    for start, ids in list(pairs.items()):
        if (end := start + timedelta(minutes=5)) < run.rolled_to[Level.FINE]:
            await _add_following(run, end, ids, pairs)
    for start in sorted(pairs):
        await _fill_fine(run, start, sorted(pairs[start]))
    await _mark_coarse(run, Level.HOUR, pairs)
    reached = until
    if len(taken) == run.limit:
        run.more, reached = True, taken[-1][0] + timedelta(minutes=5)
    await _advance(run, (Level.MINUTE, Level.FINE), reached)
    return taken[0][2] if taken else 0, len(pairs)


async def _add_following(run: _Run, end: datetime, ids: Iterable[int], pairs: Pairs) -> None:
    holding, _ = await _holding(run, sorted(ids))
    if not holding:
        return
    values = {
        "device_ids": holding,
        "end": end,
        "rolled_to": run.rolled_to[Level.FINE],
        "hold_intervals": rollup_sql.HOLD_INTERVALS,
    }
    for bucket, devices in await (await run.conn.execute(FOLLOWING, values, prepare=False)).fetchall():
        pairs.setdefault(bucket, set()).update(devices)


async def _fill_fine(run: _Run, start: datetime, ids: list[int]) -> None:
    """Recompute one bucket: with the bounds known, the planner opens one chunk."""
    values = {
        "start": start,
        "end": start + timedelta(minutes=5),
        "keeps_minutes": start >= run.keeps_from[Level.MINUTE],
    }
    plain = rollup_sql.fine(Channels(count=run.channels.count))
    for piece in _pieces(ids):
        holding, longest_s = await _holding(run, piece)
        rest = sorted(set(piece) - set(holding))
        if rest:
            await _fill(run, plain, {**values, "device_ids": rest})
        if holding:
            since = start - timedelta(seconds=rollup_sql.HOLD_INTERVALS * longest_s)
            await _fill(run, rollup_sql.fine(run.channels), {**values, "device_ids": holding, "since": since})


async def _holding(run: _Run, ids: list[int]) -> tuple[list[int], float]:
    """Give those of the devices that have channels averaged by time, and the longest interval among them."""
    if not run.channels.held:
        return [], 0
    row = await (await run.conn.execute(HOLDING, {"device_ids": ids})).fetchone()
    return (sorted(row[0]), row[1]) if row else ([], 0)


async def _refresh_coarse(run: _Run, level: Level, rolled_to: datetime) -> None:
    """Recompute the marked buckets of `level` that have ended and whose parts are complete."""
    until = levels.floor(level, rolled_to, run.zone)
    values = {"level": level, "until": until, "limit": run.limit}
    taken = await (await run.conn.execute(TAKE_COARSE, values)).fetchall()
    for start, ids in taken:
        end = levels.after(level, start, run.zone)
        source = Level.FINE if level is Level.HOUR else levels.source(run.zone, start, end)
        statement = rollup_sql.coarse(level, source, run.channels)
        for piece in _pieces(sorted(ids)):
            await _fill(run, statement, {"start": start, "end": end, "device_ids": piece})
    if level is Level.HOUR:
        await _mark_coarse(run, Level.DAY, {start: set(ids) for start, ids in taken})
    reached = until
    if len(taken) == run.limit:
        run.more, reached = True, levels.after(level, taken[-1][0], run.zone)
    await _advance(run, (level,), reached)


async def _mark_coarse(run: _Run, level: Level, pairs: Mapping[datetime, Iterable[int]]) -> None:
    coarse: Pairs = {}
    for start, ids in pairs.items():
        coarse.setdefault(levels.floor(level, start, run.zone), set()).update(ids)
    for bucket, ids in coarse.items():
        await run.conn.execute(MARK_COARSE, {"level": level, "bucket": bucket, "device_ids": sorted(ids)})


async def _fill(run: _Run, statement: rollup_sql.Statement, values: Mapping[str, object]) -> None:
    run.rows += (await run.conn.execute(statement, values, prepare=False)).rowcount


async def _advance(run: _Run, reached: Sequence[Level], rolled_to: datetime) -> None:
    for level in reached:
        run.rolled_to[level] = max(run.rolled_to[level], rolled_to)
        await run.conn.execute(ADVANCE, {"level": level, "rolled_to": rolled_to})


def _pieces(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + PIECE] for start in range(0, len(ids), PIECE))
