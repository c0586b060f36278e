"""The statements that compute roll-ups: a bucket of many devices at a time, written for as many channels as there are.

Shape of every one: `part` (rows of the source, one column a channel and aggregate) -> `fresh` (one row a device) ->
the level's table and, by the difference to what stood there, the table of classes. One expression a channel and
aggregate is 2.5 times as fast as unnesting, and arrays opened once a row a third faster than once an aggregate
(ADR-0009). Parameters: start, end, device_ids; for `fine` also since (start less the longest hold), keeps_minutes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from storage.levels import Level

HOLD_INTERVALS = 3
"""A value is taken to hold until the next message, but no longer than this many reporting intervals: then its device is
called silent (`devices.health`), and nobody knows."""
CHATTY = 20
"""Messages in 5 minutes from which on minutes are kept (four a minute). Our choice: below, a minute's row costs more
than the readings it stands for."""

READINGS = sql.SQL("""
    SELECT device_id, ts, seq, time_bucket('1 minute', ts) AS minute, cardinality(v) AS width, {values}
    FROM (
        SELECT device_id, ts, seq, "values" AS v FROM reading
        WHERE device_id = ANY (%(device_ids)s::int[]) AND ts >= %(start)s AND ts < %(end)s
    ) AS message
    ORDER BY device_id, minute, ts, seq
""")

# The message before a bucket's first is looked up by key: the interval it begins ends, and counts, in this bucket.
HELD_READINGS = sql.SQL("""
    SELECT device_id, ts, seq, time_bucket('1 minute', ts) AS minute, width, {names}, {held}
    FROM (
        SELECT device_id, ts, seq, cardinality(v) AS width, {values}, {befores},
               extract(epoch FROM ts - lag(ts) OVER one)::double precision AS gap_s, hold_s
        FROM (
            SELECT device_id, ts, seq, "values" AS v FROM reading
            WHERE device_id = ANY (%(device_ids)s::int[]) AND ts >= %(start)s AND ts < %(end)s
            UNION ALL
            SELECT device_id, ts, seq, v FROM held_device CROSS JOIN LATERAL (
                SELECT ts, seq, "values" AS v FROM reading AS r
                WHERE r.device_id = held_device.device_id AND ts < %(start)s AND ts >= %(since)s
                  AND ts >= %(start)s - make_interval(secs => hold_s)
                ORDER BY ts DESC, seq DESC LIMIT 1
            ) AS earlier
        ) AS message
        LEFT JOIN held_device USING (device_id)
        WINDOW one AS (PARTITION BY device_id ORDER BY ts, seq)
    ) AS message
    WHERE ts >= %(start)s
    ORDER BY device_id, minute, ts, seq
""")
HELD_DEVICE = sql.SQL("""
held_device AS MATERIALIZED (
    SELECT device_id, {intervals} * interval_s AS hold_s FROM device WHERE device_id = ANY (%(device_ids)s::int[])
),
""")

# Rows come in order, so that the last element is the newest one measured.
MINUTES = sql.SQL("""
part AS MATERIALIZED (
    SELECT device_id, minute AS bucket, count(*)::int AS messages, max(ts) AS last_ts, max(width) AS width, {columns}
    FROM ({readings}) AS message
    GROUP BY device_id, minute
),
""")
ROLLED = sql.SQL("""
part AS (
    SELECT device_id, bucket, messages, last_ts, cardinality(counts) AS width, {columns} FROM {source}
    WHERE device_id = ANY (%(device_ids)s::int[]) AND bucket >= %(start)s AND bucket < %(end)s
),
""")
FRESH = sql.SQL("""
fresh AS MATERIALIZED (
    SELECT device_id, sum(messages)::int AS messages, max(last_ts) AS last_ts, max(width) AS width, {columns}
    FROM (SELECT * FROM part ORDER BY device_id, bucket) AS part
    GROUP BY device_id
),
""")
KEEP_MINUTES = sql.SQL("""
minute AS (
    INSERT INTO reading_1m (device_id, bucket, messages, last_ts, {names})
    SELECT device_id, bucket, messages, last_ts, {arrays} FROM part
    WHERE device_id IN (SELECT device_id FROM fresh WHERE messages >= {chatty}) AND %(keeps_minutes)s
    {upsert}
),
""")

# What a device adds to its class: counts, sums and held times by difference to what it added before; lowest and highest
# only ever move outwards, because readings are added and never changed. The former row is found by key, a device at a
# time: asked for as a list, the planner, which knows nothing of `fresh`, goes through the list for each device.
CLASSES = sql.SQL("""
class AS (
    INSERT INTO {classes} AS c (profile, class_code, district_code, bucket, messages, {names})
    SELECT profile, class_code, district_code, %(start)s, messages, {arrays}
    FROM (
        SELECT d.profile, coalesce(k.class_code, '') AS class_code, d.district_code, max(f.width) AS width,
               sum(f.messages - coalesce(o.messages, 0)) AS messages, {columns}
        FROM fresh AS f
        JOIN device AS d USING (device_id)
        LEFT JOIN component AS k USING (component_id)
        LEFT JOIN {level} AS o ON o.device_id = f.device_id AND o.bucket = %(start)s
        GROUP BY 1, 2, 3
    ) AS difference
    ON CONFLICT (profile, class_code, district_code, bucket) DO UPDATE
    SET messages = c.messages + EXCLUDED.messages, {merges}
)
""")
STORE = sql.SQL("""
INSERT INTO {level} (device_id, bucket, messages, last_ts, {names})
SELECT device_id, %(start)s, messages, last_ts, {arrays} FROM fresh
{upsert}
""")
UPSERT = sql.SQL("""
ON CONFLICT (device_id, bucket) DO UPDATE
SET messages = EXCLUDED.messages, last_ts = EXCLUDED.last_ts, counts = EXCLUDED.counts, mins = EXCLUDED.mins,
    maxs = EXCLUDED.maxs, sums = EXCLUDED.sums, lasts = EXCLUDED.lasts, areas = EXCLUDED.areas, held_s = EXCLUDED.held_s
