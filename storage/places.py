"""The city's geometry for rules that look at space: read as a `CityMap`; links, named areas and routes written.

Takes a connection, never commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from psycopg import AsyncConnection

from geo.places import Cells, CityMap, Links, cells

UNIT_GRIDS = """
SELECT unit_grid_id, code, ST_AsBinary(geom), COALESCE(patrol_grid_id, 0)
FROM unit_grid WHERE state = 'valid' ORDER BY unit_grid_id
"""
PATROL_GRIDS = (
    "SELECT patrol_grid_id, code, ST_AsBinary(geom) FROM patrol_grid WHERE state = 'valid' ORDER BY patrol_grid_id"
)
STREETS = "SELECT street_id, name_zh, ST_AsBinary(geom) FROM street ORDER BY street_id"
AREAS = "SELECT area_id, code, ST_AsBinary(geom) FROM named_area ORDER BY area_id"
ROUTES = "SELECT code, ST_AsBinary(geom) FROM route"
LINKS = "SELECT kind, upstream_id, downstream_id FROM component_link ORDER BY kind, upstream_id, downstream_id"
LINKED = """
SELECT component_id, code, ST_AsBinary(ST_PointOnSurface(geom)) FROM component
WHERE component_id IN (SELECT upstream_id FROM component_link UNION SELECT downstream_id FROM component_link)
ORDER BY component_id
"""
UPSERT_AREAS = """
INSERT INTO named_area (code, name_zh, name_en, geom)
SELECT code, zh, en, ST_Multi(ST_GeomFromWKB(wkb, 4326))
FROM unnest(%(code)s::text[], %(zh)s::text[], %(en)s::text[], %(wkb)s::bytea[]) AS given (code, zh, en, wkb)
ORDER BY code
ON CONFLICT (code) DO UPDATE SET name_zh = EXCLUDED.name_zh, name_en = EXCLUDED.name_en, geom = EXCLUDED.geom
"""
UPSERT_ROUTES = """
INSERT INTO route (code, name_zh, name_en, geom)
SELECT code, zh, en, ST_GeomFromWKB(wkb, 4326)
FROM unnest(%(code)s::text[], %(zh)s::text[], %(en)s::text[], %(wkb)s::bytea[]) AS given (code, zh, en, wkb)
ON CONFLICT (code) DO UPDATE SET name_zh = EXCLUDED.name_zh, name_en = EXCLUDED.name_en, geom = EXCLUDED.geom
"""
UNKNOWN_ENDS = """
SELECT DISTINCT given.code FROM unnest(%(code)s::text[]) AS given (code)
WHERE NOT EXISTS (SELECT FROM component c WHERE c.code = given.code)
ORDER BY given.code
"""
INSERT_LINKS = """
INSERT INTO component_link (kind, upstream_id, downstream_id)
SELECT given.kind, up.component_id, down.component_id
FROM unnest(%(kind)s::text[], %(upstream)s::text[], %(downstream)s::text[]) AS given (kind, upstream, downstream)
JOIN component up ON up.code = given.upstream
JOIN component down ON down.code = given.downstream
ON CONFLICT DO NOTHING
"""
LIST_AREAS = """
SELECT code, name_zh, name_en, ST_AsGeoJSON(geom, 6), ST_Area(geom::geography) FROM named_area ORDER BY code
"""
TAGS = """
SELECT device_id, install -> 'tags' FROM device WHERE jsonb_typeof(install -> 'tags') = 'array'
"""
DEVICE_ROUTES = "SELECT device_id, install ->> 'route' FROM device WHERE install ? 'route'"
SUBSYSTEMS = "SELECT class_code, min(subsystem) FROM component_class GROUP BY class_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A named area or a route; `wkb` in WGS 84 degrees."""

    code: str
    name_zh: str
    name_en: str
    wkb: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One component hangs on another; both by code."""

    kind: str
    upstream: str
    downstream: str


async def load_map(conn: AsyncConnection) -> CityMap:
    """Give the city's geometry as it is now."""
    units = await _rows(conn, UNIT_GRIDS)
    links = await _rows(conn, LINKS)
    return CityMap(
        unit_grids=_cells(units),
        patrol_grids=_cells(await _rows(conn, PATROL_GRIDS)),
        patrol_of_unit=np.array([row[3] for row in units], np.int32),
        streets=_cells(await _rows(conn, STREETS)),
        areas=_cells(await _rows(conn, AREAS)),
        components=_cells(await _rows(conn, LINKED)),
        circuits=_links(links, "circuit"),
        pipes=_links(links, "pipe"),
        routes={code: shapely.from_wkb(wkb) for code, wkb in await _rows(conn, ROUTES)},
    )


async def tags(conn: AsyncConnection) -> dict[int, frozenset[str]]:
    """Give the tags of the devices that have some, from their install data."""
    return {device_id: frozenset(map(str, words)) for device_id, words in await _rows(conn, TAGS)}


async def device_routes(conn: AsyncConnection) -> dict[int, str]:
    """Give the routes of the devices that have one, from their install data."""
    return dict(await _rows(conn, DEVICE_ROUTES))


async def subsystems(conn: AsyncConnection) -> dict[str, str]:
    """Give the subsystem of each class of component."""
    return dict(await _rows(conn, SUBSYSTEMS))


async def upsert_areas(conn: AsyncConnection, areas: Sequence[Named]) -> None:
    """Write named areas by code."""
    await conn.execute(UPSERT_AREAS, _named(areas))


async def upsert_routes(conn: AsyncConnection, routes: Sequence[Named]) -> None:
    """Write routes by code."""
    await conn.execute(UPSERT_ROUTES, _named(routes))


async def unknown_ends(conn: AsyncConnection, codes: Sequence[str]) -> list[str]:
    """Give the codes no component has."""
    return [row[0] for row in await _rows(conn, UNKNOWN_ENDS, {"code": list(codes)})]


async def insert_links(conn: AsyncConnection, links: Sequence[Link]) -> int:
    """Write links and give how many were new; those whose ends are not there are left out."""
    columns = {name: [getattr(link, name) for link in links] for name in ("kind", "upstream", "downstream")}
    cursor = await conn.execute(INSERT_LINKS, columns)
    return cursor.rowcount


async def list_areas(conn: AsyncConnection) -> list[tuple[str, str, str, str, float]]:
    """Give named areas by code: code, Chinese and English name, geometry as GeoJSON text, square metres."""
    return [(row[0], row[1], row[2], row[3], row[4]) for row in await _rows(conn, LIST_AREAS)]


async def _rows(conn: AsyncConnection, query: Any, values: dict[str, Any] | None = None) -> list[Any]:
    return await (await conn.execute(query, values)).fetchall()


def _cells(rows: Sequence[Any]) -> Cells:
    return cells([(row[0], row[1], row[2]) for row in rows])


def _links(rows: Sequence[Any], kind: str) -> Links:
    chosen = [(up, down) for name, up, down in rows if name == kind]
    ends = np.array(chosen, np.int32).reshape(-1, 2)
    return Links(upstream=ends[:, 0].copy(), downstream=ends[:, 1].copy())


def _named(rows: Sequence[Named]) -> dict[str, list[Any]]:
    return {
        "code": [row.code for row in rows],
        "zh": [row.name_zh for row in rows],
        "en": [row.name_en for row in rows],
        "wkb": [row.wkb for row in rows],
    }
