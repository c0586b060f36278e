"""What a few letters or digits may mean: components, devices, incidents, places and departments, each with a place.

Codes and labels are found by ordinary indexes. Names are found by their pieces of one and two letters (SQL function
`pieces`): a Chinese word is often two letters long, and an index of trigrams cannot find those. Components have few
names, so search goes through the distinct ones; streets, areas and departments are few enough to be read whole.
"""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

Row = dict[str, Any]

MOST_NAMES = 300
"""So many names that hold the text are looked at for the best ones: one letter may be in very many."""
NAMES, OF_A_NAME = 8, 3
"""So many of the best names are shown, with so many components each."""

_POINT = sql.SQL("CROSS JOIN LATERAL (SELECT ST_PointOnSurface(c.geom) AS at) AS p")
_OF_BOX = sql.SQL("""
       ST_X(ST_PointOnSurface(geom)) AS lon, ST_Y(ST_PointOnSurface(geom)) AS lat,
       ST_XMin(geom) AS west, ST_YMin(geom) AS south, ST_XMax(geom) AS east, ST_YMax(geom) AS north
""")
_HOLDS = sql.SQL("(strpos(lower(name_zh), %(text)s) > 0 OR strpos(lower(name_en), %(text)s) > 0)")


def _query(text: LiteralString) -> sql.Composed:
    names, of_a_name = sql.Literal(NAMES), sql.Literal(OF_A_NAME)
    return sql.SQL(text).format(
        point=_POINT, box=_OF_BOX, holds=_HOLDS, most=sql.Literal(MOST_NAMES), names=names, of_a_name=of_a_name
    )


