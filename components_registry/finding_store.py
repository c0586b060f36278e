"""SQL of a survey's findings, kept as they are found: none is held in memory. Takes a connection, never commits.

What concerns the file alone and what is registered already is found here, over the staged rows and the registry.
"""

from collections.abc import Sequence
from typing import LiteralString

from psycopg import AsyncConnection, sql

from components_registry.model import Finding, ReasonCount

COPY = "COPY survey_finding (survey_id, line, col, reason, detail, refused, lon, lat) FROM STDIN"
# In the order of the file; those of one row as they were found.
SHOWN = """
SELECT line, col, reason, detail, refused, lon, lat FROM survey_finding
WHERE survey_id = %(survey_id)s ORDER BY line, ctid LIMIT %(limit)s
"""
REFUSED = """
SELECT line, col, reason, detail, refused, lon, lat FROM survey_finding
WHERE survey_id = %(survey_id)s AND refused AND line BETWEEN %(first)s AND %(last)s
"""
COUNTS = """
SELECT reason, refused, count(*), count(lon) FROM survey_finding
WHERE survey_id = %(survey_id)s GROUP BY reason, refused ORDER BY count(*) DESC, min(line), reason
"""
EXISTS = "SELECT 1 FROM survey WHERE survey_id = %(survey_id)s"

# A new code for a component that is already there: same class, same geometry, another code. Not staged any more.
TAKE_CROWDED = """
WITH crowded AS (
    SELECT DISTINCT ON (s.line) s.line, s.code, s.class_code, c.code AS held
    FROM staged_component s
    JOIN component c ON c.class_code = s.class_code AND c.geom ~= s.geom AND ST_OrderingEquals(c.geom, s.geom)
    WHERE NOT EXISTS (SELECT 1 FROM component k WHERE k.code = s.code)
      AND NOT EXISTS (SELECT 1 FROM staged_component m WHERE m.code = c.code)
    ORDER BY s.line, c.code
), taken AS (
    DELETE FROM staged_component s USING crowded WHERE s.line = crowded.line
    RETURNING s.line, s.class_code, crowded.held
)
INSERT INTO survey_finding (survey_id, line, col, reason, detail, refused, lon, lat)
SELECT %(survey_id)s, line, 'geometry', 'duplicate_position',
       'component ' || held || ' of class ' || class_code || ' is already registered at the same place',
       TRUE, NULL, NULL
FROM taken
"""
# A new code within some metres of a component of its class that the file does not have: probably the same one. Areas
# may touch: of two of them `WITH_REGISTERED` speaks.
NEAR_REGISTERED = """
INSERT INTO survey_finding (survey_id, line, col, reason, detail, refused, lon, lat)
SELECT %(survey_id)s, line, 'geometry', 'near_duplicate',
       'component ' || held || ' of the same class is registered ' || round(away_m::numeric, 2) || ' m away',
       FALSE, NULL, NULL
FROM (
    SELECT DISTINCT ON (s.line) s.line, c.code AS held, ST_Distance(s.geom::geography, c.geom::geography) AS away_m
    FROM staged_component s
    JOIN component c ON c.class_code = s.class_code AND c.geom && ST_Expand(s.geom, %(degrees)s)
    WHERE ST_DWithin(s.geom::geography, c.geom::geography, %(near_m)s)
      AND (ST_Dimension(s.geom) < 2 OR ST_Dimension(c.geom) < 2)
      AND NOT EXISTS (SELECT 1 FROM component k WHERE k.code = s.code)
      AND NOT EXISTS (SELECT 1 FROM staged_component m WHERE m.code = c.code)
    ORDER BY s.line, away_m
) AS pair
"""
AREAS = "CREATE INDEX staged_area ON staged_component USING gist (geom) WHERE ST_Dimension(geom) = 2"
# A polygon over one of its class, by the share of the smaller one; of several, the one that shares the most is told.
OVER = """
WITH pair AS MATERIALIZED ({pairs})
INSERT INTO survey_finding (survey_id, line, col, reason, detail, refused, lon, lat)
SELECT DISTINCT ON (line) %(survey_id)s, line, 'geometry', 'overlap',
       round(share::numeric * 100) || '%% of it or of ' || other || ' lie over one another ('
           || round(ST_Area(common::geography)::numeric, 1) || ' m², the same class)',
       FALSE, ST_X(ST_PointOnSurface(own)), ST_Y(ST_PointOnSurface(own))
FROM (SELECT *, ST_Area(common) / least(ST_Area(own), ST_Area(theirs)) AS share FROM pair) AS shared
WHERE share >= %(share)s
ORDER BY line, share DESC, length(other), other
"""
WITH_EARLIER = """
SELECT s.line, 'line ' || o.line AS other, s.geom AS own, o.geom AS theirs, ST_Intersection(s.geom, o.geom) AS common
FROM staged_component AS s
JOIN staged_component AS o ON o.class_code = s.class_code AND o.geom && s.geom AND ST_Dimension(o.geom) = 2
    AND o.line < s.line AND ST_Intersects(o.geom, s.geom)
WHERE ST_Dimension(s.geom) = 2
"""
# Those that the file does not have.
WITH_REGISTERED = """
SELECT s.line, 'component ' || c.code AS other, s.geom AS own, c.geom AS theirs,
       ST_Intersection(s.geom, c.geom) AS common
FROM staged_component AS s
JOIN component AS c ON c.class_code = s.class_code AND c.geom && s.geom AND ST_Dimension(c.geom) = 2
    AND c.code <> s.code AND ST_Intersects(c.geom, s.geom)
WHERE ST_Dimension(s.geom) = 2 AND NOT EXISTS (SELECT 1 FROM staged_component AS m WHERE m.code = c.code)
"""
METRES_A_DEGREE = 60_000.0
"""Fewer than a degree has in any direction up to 57 degrees north: a box this wide holds the circle."""


