"""What is public of components: only what citizens may know leaves this module."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

STREETS_FROM_ZOOM = 11
GRIDS_FROM_ZOOM = 15
PLACES_FROM_ZOOM = 13
MOST_PLACES = 8_000
"""In one tile, at about 40 bytes each: below 500 kB with the streets."""

OPEN = """
SELECT c.class_code, c.name, ST_X(p.at), ST_Y(p.at), coalesce(s.name_zh, ''), coalesce(s.name_en, ''),
       coalesce(m.name_zh, ''), coalesce(m.name_en, '')
FROM component AS c
LEFT JOIN unit_grid AS u USING (unit_grid_id)
LEFT JOIN area AS m ON m.area_code = u.community_code
LEFT JOIN area AS s ON s.area_code = m.parent_code
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(c.geom) AS at) AS p
WHERE c.catalogue_id = %(catalogue)s AND c.class_code = ANY(%(classes)s) AND c.state = 'intact'
ORDER BY c.component_id
"""
BOX = """
WITH box AS (
    SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS tile,
           ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 0.015625), 4326) AS wide
)
"""
DISTRICTS = """
SELECT ST_AsMVT(t, 'districts', 4096, 'geom') FROM (
    SELECT a.name_zh, a.name_en, ST_AsMVTGeom(ST_Transform(a.geom, 3857), box.tile::box2d, 4096, 64, TRUE) AS geom
    FROM box, area AS a WHERE a.level = 'district' AND a.geom && box.wide
) AS t
"""
STREETS = """
SELECT ST_AsMVT(t, 'streets', 4096, 'geom') FROM (
    SELECT s.name_zh, s.name_en, s.kind,
           ST_AsMVTGeom(ST_Transform(s.geom, 3857), box.tile::box2d, 4096, 64, TRUE) AS geom
    FROM box, street AS s WHERE s.geom && box.wide AND (s.kind = 'main' OR %(z)s >= 13)
) AS t
"""
GRIDS = """
SELECT ST_AsMVT(t, 'grids', 4096, 'geom') FROM (
    SELECT ST_AsMVTGeom(ST_Transform(u.geom, 3857), box.tile::box2d, 4096, 64, TRUE) AS geom
    FROM box, unit_grid AS u WHERE u.geom && box.wide AND u.state = 'valid'
) AS t
"""
PLACES = """
SELECT ST_AsMVT(t, 'places', 4096, 'geom') FROM (
    SELECT o.kind, ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(c.geom), 3857), box.tile::box2d, 4096, 64, TRUE) AS geom
    FROM box, component AS c
    JOIN unnest(%(classes)s::text[], %(kinds)s::text[]) AS o (class_code, kind) USING (class_code)
    WHERE c.geom && box.wide AND c.catalogue_id = %(catalogue)s AND c.state = 'intact' LIMIT %(most)s
) AS t
"""


async def find_open(conn: AsyncConnection, catalogue: str, classes: Sequence[str]) -> list[tuple[Any, ...]]:
    """Give class, name, longitude, latitude and address (street and community, zh and en) of what is open."""
    return await (await conn.execute(OPEN, {"catalogue": catalogue, "classes": list(classes)})).fetchall()


async def tile(  # a tile's number has three parts
    conn: AsyncConnection, z: int, x: int, y: int, *, catalogue: str, kinds: dict[str, str]
) -> bytes:
    """Give layers `districts`, `streets`, `grids` (outlines) and, from zoom 13, `places` (kind); `kinds` by class."""
    values = {
        "z": z, "x": x, "y": y, "catalogue": catalogue, "most": MOST_PLACES,
        "classes": list(kinds), "kinds": list(kinds.values()),
    }  # fmt: skip
    queries = [DISTRICTS]
    queries += [STREETS] if z >= STREETS_FROM_ZOOM else []
    queries += [GRIDS] if z >= GRIDS_FROM_ZOOM else []
    queries += [PLACES] if z >= PLACES_FROM_ZOOM else []
    body = b""
    for query in queries:
        row = await (await conn.execute(f"{BOX}{query}".encode(), values)).fetchone()
        body += row[0] if row else b""
    return body
