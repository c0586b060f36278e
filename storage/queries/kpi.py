"""What the figures of evaluation are counted from: cases with their times, and how much the devices reported."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]

CASE_KEYS: Mapping[str, tuple[LiteralString, LiteralString, LiteralString]] = {
    "city": ("left(i.district_code, 4) || '00'", "city.name_zh", "city.name_en"),
    "district": ("i.district_code", "district.name_zh", "district.name_en"),
    "street": ("street.area_code", "street.name_zh", "street.name_en"),
    "patrol_grid": ("g.code", "g.name_zh", "g.name_en"),
    "department": ("i.department_id::text", "p.name_zh", "p.name_en"),
    "subsystem": ("k.subsystem", "k.subsystem", "k.subsystem"),
    "class": ("coalesce(i.class_code, c.class_code)", "k.name_zh", "k.name_en"),
}
"""By what cases can be grouped: key, Chinese and English name."""

# Every case that some figure of the period may count: something about it happened, or was due, in it. What was merged
# into another case, or split into children, is counted there.
CASES = """
SELECT {key} AS key, {name_zh} AS name_zh, {name_en} AS name_en,
       i.opened_at AS reported_at, i.filed_at, i.dispatched_at, due.at AS due_at, i.handled_at,
       CASE WHEN i.outcome IN ('handled', 'recovered', 'forced') THEN i.closed_at END AS closed_at,
       i.reworks, i.returns, i.extensions, i.device_id IS NOT NULL AS by_sensor,
       CASE WHEN NOT i.is_open THEN i.false_alarm END AS false_alarm, coalesce(e.duties, '[]') AS duties
FROM incident AS i
LEFT JOIN unit_grid AS u ON u.unit_grid_id = i.unit_grid_id
LEFT JOIN patrol_grid AS g ON g.patrol_grid_id = i.patrol_grid_id
LEFT JOIN area AS community ON community.area_code = u.community_code
LEFT JOIN area AS street ON street.area_code = community.parent_code
LEFT JOIN area AS district ON district.area_code = i.district_code
LEFT JOIN area AS city ON city.area_code = district.parent_code
LEFT JOIN component AS c ON c.component_id = i.component_id
LEFT JOIN component_class AS k
    ON k.catalogue_id = c.catalogue_id AND k.class_code = coalesce(i.class_code, c.class_code)
