"""Mapbox vector tiles made by PostGIS: components one by one when near, counts when far, and the grids.

From zoom 14 on a tile is so small that Web Mercator is a straight line in degrees within it: the error is below
0.15 of 4,096 tile units (second-order term sec(lat) * tan(lat) * height^2 / 8 at 40 degrees north), so those tiles are
cut in degrees and nothing is projected. That would show beyond 70 degrees north; no city we know of lies there.
"""

from psycopg import AsyncConnection

SINGLE_FROM_ZOOM = 14
CODE_FROM_ZOOM = 16
UNIT_FROM_ZOOM = 13
"""Counts: one point a unit grid from here on, coarser below. Unit grids' polygons: from here on."""
SIDE_STREETS_FROM_ZOOM = 13
MOST_FEATURES = 11_000
"""A point with its code costs about 38 bytes and 3 microseconds: so many stay below 500 kB and 0.1 s. A fuller tile
keeps what is not intact and a sample of the rest, the same each time."""
FINE_ZOOM = 22
"""Of the squares in which `unit_grid.middle_x` and `middle_y` count."""
POINTS_A_SIDE_BITS = 5
"""Far tiles have one point for each 1/32 of their side, in the middle of the grids it stands for."""

# ST_AsMVT leaves out rows whose geometry is NULL (outside the tile); asking for that in WHERE would make PostgreSQL
# clip every geometry twice. Margin of 64/4096 on each side, so that symbols on an edge are not cut. The box of `near`
# stands where it is compared, and the statement is planned each time: PostgreSQL then knows how many lie in it, and
# reads the pages of thousands in order and ahead, each once.
SINGLE = """
WITH near AS MATERIALIZED (
    SELECT component_id, class_code, state, code, geom FROM component
    WHERE geom && ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 0.015625), 4326)
), box AS (
    SELECT ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4326) AS tile
), size AS (
    SELECT count(*) AS n FROM near
)
SELECT ST_AsMVT(t, 'components', 4096, 'geom') FROM (
    SELECT c.class_code, c.state, CASE WHEN %(z)s >= %(code_from)s THEN c.code END AS code,
           ST_AsMVTGeom(c.geom, box.tile::box2d, 4096, 64, TRUE) AS geom
    FROM box, size, near AS c
    WHERE (size.n <= %(most)s OR c.state <> 'intact'
           OR hashint4(c.component_id) & 65535 < 65536 * %(most)s::bigint / size.n)
) AS t
"""

# A grid counts where the middle of its box lies, so it is in one tile only. `grid_tally` holds the counts, kept right
# by triggers, and the middles are columns: nothing is counted, projected or cut here.
COUNTS = """
WITH grid AS (
    SELECT u.middle_x - %(left)s AS x, u.middle_y - %(top)s AS y, t.components, t.broken
    FROM unit_grid AS u JOIN grid_tally AS t USING (unit_grid_id)
    WHERE u.middle_x >= %(left)s AND u.middle_x < %(left)s + %(side)s
      AND u.middle_y >= %(top)s AND u.middle_y < %(top)s + %(side)s AND t.components > 0
)
SELECT ST_AsMVT(t, 'component_counts', 4096, 'geom') FROM (
    SELECT sum(components)::int AS count, nullif(sum(broken), 0)::int AS broken,
           ST_MakePoint(floor(avg(x) * 4096 / %(side)s), floor(avg(y) * 4096 / %(side)s)) AS geom
    FROM grid GROUP BY x / %(step)s, y / %(step)s
) AS t
"""

