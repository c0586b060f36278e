"""Components and their catalogue, as the API shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]

CLASSES = """
SELECT catalogue_id, class_code, major_zh, major_en, name_zh, name_en, geometry_kind, subsystem,
       department_zh, department_en, source, certainty
FROM component_class ORDER BY catalogue_id, class_code
"""

LIST = """
SELECT c.component_id, c.code, c.class_code, k.name_zh AS class_name_zh, k.name_en AS class_name_en, c.name, c.state,
       c.district_code, u.code AS unit_grid_code, ST_X(p.at) AS lon, ST_Y(p.at) AS lat
FROM {component} AS c
JOIN component_class AS k USING (catalogue_id, class_code)
LEFT JOIN unit_grid AS u USING (unit_grid_id)
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(c.geom) AS at) AS p
WHERE {where}
ORDER BY c.component_id
LIMIT %(limit)s
"""
FILTERS: Mapping[str, LiteralString] = {
    "west": "c.geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)",
    "class_code": "c.class_code = %(class_code)s",
    "district_code": "c.district_code = %(district_code)s",
    "state": "c.state = %(state)s",
    "unit_grid": """c.component_id IN (
        SELECT m.component_id FROM component AS m JOIN unit_grid AS v USING (unit_grid_id) WHERE v.code = %(unit_grid)s
        UNION ALL
        SELECT m.component_id FROM component_grid AS m JOIN unit_grid AS v USING (unit_grid_id)
        WHERE v.code = %(unit_grid)s)""",
    "patrol": """c.component_id IN (
        SELECT m.component_id FROM patrol_grid AS g JOIN unit_grid AS v USING (patrol_grid_id)
        JOIN component AS m USING (unit_grid_id) WHERE g.code = %(patrol)s
        UNION ALL
        SELECT m.component_id FROM patrol_grid AS g JOIN unit_grid AS v USING (patrol_grid_id)
        JOIN component_grid AS m USING (unit_grid_id) WHERE g.code = %(patrol)s)""",
    "unit_grid_then": "c.unit_grid_id IN (SELECT unit_grid_id FROM unit_grid WHERE code = %(unit_grid_then)s)",
    "patrol_then": """c.unit_grid_id IN (
        SELECT s.unit_grid_id FROM unit_grid_period AS s JOIN patrol_grid AS g USING (patrol_grid_id)
        WHERE g.code = %(patrol_then)s AND (s.since IS NULL OR s.since <= %(as_of)s)
          AND (s.until IS NULL OR s.until > %(as_of)s))""",
    "code": "c.code BETWEEN rpad(%(code)s, 16, '0') AND rpad(%(code)s, 16, '9')",
    "after": "c.component_id > %(after)s",
}

SHOW = """
SELECT c.component_id, c.code, c.class_code, k.name_zh AS class_name_zh, k.name_en AS class_name_en, c.name, c.state,
       c.district_code, d.name_zh AS district_zh, d.name_en AS district_en,
       s.name_zh AS street_zh, s.name_en AS street_en, m.name_zh AS community_zh, m.name_en AS community_en,
       u.code AS unit_grid_code, g.code AS patrol_grid_code, g.name_zh AS patrol_name_zh, g.name_en AS patrol_name_en,
       competent.name_zh AS competent_zh, competent.name_en AS competent_en,
       owner.name_zh AS owner_zh, owner.name_en AS owner_en,
       maintainer.name_zh AS maintainer_zh, maintainer.name_en AS maintainer_en,
       c.surveyed_on, c.changed_on, c.data_source, c.note, coalesce(y.synthetic, FALSE) AS synthetic,
       ST_X(p.at) AS lon, ST_Y(p.at) AS lat, ST_AsGeoJSON(c.geom, 7)::json AS geometry
FROM {component} AS c
JOIN component_class AS k USING (catalogue_id, class_code)
LEFT JOIN unit_grid AS u USING (unit_grid_id)
LEFT JOIN patrol_grid AS g USING (patrol_grid_id)
LEFT JOIN area AS m ON m.area_code = u.community_code
LEFT JOIN area AS s ON s.area_code = m.parent_code
LEFT JOIN area AS d ON d.area_code = c.district_code
LEFT JOIN department AS competent ON competent.department_id = c.competent_dept_id
LEFT JOIN department AS owner ON owner.department_id = c.owner_dept_id
LEFT JOIN department AS maintainer ON maintainer.department_id = c.maintainer_dept_id
LEFT JOIN survey AS y USING (survey_id)
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(c.geom) AS at) AS p
WHERE c.code = %(code)s
"""

HISTORY = """
WITH states AS (
    SELECT component_id, name, state, competent_dept_id, owner_dept_id, maintainer_dept_id, unit_grid_id, surveyed_on,
           changed_on, data_source, note, survey_id, geom, since, changed_by, change_reason, NULL::timestamptz AS until
    FROM component WHERE code = %(code)s
    UNION ALL
    SELECT component_id, name, state, competent_dept_id, owner_dept_id, maintainer_dept_id, unit_grid_id, surveyed_on,
           changed_on, data_source, note, survey_id, geom, since, changed_by, change_reason, until
    FROM component_version WHERE code = %(code)s
)
SELECT c.since, c.until, c.changed_by, c.change_reason, c.survey_id, y.source AS survey_source, c.name, c.state,
       competent.name_zh AS competent_zh, owner.name_zh AS owner_zh, maintainer.name_zh AS maintainer_zh,
       u.code AS unit_grid_code, c.surveyed_on, c.changed_on, c.data_source, c.note, ST_AsText(c.geom, 9) AS wkt
FROM states AS c
LEFT JOIN unit_grid AS u USING (unit_grid_id)
LEFT JOIN department AS competent ON competent.department_id = c.competent_dept_id
LEFT JOIN department AS owner ON owner.department_id = c.owner_dept_id
LEFT JOIN department AS maintainer ON maintainer.department_id = c.maintainer_dept_id
LEFT JOIN survey AS y USING (survey_id)
ORDER BY c.since DESC
"""
_NOW = sql.SQL("component")
_THEN = sql.SQL("component_at(%(as_of)s)")


async def classes(conn: AsyncConnection) -> list[Row]:
    """Give the catalogue, by code."""
    return await _rows(conn, sql.SQL(CLASSES), {})


async def find(
    conn: AsyncConnection, given: Mapping[str, object], *, limit: int, as_of: datetime | None = None
) -> list[Row]:
    """Give at most `limit` components that pass the filters, by key, now or as they were; see `FILTERS` for names."""
    query = sql.SQL(LIST).format(component=_THEN if as_of else _NOW, where=where(FILTERS, _once(given)))
    return await _rows(conn, query, {**given, "limit": limit, "as_of": as_of})


async def show(conn: AsyncConnection, code: str, *, as_of: datetime | None = None) -> Row | None:
    """Give one component with its place, departments and geometry, now or as it was."""
    query = sql.SQL(SHOW).format(component=_THEN if as_of else _NOW)
    rows = await _rows(conn, query, {"code": code, "as_of": as_of})
    return rows[0] if rows else None


async def history(conn: AsyncConnection, code: str) -> list[Row]:
    """Give every state of a component, the present one first; none for a code that was never registered."""
    return await _rows(conn, sql.SQL(HISTORY), {"code": code})


def _once(given: Mapping[str, object]) -> dict[str, object]:
    """Leave `west` to stand for the whole box."""
    return {name: value for name, value in given.items() if name not in {"south", "east", "north"}}


async def _rows(conn: AsyncConnection, query: sql.SQL | sql.Composed, values: Mapping[str, object]) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