LEFT JOIN department AS p ON p.department_id = i.department_id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(h.from_stage, h.detail ->> 'due_at', h.at) ORDER BY h.event_id)
               FILTER (WHERE h.role <> 'system') AS duties,  -- what a rule does at once is nobody's merit
           max((h.detail ->> 'due_at')::timestamptz) FILTER (
               WHERE h.from_stage IN ('dispatched', 'handling', 'suspended') AND h.to_stage <> 'filed'
           ) AS disposal_due
    FROM incident_event AS h
    WHERE h.incident_id = i.incident_id AND h.detail ? 'due_at'
) AS e ON true
CROSS JOIN LATERAL (
    SELECT coalesce(CASE WHEN i.stage IN ('dispatched', 'handling') THEN i.deadline END, e.disposal_due) AS at
) AS due
WHERE {where} AND coalesce(i.outcome, '') <> 'merged' AND i.opened_at < %(end)s AND greatest(
    i.opened_at, i.filed_at, i.dispatched_at, due.at, i.handled_at, i.checked_at, i.closed_at
) >= %(start)s
"""
CASE_FILTERS: Mapping[str, LiteralString] = {
    "area": (
        "(i.district_code = %(area)s OR left(u.code, length(%(area)s)) = %(area)s"
        " OR left(i.district_code, 4) || '00' = %(area)s)"
    ),
    "live": "i.origin = 0",
}

DEVICE_KEYS: Mapping[str, tuple[LiteralString, LiteralString, LiteralString]] = {
    "city": ("left(d.district_code, 4) || '00'", "city.name_zh", "city.name_en"),
    "district": ("d.district_code", "district.name_zh", "district.name_en"),
    "subsystem": ("k.subsystem", "k.subsystem", "k.subsystem"),
    "class": ("c.class_code", "k.name_zh", "k.name_en"),
    "profile": ("d.profile", "d.profile", "d.profile"),
}

# Windows: as long as the roll-up's bucket, or as the device's interval where that is longer. A device that reports more
# than it should makes up for no other one. Time before its registration counts for nothing.
SENSORS = """
WITH heard AS (
    SELECT device_id, count(*) AS buckets, sum(messages) AS messages
    FROM {table} WHERE bucket >= %(start)s AND bucket < %(end)s GROUP BY device_id
),
counted AS (
    SELECT d.*, s.served_s, greatest(%(width_s)s, d.interval_s) AS window_s, heard.buckets, heard.messages
    FROM device AS d
    CROSS JOIN LATERAL (
        SELECT extract(epoch FROM %(end)s - greatest(d.registered_at, %(start)s))::float8 AS served_s
    ) AS s
    LEFT JOIN heard USING (device_id)
    WHERE d.state = 'in_service' AND s.served_s > 0
)
SELECT {key} AS key, {name_zh} AS name_zh, {name_en} AS name_en, count(*) AS devices,
       sum(least(coalesce(d.buckets, 0), ceil(d.served_s / d.window_s)))::bigint AS windows_heard,
       sum(ceil(d.served_s / d.window_s))::bigint AS windows,
       sum(least(coalesce(d.messages, 0), greatest(floor(d.served_s / d.interval_s), 1)))::bigint AS received,
       sum(greatest(floor(d.served_s / d.interval_s), 1))::bigint AS expected
FROM counted AS d
LEFT JOIN component AS c ON c.component_id = d.component_id
LEFT JOIN component_class AS k ON k.catalogue_id = c.catalogue_id AND k.class_code = c.class_code
LEFT JOIN area AS district ON district.area_code = d.district_code
LEFT JOIN area AS city ON city.area_code = district.parent_code
WHERE {where}
GROUP BY 1, 2, 3 ORDER BY 1
"""
DEVICE_FILTERS: Mapping[str, LiteralString] = {
    "area": "(d.district_code = %(area)s OR left(d.district_code, 4) || '00' = %(area)s)",
}
FINE_SPAN = timedelta(days=2)
"""Up to here devices are looked at in 5 minutes, then in hours (our choice)."""


async def cases(
    conn: AsyncConnection, by: str, start: datetime, end: datetime, *, area: str | None, live_only: bool
) -> list[Row]:
    """Give the cases of a period with the group each belongs to; raises `KeyError` for an unknown `by`."""
    given = {"area": area, "live": True if live_only else None}
    key, name_zh, name_en = CASE_KEYS[by]
    query = sql.SQL(CASES).format(
        key=sql.SQL(key), name_zh=sql.SQL(name_zh), name_en=sql.SQL(name_en), where=where(CASE_FILTERS, given)
    )
    return await _rows(conn, query, {"start": start, "end": end, **given})


async def sensors(conn: AsyncConnection, by: str, start: datetime, end: datetime, *, area: str | None) -> list[Row]:
    """Give what the devices in service reported in a period, by group; raises `KeyError` for an unknown `by`."""
    key, name_zh, name_en = DEVICE_KEYS[by]
    fine = end - start <= FINE_SPAN
    given = {"area": area}
    query = sql.SQL(SENSORS).format(
        table=sql.Identifier("reading_5m" if fine else "reading_1h"),
        key=sql.SQL(key),
        name_zh=sql.SQL(name_zh),
        name_en=sql.SQL(name_en),
        where=where(DEVICE_FILTERS, given),
    )
    width_s = 300.0 if fine else 3600.0
    return await _rows(conn, query, {"start": start, "end": end, "width_s": width_s, **given})


async def _rows(conn: AsyncConnection, query: sql.Composed, parameters: Mapping[str, object]) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(query, parameters)).fetchall()