UNIT_GRIDS = """
WITH box AS (
    SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS tile,
           ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 0.015625), 4326) AS wide
), trouble AS (
    SELECT unit_grid_id,
           nullif(count(*) FILTER (WHERE severity = 'info'), 0)::int AS info,
           nullif(count(*) FILTER (WHERE severity = 'minor'), 0)::int AS minor,
           nullif(count(*) FILTER (WHERE severity = 'major'), 0)::int AS major,
           nullif(count(*) FILTER (WHERE severity = 'critical'), 0)::int AS critical
    FROM incident WHERE is_open GROUP BY unit_grid_id
)
SELECT ST_AsMVT(t, 'unit_grids', 4096, 'geom') FROM (
    SELECT u.code, o.info, o.minor, o.major, o.critical,
           ST_AsMVTGeom(ST_Transform(u.geom, 3857), box.tile::box2d, 4096, 64, TRUE) AS geom
    FROM box, unit_grid AS u
    LEFT JOIN trouble AS o USING (unit_grid_id)
    WHERE u.geom && box.wide AND u.state = 'valid' AND %(z)s >= %(unit_from)s
) AS t
"""

PATROL_GRIDS = """
WITH box AS (
    SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS tile,
           ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 0.015625), 4326) AS wide
), trouble AS (
    SELECT patrol_grid_id,
           nullif(count(*) FILTER (WHERE severity = 'info'), 0)::int AS info,
           nullif(count(*) FILTER (WHERE severity = 'minor'), 0)::int AS minor,
           nullif(count(*) FILTER (WHERE severity = 'major'), 0)::int AS major,
           nullif(count(*) FILTER (WHERE severity = 'critical'), 0)::int AS critical
    FROM incident WHERE is_open GROUP BY patrol_grid_id
)
SELECT ST_AsMVT(t, 'patrol_grids', 4096, 'geom') FROM (
    SELECT g.code, g.name_zh, g.name_en, g.district_code, o.info, o.minor, o.major, o.critical,
           ST_AsMVTGeom(ST_Transform(g.geom, 3857), box.tile::box2d, 4096, 64, TRUE) AS geom
    FROM box, patrol_grid AS g
    LEFT JOIN trouble AS o USING (patrol_grid_id)
    WHERE g.geom && box.wide AND g.state = 'valid'
) AS t
"""

STREETS = """
WITH box AS (
    SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS tile,
           ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 0.015625), 4326) AS wide
)
SELECT ST_AsMVT(t, 'streets', 4096, 'geom') FROM (
    SELECT s.name_zh, s.name_en, s.kind,
           ST_AsMVTGeom(ST_Transform(s.geom, 3857), box.tile::box2d, 4096, 64, TRUE) AS geom
    FROM box, street AS s
    WHERE s.geom && box.wide AND (s.kind = 'main' OR %(z)s >= %(side_from)s)
) AS t
"""


async def components(conn: AsyncConnection, z: int, x: int, y: int) -> bytes:
    """Give layer `components` (class_code, state, code from zoom 16), below 14 `component_counts` (count, broken)."""
    if z >= SINGLE_FROM_ZOOM:
        values = {"z": z, "x": x, "y": y, "code_from": CODE_FROM_ZOOM, "most": MOST_FEATURES}
        return _bytes(await (await conn.execute(SINGLE, values, prepare=False)).fetchone())
    side = 1 << (FINE_ZOOM - z)
    step = side >> POINTS_A_SIDE_BITS if z < UNIT_FROM_ZOOM else 1
    values = {"left": x * side, "top": y * side, "side": side, "step": step}
    return _bytes(await (await conn.execute(COUNTS, values)).fetchone())


async def grids(conn: AsyncConnection, z: int, x: int, y: int) -> bytes:
    """Give layers `unit_grids` (from zoom 13), `patrol_grids`, `streets`; open incidents by severity, absent = none."""
    values = {"z": z, "x": x, "y": y, "unit_from": UNIT_FROM_ZOOM, "side_from": SIDE_STREETS_FROM_ZOOM}
    layers: list[bytes] = []
    for query in (UNIT_GRIDS, PATROL_GRIDS, STREETS):
        cursor = await conn.execute(query, values)
        layers.append(_bytes(await cursor.fetchone()))
    return b"".join(layers)  # layers of a tile are a repeated field: concatenation is a valid tile


def _bytes(row: tuple[object, ...] | None) -> bytes:
    return row[0] if row and isinstance(row[0], bytes) else b""
