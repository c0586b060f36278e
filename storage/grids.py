"""Rows of the administrative tree, of unit and patrol grids and of street axes, and the index that locates points.

Takes a connection, never commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from psycopg import AsyncConnection

from geo.grid import GridIndex

UPSERT_AREAS = """
INSERT INTO area (area_code, level, parent_code, name_zh, name_en)
SELECT code, level, NULLIF(parent, ''), zh, en
FROM unnest(%(code)s::text[], %(level)s::text[], %(parent)s::text[], %(zh)s::text[], %(en)s::text[])
     AS given (code, level, parent, zh, en)
ON CONFLICT (area_code) DO UPDATE
SET level = EXCLUDED.level, parent_code = EXCLUDED.parent_code, name_zh = EXCLUDED.name_zh, name_en = EXCLUDED.name_en
"""
UPSERT_PATROL_GRIDS = """
INSERT INTO patrol_grid (code, district_code, name_zh, name_en, team, geom)
SELECT code, district, zh, en, team, ST_Multi(ST_GeomFromWKB(wkb, 4326))
FROM unnest(%(code)s::text[], %(district)s::text[], %(zh)s::text[], %(en)s::text[], %(team)s::text[], %(wkb)s::bytea[])
     AS given (code, district, zh, en, team, wkb)
ON CONFLICT (code) WHERE state = 'valid' DO UPDATE
SET district_code = EXCLUDED.district_code, name_zh = EXCLUDED.name_zh, name_en = EXCLUDED.name_en,
    team = EXCLUDED.team, geom = EXCLUDED.geom
"""
UPSERT_UNIT_GRIDS = """
INSERT INTO unit_grid (code, community_code, patrol_grid_id, area_m2, geom)
SELECT given.code, community, p.patrol_grid_id, area_m2, ST_GeomFromWKB(wkb, 4326)
FROM unnest(%(code)s::text[], %(community)s::text[], %(patrol)s::text[], %(area_m2)s::float8[], %(wkb)s::bytea[])
     AS given (code, community, patrol, area_m2, wkb)
LEFT JOIN patrol_grid p ON p.code = given.patrol
ORDER BY given.code
ON CONFLICT (code) WHERE state = 'valid' DO UPDATE
SET community_code = EXCLUDED.community_code, patrol_grid_id = EXCLUDED.patrol_grid_id, area_m2 = EXCLUDED.area_m2,
    geom = EXCLUDED.geom
"""
UPSERT_STREETS = """
INSERT INTO street (street_id, name_zh, name_en, kind, geom)
SELECT id, zh, en, kind, ST_GeomFromWKB(wkb, 4326)
FROM unnest(%(id)s::int[], %(zh)s::text[], %(en)s::text[], %(kind)s::text[], %(wkb)s::bytea[])
     AS given (id, zh, en, kind, wkb)
ON CONFLICT (street_id) DO UPDATE
SET name_zh = EXCLUDED.name_zh, name_en = EXCLUDED.name_en, kind = EXCLUDED.kind, geom = EXCLUDED.geom
"""
# An area is where its unit grids are: communities first, then each level from the one below.
OUTLINE_COMMUNITIES = """
UPDATE area SET geom = ST_Multi(made.geom)
FROM (SELECT community_code, ST_Union(geom) AS geom FROM unit_grid WHERE state = 'valid'
      GROUP BY community_code) AS made
WHERE area.area_code = made.community_code
  AND NOT EXISTS (SELECT FROM grid_version WHERE level = 'community' AND state = 'active')
"""
OUTLINE_PARENTS = """
UPDATE area SET geom = ST_Multi(made.geom)
FROM (SELECT parent_code, ST_Union(geom) AS geom FROM area WHERE level = %(level)s AND geom IS NOT NULL
      GROUP BY parent_code) AS made
WHERE area.area_code = made.parent_code
  AND NOT EXISTS (SELECT FROM grid_version WHERE level = %(above)s AND state = 'active')
