"""Incidents as the API shows them: one shape for lists, details and the live stream."""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]

ITEM = """
SELECT {more} i.incident_id, i.case_no, i.rule, i.severity, i.title_zh, i.title_en, i.stage, i.origin, i.fired_ts,
       i.opened_at, i.deadline, i.recovered_at, i.closed_at, i.district_code, u.code AS unit_grid_code, g.code AS patrol_grid_code,
       g.name_zh AS patrol_name_zh, g.name_en AS patrol_name_en, s.name_zh AS street_zh, s.name_en AS street_en,
       m.name_zh AS community_zh, m.name_en AS community_en, c.code AS component_code, c.class_code,
       d.label AS device_label, i.department_id, p.name_zh AS department_zh, p.name_en AS department_en, i.assignee,
       ST_X(o.at) AS lon, ST_Y(o.at) AS lat, ST_AsGeoJSON(i.geom, 6)::json AS geometry, i.evidence
FROM {source}
LEFT JOIN unit_grid AS u ON u.unit_grid_id = i.unit_grid_id
LEFT JOIN patrol_grid AS g ON g.patrol_grid_id = i.patrol_grid_id
LEFT JOIN area AS m ON m.area_code = u.community_code
LEFT JOIN area AS s ON s.area_code = m.parent_code
LEFT JOIN component AS c ON c.component_id = i.component_id
LEFT JOIN device AS d ON d.device_id = i.device_id
LEFT JOIN department AS p ON p.department_id = i.department_id
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
    "rule": "i.rule = %(rule)s",
    "component": "c.code = %(component)s",
    "device": "d.label = %(device)s",
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
SELECT event_id, at, actor, kind, from_stage, to_stage, reason, detail
FROM incident_event WHERE incident_id = %(incident_id)s ORDER BY event_id
"""
NEWEST_EVENT = "SELECT coalesce(max(event_id), 0) FROM incident_event"


async def find(conn: AsyncConnection, given: Mapping[str, object], *, state: str, limit: int) -> list[Row]:
    """Give at most `limit` incidents: open ones by deadline, others newest first; see `FILTERS`, `STATES`."""
    plain = {name: value for name, value in given.items() if name != "after_id"}
    conditions = sql.SQL("{} AND {}").format(sql.SQL(STATES[state]), where(FILTERS, plain))
    query = _item(conditions, BY_DEADLINE if state == "open" else NEWEST_FIRST)
    return await _rows(conn, query, {**given, "limit": limit})


async def show(conn: AsyncConnection, incident_id: int) -> Row | None:
    """Give one incident."""
    rows = await find(conn, {"incident_id": incident_id}, state="all", limit=1)
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