async def keep(conn: AsyncConnection, text: str) -> None:
    """Keep findings that are already in COPY's text format."""
    if text:
        async with conn.cursor() as cursor, cursor.copy(COPY) as copy:
            await copy.write(text)


async def take_crowded(conn: AsyncConnection, survey_id: int) -> None:
    """Take out, with a finding, staged rows that give a new code to a component that is already registered."""
    await conn.execute(TAKE_CROWDED, {"survey_id": survey_id})


async def near_registered(conn: AsyncConnection, survey_id: int, near_m: float) -> None:
    """Remark on each staged new code that lies within `near_m` of a registered component of its class."""
    values = {"survey_id": survey_id, "near_m": near_m, "degrees": near_m / METRES_A_DEGREE}
    await conn.execute(NEAR_REGISTERED, values)


async def over_earlier(conn: AsyncConnection, survey_id: int, share: float) -> None:
    """Remark on each staged polygon over one of its class before it, from `share` of the smaller one on."""
    await conn.execute(AREAS)
    await conn.execute(sql.SQL(OVER).format(pairs=sql.SQL(WITH_EARLIER)), {"survey_id": survey_id, "share": share})


async def over_registered(conn: AsyncConnection, survey_id: int, share: float) -> None:
    """Remark on each staged polygon over a registered one of its class, from `share` of the smaller one on."""
    await conn.execute(sql.SQL(OVER).format(pairs=sql.SQL(WITH_REGISTERED)), {"survey_id": survey_id, "share": share})


async def counts(conn: AsyncConnection, survey_id: int) -> tuple[ReasonCount, ...]:
    """Count a survey's findings by reason, the most frequent first."""
    rows = await (await conn.execute(COUNTS, {"survey_id": survey_id})).fetchall()
    return tuple(
        ReasonCount(reason=reason, refused=refused, findings=found, placed=placed)
        for reason, refused, found, placed in rows
    )


async def shown(conn: AsyncConnection, survey_id: int, limit: int) -> list[Finding]:
    """Give the first findings of a survey by line."""
    return await _findings(conn, SHOWN, {"survey_id": survey_id, "limit": limit})


async def refused(conn: AsyncConnection, survey_id: int, first: int, last: int) -> list[Finding]:
    """Give the findings of the refused rows among some lines."""
    return await _findings(conn, REFUSED, {"survey_id": survey_id, "first": first, "last": last})


async def of_survey(conn: AsyncConnection, survey_id: int, limit: int) -> Sequence[Finding] | None:
    """Give the first findings of a survey by line, or None when there is no such survey."""
    if await (await conn.execute(EXISTS, {"survey_id": survey_id})).fetchone() is None:
        return None
    return await shown(conn, survey_id, limit)


async def _findings(conn: AsyncConnection, query: LiteralString, values: dict[str, int]) -> list[Finding]:
    rows = await (await conn.execute(query, values)).fetchall()
    return [
        Finding(line=line, column=column, reason=reason, detail=detail, refused=refused, lon=lon, lat=lat)
        for line, column, reason, detail, refused, lon, lat in rows
    ]
