"""Incidents as the API shows them: one shape for lists, details and the live stream."""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]

ITEM = """
SELECT {more} i.incident_id, i.case_no, i.rule, i.severity, i.title_zh, i.title_en, i.stage, i.origin, i.fired_ts,
       i.opened_at, i.deadline, i.recovered_at, i.closed_at, i.district_code, u.code AS unit_grid_code,
       g.code AS patrol_grid_code, g.name_zh AS patrol_name_zh, g.name_en AS patrol_name_en, s.name_zh AS street_zh,
       s.name_en AS street_en, m.name_zh AS community_zh, m.name_en AS community_en, c.code AS component_code,
       coalesce(i.class_code, c.class_code) AS class_code,
       d.label AS device_label, i.department_id, p.name_zh AS department_zh, p.name_en AS department_en,
       i.assignee, i.level, i.holder_code, h.name_zh AS holder_zh, h.name_en AS holder_en,
       i.level_reason, i.clock_since, i.limit_stages -> i.limit_at ->> 'name' AS limit_stage,
       i.parent_id, i.outcome, i.request_kind, i.amber_at,
       CASE WHEN i.deadline < now() THEN 'red' WHEN i.amber_at < now() THEN 'amber' WHEN i.deadline IS NOT NULL
            THEN 'green' END AS light,
       ST_X(o.at) AS lon, ST_Y(o.at) AS lat, ST_AsGeoJSON(i.geom, 6)::json AS geometry, i.evidence
FROM {source}
LEFT JOIN unit_grid AS u ON u.unit_grid_id = i.unit_grid_id
LEFT JOIN patrol_grid AS g ON g.patrol_grid_id = i.patrol_grid_id
LEFT JOIN area AS m ON m.area_code = u.community_code
LEFT JOIN area AS s ON s.area_code = m.parent_code
LEFT JOIN component AS c ON c.component_id = i.component_id
LEFT JOIN device AS d ON d.device_id = i.device_id
LEFT JOIN department AS p ON p.department_id = i.department_id
LEFT JOIN area AS h ON h.area_code = i.holder_code
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(i.geom) AS at) AS o
WHERE {where}
ORDER BY {order}
LIMIT %(limit)s
"""
FILTERS: Mapping[str, LiteralString] = {
    "incident_id": "i.incident_id = %(incident_id)s",
    "severity": "i.severity = %(severity)s",
    "patrol": "g.code = %(patrol)s",
    "unit_grid": "u.code = %(unit_grid)s",
    "district_code": "i.district_code = %(district_code)s",
    "area": "(coalesce(u.code, i.district_code) LIKE %(area)s OR i.holder_code LIKE %(area)s)",
    "holder": "i.holder_code = %(holder)s",
    "rule": "i.rule = %(rule)s",
    "component": "c.code = %(component)s",
    "device": "d.label = %(device)s",
    "stage": "i.stage = %(stage)s",
    "level": "i.level = %(level)s",
    "department": "i.department_id = %(department)s",
    "parent": "i.parent_id = %(parent)s",
    "work": "i.stage = ANY(%(work)s)",
    "work_or_request": "(i.stage = ANY(%(work_or_request)s) OR i.request_kind IS NOT NULL)",
    "light": (
        "CASE WHEN i.deadline < now() THEN 'red' WHEN i.amber_at < now() THEN 'amber'"
        " WHEN i.deadline IS NOT NULL THEN 'green' END = %(light)s"
    ),
    "after_deadline": (
        "(coalesce(i.deadline, 'infinity'), i.incident_id)"
        " > (coalesce(%(after_deadline)s::timestamptz, 'infinity'), %(after_id)s)"
    ),
    "before_id": "i.incident_id < %(before_id)s",
    "after_event": "e.event_id > %(after_event)s",
}
STATES: Mapping[str, LiteralString] = {
    "open": "i.is_open",
    "closed": "NOT i.is_open",
    "all": "TRUE",
}
BY_DEADLINE: LiteralString = "coalesce(i.deadline, 'infinity'), i.incident_id"
NEWEST_FIRST: LiteralString = "i.incident_id DESC"

