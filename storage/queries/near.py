"""The components around a point, the nearest first, with the devices they carry."""

import math
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

METRES_A_DEGREE = 111_320.0
"""Of latitude; only for a box that is surely large enough."""

NEAR = """
WITH here AS (SELECT ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326) AS at),
close AS (
    SELECT c.*, ST_Distance(c.geom::geography, here.at::geography) AS distance_m
    FROM component AS c, here
    WHERE c.geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
      AND (%(classes)s::text[] IS NULL OR c.class_code = ANY (%(classes)s))
)
SELECT c.code, c.class_code, k.name_zh AS class_zh, k.name_en AS class_en, c.name, c.state, c.district_code,
       round(c.distance_m::numeric, 1)::float8 AS distance_m, ST_X(p.at) AS lon, ST_Y(p.at) AS lat,
       coalesce((SELECT json_agg(json_build_object('label', d.label, 'profile', d.profile) ORDER BY d.device_id)
                 FROM device AS d
                 WHERE d.component_id = c.component_id AND d.state = ANY (%(at_its_place)s)), '[]') AS devices
FROM close AS c
JOIN component_class AS k USING (catalogue_id, class_code)
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(c.geom) AS at) AS p
WHERE c.distance_m <= %(radius_m)s
ORDER BY c.distance_m, c.code
LIMIT %(limit)s
"""


async def near(conn: AsyncConnection, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the components within `radius_m` of `lon`, `lat`; of the `classes`, when given."""
    up = asked["radius_m"] / METRES_A_DEGREE
    aside = up / max(0.01, math.cos(math.radians(asked["lat"])))
    box = {
        "west": asked["lon"] - aside,
        "east": asked["lon"] + aside,
        "south": asked["lat"] - up,
        "north": asked["lat"] + up,
    }
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(NEAR, {**asked, **box})
        return await cursor.fetchall()
