"""Grids and areas as GeoJSON, with what is open in them; and which grid a point lies in."""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

UNIT = """
WITH trouble AS (
    SELECT unit_grid_id, jsonb_object_agg(severity, n) AS counts
    FROM (
        SELECT unit_grid_id, severity, count(*) AS n FROM incident
        WHERE is_open GROUP BY unit_grid_id, severity
    ) AS s GROUP BY unit_grid_id
)
SELECT json_build_object(
    'type', 'Feature', 'id', u.code, 'geometry', ST_AsGeoJSON(u.geom, 6)::json,
    'properties', json_build_object(
        'code', u.code, 'community_code', u.community_code, 'community_zh', m.name_zh, 'community_en', m.name_en,
        'patrol_grid_code', g.code, 'area_m2', round(u.area_m2), 'open', {none} || coalesce(t.counts, '{{}}')
    ))::text
FROM unit_grid AS u
LEFT JOIN patrol_grid AS g USING (patrol_grid_id)
LEFT JOIN area AS m ON m.area_code = u.community_code
LEFT JOIN trouble AS t USING (unit_grid_id)
WHERE u.state = 'valid' AND {where}
ORDER BY u.code
LIMIT %(limit)s
"""
UNIT_FILTERS: Mapping[str, LiteralString] = {
    "west": "u.geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)",
}

PATROL = """
WITH trouble AS (
    SELECT patrol_grid_id, jsonb_object_agg(severity, n) AS counts
    FROM (
        SELECT patrol_grid_id, severity, count(*) AS n FROM incident
        WHERE is_open GROUP BY patrol_grid_id, severity
    ) AS s GROUP BY patrol_grid_id
)
SELECT json_build_object(
    'type', 'Feature', 'id', g.code, 'geometry', CASE WHEN %(drawn)s THEN ST_AsGeoJSON(g.geom, 6)::json END,
    'properties', json_build_object(
        'code', g.code, 'name_zh', g.name_zh, 'name_en', g.name_en, 'team', g.team, 'district_code', g.district_code,
        'open', {none} || coalesce(t.counts, '{{}}')
    ))::text
FROM patrol_grid AS g
LEFT JOIN trouble AS t USING (patrol_grid_id)
WHERE g.state = 'valid'
ORDER BY g.code
"""

# An area's code begins with its parent's; a city's ends in 00, which its districts replace.
AREAS = """
WITH trouble AS (
    SELECT coalesce(u.community_code, i.district_code) AS place, i.severity, count(*) AS n
    FROM incident AS i LEFT JOIN unit_grid AS u USING (unit_grid_id)
    WHERE i.is_open GROUP BY 1, 2
)
SELECT json_build_object(
    'type', 'Feature', 'id', a.area_code, 'geometry', CASE WHEN %(drawn)s THEN ST_AsGeoJSON(a.geom, 6)::json END,
    'properties', json_build_object(
        'code', a.area_code, 'level', a.level, 'parent_code', a.parent_code, 'name_zh', a.name_zh, 'name_en', a.name_en,
        'open', {none} || coalesce(c.counts, '{{}}')
    ))::text
FROM area AS a
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(severity, n) AS counts FROM (
        SELECT severity, sum(n) AS n FROM trouble
        WHERE starts_with(place, CASE WHEN a.level = 'city' THEN left(a.area_code, 4) ELSE a.area_code END)
        GROUP BY severity
    ) AS s
) AS c
WHERE %(level)s::text IS NULL OR a.level = %(level)s::text
ORDER BY a.area_code
"""
NAMED_AREAS = """
SELECT json_build_object(
    'type', 'Feature', 'id', code, 'geometry', ST_AsGeoJSON(geom, 6)::json,
    'properties', json_build_object(
        'code', code, 'name_zh', name_zh, 'name_en', name_en, 'area_m2', round(ST_Area(geom::geography))
    ))::text
FROM named_area ORDER BY code
"""
NONE: LiteralString = """'{"info": 0, "minor": 0, "major": 0, "critical": 0}'::jsonb"""

LOCATE = """
SELECT u.code AS unit_grid_code, g.code AS patrol_grid_code, g.name_zh AS patrol_name_zh, g.name_en AS patrol_name_en,
       g.team, m.area_code AS community_code, m.name_zh AS community_zh, m.name_en AS community_en,
       s.area_code AS street_code, s.name_zh AS street_zh, s.name_en AS street_en,
       d.area_code AS district_code, d.name_zh AS district_zh, d.name_en AS district_en
FROM unit_grid AS u
LEFT JOIN patrol_grid AS g USING (patrol_grid_id)
LEFT JOIN area AS m ON m.area_code = u.community_code
LEFT JOIN area AS s ON s.area_code = m.parent_code
LEFT JOIN area AS d ON d.area_code = s.parent_code
WHERE u.state = 'valid' AND ST_Intersects(u.geom, ST_SetSRID(ST_MakePoint(%(lon_deg)s, %(lat_deg)s), 4326))
ORDER BY u.code
LIMIT 1
"""


async def unit_features(conn: AsyncConnection, box: Mapping[str, float | None], *, limit: int) -> list[str]:
    """Give unit grids as GeoJSON feature texts, by code."""
    conditions = where(UNIT_FILTERS, {"west": box["west"]})
    query = sql.SQL(UNIT).format(none=sql.SQL(NONE), where=conditions)
    return await _texts(conn, query, {**box, "limit": limit})


async def patrol_features(conn: AsyncConnection, *, drawn: bool = True) -> list[str]:
    """Give patrol grids as GeoJSON feature texts, by code; not `drawn` = names only."""
    return await _texts(conn, sql.SQL(PATROL).format(none=sql.SQL(NONE)), {"drawn": drawn})


async def area_features(conn: AsyncConnection, level: str | None, *, drawn: bool = True) -> list[str]:
    """Give the administrative areas as GeoJSON feature texts, by code; an area may have no geometry."""
    return await _texts(conn, sql.SQL(AREAS).format(none=sql.SQL(NONE)), {"level": level, "drawn": drawn})


async def named_area_features(conn: AsyncConnection) -> list[str]:
    """Give the areas rules speak of as GeoJSON feature texts, by code."""
    return [row[0] for row in await (await conn.execute(NAMED_AREAS)).fetchall()]


async def locate(conn: AsyncConnection, lon_deg: float, lat_deg: float) -> dict[str, Any] | None:
    """Give the grids and areas of a point; on a shared edge the lower code. None = outside the city's grids."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LOCATE, {"lon_deg": lon_deg, "lat_deg": lat_deg})
        return await cursor.fetchone()


async def _texts(conn: AsyncConnection, query: sql.Composed, values: Mapping[str, object]) -> list[str]:
    cursor = await conn.execute(query, values)
    return [row[0] for row in await cursor.fetchall()]