"""
INDEX_ROWS = "SELECT unit_grid_id, ST_AsBinary(geom) FROM unit_grid WHERE state = 'valid' ORDER BY unit_grid_id"
KEEP_STILL = "SELECT pg_advisory_xact_lock_shared(hashtext('citygrid.grids'))"
CHECK_ROWS = """
SELECT u.code, COALESCE(p.code, ''), ST_AsBinary(u.geom)
FROM unit_grid u LEFT JOIN patrol_grid p USING (patrol_grid_id) WHERE u.state = 'valid' ORDER BY u.code
"""
CODES_OF_LEVEL = "SELECT area_code FROM area WHERE level = %(level)s"
AREA_OUTLINES = """
SELECT area_code, ST_AsBinary(geom) FROM area WHERE level = %(level)s AND geom IS NOT NULL ORDER BY area_code
"""
PATROL_OUTLINES = "SELECT code, ST_AsBinary(geom) FROM patrol_grid WHERE state = 'valid' ORDER BY code"
DISTRICTS_OF_GRIDS = "SELECT unit_grid_id, left(community_code, 6) FROM unit_grid WHERE state = 'valid'"
COMMUNITIES = "SELECT area_code FROM area WHERE level = 'community'"
DISTRICTS = "SELECT area_code FROM area WHERE level = 'district'"
PATROL_CODES = "SELECT code FROM patrol_grid WHERE state = 'valid'"
ANALYZE = "ANALYZE area, patrol_grid, unit_grid, street"


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaRow:
    """One area of the tree city > district > street > community."""

    area_code: str
    level: str
    parent_code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatrolGridRow:
    """One patrol grid; `wkb` in WGS 84 degrees."""

    code: str
    district_code: str
    name_zh: str
    name_en: str
    team: str
    wkb: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitGridRow:
    """One unit grid; `patrol_code` may be empty."""

    code: str
    community_code: str
    patrol_code: str
    area_m2: float
    wkb: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetRow:
    """One street axis for the map."""

    street_id: int
    name_zh: str
    name_en: str
    kind: str
    wkb: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSet:
    """All valid unit grids, for checking. Shape: three columns of one length; geometry in degrees."""

    code: tuple[str, ...]
    patrol_code: tuple[str, ...]
    geometry: NDArray[np.object_]


async def upsert_areas(conn: AsyncConnection, rows: Sequence[AreaRow]) -> None:
    """Write areas; a parent may stand in the same call."""
    values = {
        "code": [row.area_code for row in rows],
        "level": [row.level for row in rows],
        "parent": [row.parent_code for row in rows],
        "zh": [row.name_zh for row in rows],
        "en": [row.name_en for row in rows],
    }
    await conn.execute(UPSERT_AREAS, values)


async def upsert_patrol_grids(conn: AsyncConnection, rows: Sequence[PatrolGridRow]) -> None:
    """Write patrol grids by code."""
    values = {
        "code": [row.code for row in rows],
        "district": [row.district_code for row in rows],
        "zh": [row.name_zh for row in rows],
        "en": [row.name_en for row in rows],
        "team": [row.team for row in rows],
        "wkb": [row.wkb for row in rows],
    }
    await conn.execute(UPSERT_PATROL_GRIDS, values)


async def upsert_unit_grids(conn: AsyncConnection, rows: Sequence[UnitGridRow]) -> None:
    """Write unit grids by code; new keys ascend with the codes."""
    values = {
        "code": [row.code for row in rows],
        "community": [row.community_code for row in rows],
        "patrol": [row.patrol_code for row in rows],
        "area_m2": [row.area_m2 for row in rows],
        "wkb": [row.wkb for row in rows],
    }
    await conn.execute(UPSERT_UNIT_GRIDS, values)


async def upsert_streets(conn: AsyncConnection, rows: Sequence[StreetRow]) -> None:
    """Write street axes by number."""
    values = {
        "id": [row.street_id for row in rows],
        "zh": [row.name_zh for row in rows],
        "en": [row.name_en for row in rows],
        "kind": [row.kind for row in rows],
        "wkb": [row.wkb for row in rows],
    }
    await conn.execute(UPSERT_STREETS, values)


async def outline_areas(conn: AsyncConnection) -> None:
    """Give every area the union of its unit grids as its outline, and refresh the planner's statistics.

    Areas of a level whose outlines were imported keep them.
    """
    await conn.execute(OUTLINE_COMMUNITIES)
    for level, above in (("community", "street"), ("street", "district"), ("district", "city")):
        await conn.execute(OUTLINE_PARENTS, {"level": level, "above": above})
    await conn.execute(ANALYZE)


async def load_index(conn: AsyncConnection) -> GridIndex:
    """Give the index of all valid unit grids; they stay as they are until the transaction ends."""
    await conn.execute(KEEP_STILL)
    rows = await (await conn.execute(INDEX_ROWS)).fetchall()
    return GridIndex([row[0] for row in rows], shapely.from_wkb([row[1] for row in rows]))


async def load_grids(conn: AsyncConnection) -> GridSet:
    """Give all valid unit grids with their patrol grids."""
    rows = await (await conn.execute(CHECK_ROWS)).fetchall()
    return GridSet(
        code=tuple(row[0] for row in rows),
        patrol_code=tuple(row[1] for row in rows),
        geometry=np.asarray(shapely.from_wkb([row[2] for row in rows]), dtype=np.object_),
    )


async def codes_of(conn: AsyncConnection, level: str) -> frozenset[str]:
    """Give the codes of all areas of a level."""
    return frozenset(row[0] for row in await (await conn.execute(CODES_OF_LEVEL, {"level": level})).fetchall())


async def outlines_of(conn: AsyncConnection, level: str) -> dict[str, shapely.Geometry]:
    """Give the outlines (degrees) of the areas of a level that have one, or of the patrol grids."""
    query = PATROL_OUTLINES if level == "patrol" else AREA_OUTLINES
    rows = await (await conn.execute(query, {"level": level})).fetchall()
    return {code: shapely.from_wkb(wkb) for code, wkb in rows}


async def districts_of_grids(conn: AsyncConnection) -> dict[int, str]:
    """Give the district of each valid unit grid."""
    return dict(await (await conn.execute(DISTRICTS_OF_GRIDS)).fetchall())


async def communities(conn: AsyncConnection) -> frozenset[str]:
    """Give the codes of all communities."""
    return frozenset(row[0] for row in await (await conn.execute(COMMUNITIES)).fetchall())


async def districts(conn: AsyncConnection) -> frozenset[str]:
    """Give the codes of all districts."""
    return frozenset(row[0] for row in await (await conn.execute(DISTRICTS)).fetchall())


async def patrol_codes(conn: AsyncConnection) -> frozenset[str]:
    """Give the codes of all patrol grids."""
    return frozenset(row[0] for row in await (await conn.execute(PATROL_CODES)).fetchall())
