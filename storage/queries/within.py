"""Components inside a box or polygon, as columns: ten thousand of them are one text made by the database."""

from collections.abc import Mapping
from typing import LiteralString

from psycopg import AsyncConnection, sql

from storage.queries.where import where

MOST = 10_000

# Columns of one order, whatever it is. A line or polygon stands at a point on it. Too many are not written at all.
COLUMNS = """
WITH found AS MATERIALIZED (
    SELECT c.code, c.class_code, c.state, c.geom FROM component AS c WHERE {where} LIMIT %(most)s + 1
), size AS (
    SELECT count(*) AS n FROM found
), placed AS (
    SELECT code, class_code, state, CASE WHEN ST_Dimension(geom) = 0 THEN geom ELSE ST_PointOnSurface(geom) END AS at
    FROM found, size WHERE n <= %(most)s
)
SELECT (SELECT n FROM size), json_build_object(
    'count', count(*),
    'code', coalesce(array_agg(code), '{{}}'),
    'class_code', coalesce(array_agg(class_code), '{{}}'),
    'state', coalesce(array_agg(state), '{{}}'),
    'lon', coalesce(array_agg(ST_X(at)), '{{}}'),
    'lat', coalesce(array_agg(ST_Y(at)), '{{}}')
)::text
FROM placed
"""
FILTERS: Mapping[str, LiteralString] = {
    "west": "c.geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)"
    " AND (ST_Dimension(c.geom) = 0"
    " OR ST_Intersects(c.geom, ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)))",
    "polygon": "ST_Intersects(c.geom, ST_GeomFromWKB(%(polygon)s, 4326))",
    "class_code": "c.class_code = ANY(%(class_code)s)",
    "state": "c.state = ANY(%(state)s)",
    "department_id": "%(department_id)s IN (c.competent_dept_id, c.owner_dept_id, c.maintainer_dept_id)",
}


async def columns(conn: AsyncConnection, given: Mapping[str, object]) -> str | None:
    """Give the components that pass the filters as JSON text, or None when they are more than `MOST`.

    Filters: the box (`west`, `south`, `east`, `north`) or `polygon` (WKB), and lists `class_code` and `state`.
    """
    chosen = {name: value for name, value in given.items() if name not in {"south", "east", "north"}}
    query = sql.SQL(COLUMNS).format(where=where(FILTERS, chosen))
    row = await (await conn.execute(query, {**given, "most": MOST})).fetchone()
    assert row is not None
    return None if row[0] > MOST else row[1]