HISTORY = """
SELECT event_id, at, actor, role, kind, from_stage, to_stage, reason, detail
FROM incident_event WHERE incident_id = %(incident_id)s ORDER BY event_id
"""
LOOP = """
SELECT i.limit_stages, i.limit_at, i.paused_at, i.used_s, i.extended_s, i.filing_condition, i.request,
       i.filed_at, i.dispatched_at, i.accepted_at, i.handled_at, i.checked_at, i.reworks, i.returns, i.extensions,
       i.escalations, i.false_alarm,
       (SELECT coalesce(max(event_id), 0) FROM incident_event AS e WHERE e.incident_id = i.incident_id) AS version,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'incident_id', k.incident_id, 'case_no', k.case_no, 'stage', k.stage, 'level', k.level,
            'department_zh', p.name_zh, 'department_en', p.name_en, 'deadline', k.deadline
        ) ORDER BY k.incident_id), '[]')
        FROM incident AS k LEFT JOIN department AS p USING (department_id)
        WHERE k.parent_id = i.incident_id) AS children
FROM incident AS i WHERE i.incident_id = %(incident_id)s
"""
NEWEST_EVENT = "SELECT coalesce(max(event_id), 0) FROM incident_event"


def seen_from(area_code: str) -> str:
    """Give the pattern of the codes that lie in an area: what its platform sees. A city's own code ends in 00."""
    return f"{area_code[:4] if len(area_code) == 6 and area_code.endswith('00') else area_code}%"


async def find(conn: AsyncConnection, given: Mapping[str, object], *, state: str, limit: int) -> list[Row]:
    """Give at most `limit` incidents: open ones by deadline, others newest first; see `FILTERS`, `STATES`."""
    plain = {name: value for name, value in given.items() if name != "after_id"}
    conditions = sql.SQL("{} AND {}").format(sql.SQL(STATES[state]), where(FILTERS, plain))
    query = _item(conditions, BY_DEADLINE if state == "open" else NEWEST_FIRST)
    area = given.get("area")
    values = {**given, "area": seen_from(str(area)) if area else None, "limit": limit}
    return await _rows(conn, query, values)


async def show(conn: AsyncConnection, incident_id: int) -> Row | None:
    """Give one incident."""
    rows = await find(conn, {"incident_id": incident_id}, state="all", limit=1)
    return rows[0] if rows else None


async def loop(conn: AsyncConnection, incident_id: int) -> Row | None:
    """Give how far an incident has come: clock, counters, request, children, and its version (its newest event)."""
    rows = await _rows(conn, sql.SQL(LOOP), {"incident_id": incident_id})
    return rows[0] if rows else None


async def history(conn: AsyncConnection, incident_id: int) -> list[Row]:
    """Give what happened to an incident, in order."""
    return await _rows(conn, sql.SQL(HISTORY), {"incident_id": incident_id})


async def newest_event(conn: AsyncConnection) -> int:
    """Give the key of the newest event; 0 when there is none."""
    cursor = await conn.execute(NEWEST_EVENT)
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def events_after(conn: AsyncConnection, event_id: int, *, limit: int) -> list[Row]:
    """Give the events after `event_id`, in order, each with its incident as it is now."""
    query = sql.SQL(ITEM).format(
        more=sql.SQL("e.event_id, e.kind,"),
        source=sql.SQL("incident_event AS e JOIN incident AS i ON i.incident_id = e.incident_id"),
        where=where(FILTERS, {"after_event": event_id}),
        order=sql.SQL("e.event_id"),
    )
    return await _rows(conn, query, {"after_event": event_id, "limit": limit})


def _item(conditions: sql.Composed, order: LiteralString) -> sql.Composed:
    return sql.SQL(ITEM).format(
        more=sql.SQL(""), source=sql.SQL("incident AS i"), where=conditions, order=sql.SQL(order)
    )


async def _rows(conn: AsyncConnection, query: sql.SQL | sql.Composed, values: Mapping[str, object]) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