CODES = _query("""
SELECT 'component' AS kind, c.code AS id, c.code AS title_zh, c.code AS title_en, c.name AS note_zh,
       k.name_en AS note_en, ST_X(p.at) AS lon, ST_Y(p.at) AS lat
FROM component AS c JOIN component_class AS k USING (catalogue_id, class_code) {point}
WHERE c.code BETWEEN rpad(%(text)s, 16, '0') AND rpad(%(text)s, 16, '9')
ORDER BY c.code LIMIT %(limit)s
""")
GRIDS = _query("""
SELECT 'grid' AS kind, code AS id, code AS title_zh, code AS title_en, '单元网格' AS note_zh, 'Unit grid' AS note_en,
{box}
FROM unit_grid
WHERE state = 'valid' AND code BETWEEN rpad(%(text)s, 15, '0') AND rpad(%(text)s, 15, '9')
ORDER BY code LIMIT %(limit)s
""")
PATROLS = _query("""
SELECT 'grid' AS kind, code AS id, name_zh || ' ' || code AS title_zh, name_en || ' ' || code AS title_en,
       '巡查网格' AS note_zh, 'Patrol grid' AS note_en, {box}
FROM patrol_grid
WHERE state = 'valid' AND ({holds} OR strpos(lower(code), %(text)s) > 0)
ORDER BY length(name_zh), code LIMIT %(limit)s
""")
AREAS = _query("""
SELECT 'area' AS kind, a.area_code AS id, a.name_zh AS title_zh, a.name_en AS title_en,
       coalesce(u.name_zh, '') AS note_zh,
       coalesce(u.name_en, '') AS note_en, a.lon, a.lat, a.west, a.south, a.east, a.north
FROM (SELECT area_code, parent_code, level, name_zh, name_en, {box} FROM area
      WHERE geom IS NOT NULL AND ({holds} OR area_code LIKE %(begins)s)
      ORDER BY length(area_code), length(name_zh), area_code LIMIT %(limit)s) AS a
LEFT JOIN area AS u ON u.area_code = a.parent_code
""")
STREETS = _query("""
SELECT 'street' AS kind, street_id::text AS id, name_zh AS title_zh, name_en AS title_en, '道路' AS note_zh,
       'Street' AS note_en, {box}
FROM street WHERE {holds}
ORDER BY kind, length(name_zh), street_id LIMIT %(limit)s
""")
DEVICES = _query("""
SELECT 'device' AS kind, label AS id, label AS title_zh, label AS title_en, profile AS note_zh, profile AS note_en,
       ST_X(geom) AS lon, ST_Y(geom) AS lat
FROM device
WHERE state <> 'retired' AND (lower(label) LIKE %(begins)s OR reverse(lower(label)) LIKE %(ends)s)
ORDER BY label LIMIT %(limit)s
""")
INCIDENTS = _query("""
SELECT 'incident' AS kind, incident_id::text AS id, case_no AS title_zh, case_no AS title_en, rule AS note_zh,
       rule AS note_en, ST_X(p.at) AS lon, ST_Y(p.at) AS lat
FROM incident CROSS JOIN LATERAL (SELECT ST_PointOnSurface(geom) AS at) AS p
WHERE case_no LIKE %(begins)s OR incident_id = %(number)s
ORDER BY is_open DESC, incident_id DESC LIMIT %(limit)s
""")
DEPARTMENTS = _query("""
WITH found AS (
    SELECT department_id, name_zh, name_en FROM department WHERE {holds}
    ORDER BY length(name_zh), department_id LIMIT %(limit)s
)
SELECT 'department' AS kind, d.department_id::text AS id, d.name_zh AS title_zh, d.name_en AS title_en,
       concat_ws('、', CASE WHEN competent.at IS NOT NULL THEN '主管' END,
                 CASE WHEN owner.at IS NOT NULL THEN '权属' END,
                 CASE WHEN maintainer.at IS NOT NULL THEN '养护' END) AS note_zh,
       concat_ws(', ', CASE WHEN competent.at IS NOT NULL THEN 'competent' END,
                 CASE WHEN owner.at IS NOT NULL THEN 'owner' END,
                 CASE WHEN maintainer.at IS NOT NULL THEN 'maintainer' END) AS note_en,
       ST_X(ST_PointOnSurface(coalesce(maintainer.at, owner.at, competent.at))) AS lon,
       ST_Y(ST_PointOnSurface(coalesce(maintainer.at, owner.at, competent.at))) AS lat
FROM found AS d
LEFT JOIN LATERAL (SELECT c.geom AS at FROM component AS c WHERE c.competent_dept_id = d.department_id
                   ORDER BY c.component_id LIMIT 1) AS competent ON TRUE
LEFT JOIN LATERAL (SELECT c.geom AS at FROM component AS c WHERE c.owner_dept_id = d.department_id
                   ORDER BY c.component_id LIMIT 1) AS owner ON TRUE
LEFT JOIN LATERAL (SELECT c.geom AS at FROM component AS c WHERE c.maintainer_dept_id = d.department_id
                   ORDER BY c.component_id LIMIT 1) AS maintainer ON TRUE
""")
NAMED = _query("""
WITH known AS (
    SELECT name, lower(name) AS folded FROM component_name
    WHERE pieces(name) @> pieces(%(text)s) AND strpos(lower(name), %(text)s) > 0 LIMIT {most}
), best AS (
    SELECT name FROM known ORDER BY folded <> %(text)s, strpos(folded, %(text)s) > 1, length(name), name LIMIT {names}
)
SELECT 'component' AS kind, c.code AS id, c.name AS title_zh, c.name AS title_en, c.code AS note_zh, c.code AS note_en,
       ST_X(p.at) AS lon, ST_Y(p.at) AS lat
FROM best
CROSS JOIN LATERAL (SELECT code, name, geom FROM component AS o WHERE o.name = best.name
                    ORDER BY o.component_id LIMIT {of_a_name}) AS c
{point}
""")
CLASSED = _query("""
WITH best AS (
    SELECT class_code, name_zh, name_en FROM component_class
    WHERE {holds} AND NOT EXISTS (SELECT 1 FROM component_name WHERE component_name.name = component_class.name_zh)
       OR strpos(lower(name_en), %(text)s) > 0
    ORDER BY length(name_en), class_code LIMIT {names}
)
SELECT 'component' AS kind, c.code AS id, best.name_zh AS title_zh, best.name_en AS title_en, c.code AS note_zh,
       c.code AS note_en, ST_X(p.at) AS lon, ST_Y(p.at) AS lat
FROM best
CROSS JOIN LATERAL (SELECT code, geom FROM component AS o WHERE o.class_code = best.class_code
                    ORDER BY o.component_id LIMIT {of_a_name}) AS c
{point}
""")
BY_DIGITS = (INCIDENTS, DEVICES, AREAS, PATROLS, STREETS)
BY_LETTERS = (DEVICES, INCIDENTS, PATROLS, AREAS, STREETS, DEPARTMENTS, NAMED, CLASSED)
CODE_DIGITS, GRID_DIGITS = 16, 15


async def find(conn: AsyncConnection, text: str, limit: int) -> list[Row]:
    """Give what `text`, folded to lower case, may mean: at most `limit` of each kind, unranked, some twice."""
    digits = text.isascii() and text.isdigit()
    values: Mapping[str, object] = {
        "text": text,
        "begins": _escaped(text) + "%",
        "ends": _escaped(text[::-1]) + "%",
        "number": int(text) if digits and len(text) < CODE_DIGITS else None,
        "limit": limit,
    }
    queries = [*BY_DIGITS] if digits else [*BY_LETTERS]
    if digits and len(text) <= CODE_DIGITS:
        queries.append(CODES)
    if digits and len(text) <= GRID_DIGITS:
        queries.append(GRIDS)
    async with conn.pipeline():  # all are sent before the first answer is read
        cursors = [await conn.cursor(row_factory=dict_row).execute(query, values) for query in queries]
    return [row for cursor in cursors for row in await cursor.fetchall()]


def _escaped(text: str) -> str:
    """Give the text as LIKE takes it literally."""
    return "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in text)
