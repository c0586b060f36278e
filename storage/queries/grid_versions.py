"""Versions of a city's grids, what was found in them and what their coming moved, for people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]

VERSIONS = """
SELECT v.version_id, v.level, v.state, v.source, v.crs, v.imported_at, v.actor, v.accepted, v.grids,
       v.summary -> 'findings' AS findings,
       (SELECT count(*) FROM grid_finding AS f WHERE f.version_id = v.version_id AND f.blocks) AS blocking,
       coalesce((SELECT jsonb_agg(jsonb_build_object('period_id', p.period_id, 'since', p.since, 'until', p.until,
                                                     'actor', p.actor, 'moved', p.summary) ORDER BY p.period_id)
                 FROM grid_period AS p WHERE p.version_id = v.version_id), '[]') AS periods
FROM grid_version AS v
WHERE {where}
ORDER BY v.version_id DESC
LIMIT %(limit)s
"""
VERSION_FILTERS: Mapping[str, LiteralString] = {
    "level": "v.level = %(level)s",
    "version_id": "v.version_id = %(version_id)s",
    "before": "v.version_id < %(before)s",
}
FINDINGS = """
SELECT number, flaw, blocks, feature, codes, area_m2, detail,
       ST_X(ST_PointOnSurface(geom)) AS lon, ST_Y(ST_PointOnSurface(geom)) AS lat
FROM grid_finding WHERE version_id = %(version_id)s AND number > %(after)s ORDER BY number LIMIT %(limit)s
"""
FINDING_FEATURES = """
SELECT json_build_object('type', 'Feature', 'id', number::text, 'geometry', ST_AsGeoJSON(geom, 7)::json,
    'properties', json_build_object('flaw', flaw, 'blocks', blocks, 'feature', feature, 'codes', codes,
                                    'area_m2', area_m2, 'detail', detail))::text
FROM grid_finding WHERE version_id = %(version_id)s ORDER BY number LIMIT %(limit)s
"""
MOVES = """
SELECT m.kind, m.key, coalesce(c.code, d.label, i.case_no) AS name,
       f.code AS from_unit_grid, t.code AS to_unit_grid, fp.code AS from_patrol_grid, tp.code AS to_patrol_grid,
       ST_X(at.point) AS lon, ST_Y(at.point) AS lat
FROM grid_move AS m
LEFT JOIN component AS c ON m.kind = 'component' AND c.component_id = m.key
LEFT JOIN device AS d ON m.kind = 'device' AND d.device_id = m.key
LEFT JOIN incident AS i ON m.kind = 'incident' AND i.incident_id = m.key
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(coalesce(c.geom, d.geom, i.geom)) AS point) AS at
LEFT JOIN unit_grid AS f ON f.unit_grid_id = m.from_unit_id
LEFT JOIN unit_grid AS t ON t.unit_grid_id = m.to_unit_id
LEFT JOIN patrol_grid AS fp ON fp.patrol_grid_id = m.from_patrol_id
LEFT JOIN patrol_grid AS tp ON tp.patrol_grid_id = m.to_patrol_id
WHERE m.period_id = %(period_id)s AND (m.kind, m.key) > (%(after_kind)s, %(after_key)s)
  AND (%(kind)s::text IS NULL OR m.kind = %(kind)s::text)
ORDER BY m.kind, m.key
LIMIT %(limit)s
"""
PERIOD_EXISTS = "SELECT 1 FROM grid_period WHERE period_id = %(period_id)s"
UNITS_AT = """
SELECT json_build_object('type', 'Feature', 'id', u.code, 'geometry', ST_AsGeoJSON(u.geom, 7)::json,
    'properties', json_build_object('code', u.code, 'community_code', u.community_code,
                                    'patrol_code', coalesce(p.code, ''), 'area_m2', round(u.area_m2)))::text
FROM unit_grid_period AS s
JOIN unit_grid AS u USING (unit_grid_id)
LEFT JOIN patrol_grid AS p ON p.patrol_grid_id = s.patrol_grid_id
WHERE (s.since IS NULL OR s.since <= %(at)s) AND (s.until IS NULL OR s.until > %(at)s)
ORDER BY u.code
"""
SHAPES_AT = """
SELECT json_build_object('type', 'Feature', 'id', s.code, 'geometry', ST_AsGeoJSON(s.geom, 7)::json,
    'properties', json_build_object('code', s.code, 'parent_code', s.parent_code, 'name_zh', s.name_zh,
                                    'name_en', s.name_en, 'team', s.team))::text
FROM grid_period AS p
JOIN grid_version AS v USING (version_id)
JOIN grid_shape AS s USING (version_id)
WHERE v.level = %(level)s AND (p.since IS NULL OR p.since <= %(at)s) AND (p.until IS NULL OR p.until > %(at)s)
ORDER BY s.code
"""


async def versions(conn: AsyncConnection[Any], given: Mapping[str, object], *, limit: int) -> list[Row]:
    """List versions, the newest first; `given` filters by level, version_id and before."""
    return await _rows(conn, sql.SQL(VERSIONS).format(where=where(VERSION_FILTERS, given)), {**given, "limit": limit})


async def findings(conn: AsyncConnection[Any], version_id: int, *, after: int, limit: int) -> list[Row]:
    """List the findings on an imported file, in their order."""
    return await _rows(conn, sql.SQL(FINDINGS), {"version_id": version_id, "after": after, "limit": limit})


async def finding_features(conn: AsyncConnection[Any], version_id: int, *, limit: int) -> list[str]:
    """Give the findings on an imported file as GeoJSON feature texts."""
    cursor = await conn.execute(FINDING_FEATURES, {"version_id": version_id, "limit": limit})
    return [row[0] for row in await cursor.fetchall()]


async def period_exists(conn: AsyncConnection[Any], period_id: int) -> bool:
    """Tell whether there is such a period."""
    return await (await conn.execute(PERIOD_EXISTS, {"period_id": period_id})).fetchone() is not None


async def moves(
    conn: AsyncConnection[Any], period_id: int, *, after: tuple[str, int], limit: int, kind: str | None = None
) -> list[Row]:
    """List what a version's coming moved from one grid to another, by kind and key."""
    values = {"period_id": period_id, "after_kind": after[0], "after_key": after[1], "kind": kind, "limit": limit}
    return await _rows(conn, sql.SQL(MOVES), values)


async def features_at(conn: AsyncConnection[Any], level: str, at: datetime) -> list[str]:
    """Give the grids of a level that were in force at a moment as GeoJSON feature texts."""
    query = UNITS_AT if level == "unit" else SHAPES_AT
    return [row[0] for row in await (await conn.execute(query, {"level": level, "at": at})).fetchall()]


async def _rows(conn: AsyncConnection[Any], query: sql.SQL | sql.Composed, values: Mapping[str, object]) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