""")

Statement = sql.Composed
Expressions = Mapping[str, LiteralString]
BY_DEVICE = ("counts", "mins", "maxs", "sums", "lasts", "areas", "held_s")
BY_CLASS = ("counts", "mins", "maxs", "sums", "areas", "held_s")
BY_TIME = frozenset({"areas", "held_s"})
"""Only of channels that are averaged by time."""

OF_VALUES: Expressions = {
    "counts": "count(v{k})",
    "mins": "min(v{k})",
    "maxs": "max(v{k})",
    "sums": "sum(v{k})",
    "lasts": "(array_agg(v{k}) FILTER (WHERE v{k} IS NOT NULL))[count(v{k})]",
    "areas": "sum(areas{k})",
    "held_s": "sum(held_s{k})",
}
OF_PARTS: Expressions = {
    "counts": "sum(counts{k})",
    "mins": "min(mins{k})",
    "maxs": "max(maxs{k})",
    "sums": "sum(sums{k})",
    "lasts": "(array_agg(lasts{k}) FILTER (WHERE lasts{k} IS NOT NULL))[count(lasts{k})]",
    "areas": "sum(areas{k})",
    "held_s": "sum(held_s{k})",
}
OPENED: Expressions = {
    "counts": "counts[{k}]",
    "mins": "mins[{k}]",
    "maxs": "maxs[{k}]",
    "sums": "sums[{k}]",
    "lasts": "lasts[{k}]",
    "areas": "areas[{k}]",
    "held_s": "held_s[{k}]",
}
DIFFERENCES: Expressions = {
    "counts": "sum(coalesce(f.counts{k}, 0) - coalesce(o.counts[{k}], 0))",
    "mins": "min(f.mins{k})",
    "maxs": "max(f.maxs{k})",
    "sums": "sum(coalesce(f.sums{k}, 0) - coalesce(o.sums[{k}], 0))",
    "areas": "sum(coalesce(f.areas{k}, 0) - coalesce(o.areas[{k}], 0))",
    "held_s": "sum(coalesce(f.held_s{k}, 0) - coalesce(o.held_s[{k}], 0))",
}
ELEMENTS: Expressions = {
    "counts": "coalesce(counts{k}, 0)",
    "mins": "mins{k}",
    "maxs": "maxs{k}",
    "sums": "coalesce(sums{k}, 0)",
    "lasts": "lasts{k}",
    "areas": "coalesce(areas{k}, 0)",
    "held_s": "coalesce(held_s{k}, 0)",
}
MERGED: Expressions = {
    "counts": "coalesce(c.counts[{k}], 0) + coalesce(EXCLUDED.counts[{k}], 0)",
    "mins": "least(c.mins[{k}], EXCLUDED.mins[{k}])",
    "maxs": "greatest(c.maxs[{k}], EXCLUDED.maxs[{k}])",
    "sums": "coalesce(c.sums[{k}], 0) + coalesce(EXCLUDED.sums[{k}], 0)",
    "areas": "coalesce(c.areas[{k}], 0) + coalesce(EXCLUDED.areas[{k}], 0)",
    "held_s": "coalesce(c.held_s[{k}], 0) + coalesce(EXCLUDED.held_s[{k}], 0)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """What the devices of a statement may have."""

    count: int
    """Positions of the widest profile."""
    held: frozenset[int] = frozenset()
    """Positions averaged by time; empty for devices of profiles without such a channel."""

    def of(self, aggregate: str) -> Iterator[int]:
        """Give the positions an aggregate is kept for."""
        return (k for k in range(1, self.count + 1) if aggregate not in BY_TIME or k in self.held)


def fine(channels: Channels) -> sql.Composed:
    """Give the statement that fills a 5-minute bucket, and its minutes, from readings."""
    part = MINUTES.format(columns=_columns(OF_VALUES, channels, BY_DEVICE), readings=_readings(channels))
    minutes = KEEP_MINUTES.format(
        names=_names(BY_DEVICE), arrays=_arrays(channels, BY_DEVICE), chatty=sql.Literal(CHATTY), upsert=UPSERT
    )
    before = HELD_DEVICE.format(intervals=sql.Literal(HOLD_INTERVALS)) if channels.held else sql.SQL("")
    return _statement(Level.FINE, channels, [before, part, _fresh(channels), minutes])


def coarse(level: Level, source: Level, channels: Channels) -> sql.Composed:
    """Give the statement that fills a bucket of `level` from those of `source`."""
    columns = _columns(OPENED, channels, BY_DEVICE)
    part = ROLLED.format(columns=columns, source=sql.Identifier(f"reading_{source}"))
    return _statement(level, channels, [part, _fresh(channels)])


def _statement(level: Level, channels: Channels, parts: Sequence[sql.Composable]) -> sql.Composed:
    table = sql.Identifier(f"reading_{level}")
    classes = CLASSES.format(
        classes=sql.Identifier(f"class_{level}"),
        names=_names(BY_CLASS),
        arrays=_arrays(channels, BY_CLASS),
        columns=_columns(DIFFERENCES, channels, BY_CLASS),
        level=table,
        merges=_merges(channels),
    )
    store = STORE.format(level=table, names=_names(BY_DEVICE), arrays=_arrays(channels, BY_DEVICE), upsert=UPSERT)
    return sql.Composed([sql.SQL("WITH "), *parts, classes, store])


def _readings(channels: Channels) -> sql.Composed:
    values = _list("v[{k}] AS v{k}", range(1, channels.count + 1))
    if not channels.held:
        return READINGS.format(values=values)
    held = sorted(channels.held)
    return HELD_READINGS.format(
        names=_list("v{k}", range(1, channels.count + 1)),
        values=values,
        befores=_list("lag(v[{k}]) OVER one AS before{k}", held),
        held=_joined(
            [
                _list("CASE WHEN gap_s <= hold_s AND before{k} IS NOT NULL THEN gap_s END AS held_s{k}", held),
                _list("CASE WHEN gap_s <= hold_s THEN before{k} * gap_s END AS areas{k}", held),
            ]
        ),
    )


def _fresh(channels: Channels) -> sql.Composed:
    return FRESH.format(columns=_columns(OF_PARTS, channels, BY_DEVICE))


def _names(aggregates: Sequence[str]) -> sql.Composed:
    return _joined(map(sql.Identifier, aggregates))


def _columns(expressions: Expressions, channels: Channels, aggregates: Sequence[str]) -> sql.Composed:
    """Give one column a channel and aggregate, named after both."""
    return _joined(
        _of(expressions[name], k) + sql.SQL(" AS ") + sql.Identifier(f"{name}{k}")
        for name in aggregates
        for k in channels.of(name)
    )


def _arrays(channels: Channels, aggregates: Sequence[str]) -> sql.Composed:
    """Give an array an aggregate, from its columns."""
    return _joined(_array(ELEMENTS, name, channels, sql.SQL("width")) for name in aggregates)


def _merges(channels: Channels) -> sql.Composed:
    """Give the assignments that add what is new to what stands there."""
    width = sql.SQL("greatest(cardinality(c.counts), cardinality(EXCLUDED.counts))")
    kept = [name for name in BY_CLASS if name not in BY_TIME or channels.held]
    return _joined(sql.Identifier(name) + sql.SQL(" = ") + _array(MERGED, name, channels, width) for name in kept)


def _array(expressions: Expressions, name: str, channels: Channels, width: sql.Composable) -> sql.Composed:
    """Give an array over the positions, cut to the longest that was met: no empty ends for shorter profiles."""
    positions = frozenset(channels.of(name))
    if not positions:
        return sql.SQL("NULL::double precision[]") + sql.SQL("")
    elements = _joined(
        _of(expressions[name], k) if k in positions else sql.SQL("NULL::double precision")
        for k in range(1, channels.count + 1)
    )
    return sql.SQL("(ARRAY[{}])[:{}]").format(elements, width)


def _list(expression: LiteralString, positions: Iterable[int]) -> sql.Composed:
    return _joined(_of(expression, k) for k in positions)


def _of(expression: LiteralString, position: int) -> sql.Composed:
    return sql.SQL(expression).format(k=sql.Literal(position))


def _joined(items: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(items)
