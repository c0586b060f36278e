"""Devices with their health, as the API and the live map show them.

Health is decided by `devices.health`; lists decide it here, from the same constants, which come in as parameters.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]
LiveRow = tuple[Any, ...]

HEALTH: LiteralString = """
CASE WHEN r.device_id IS NULL THEN 'never'
     WHEN extract(epoch FROM %(now)s - r.received_at) > %(silent_after)s * d.interval_s THEN 'silent'
     WHEN extract(epoch FROM %(now)s - r.received_at) > %(late_after)s * d.interval_s THEN 'late'
     ELSE 'online' END
"""
SEVERITY_RANK: LiteralString = "array_position(ARRAY['info', 'minor', 'major', 'critical'], severity)"

LIST = """
SELECT d.device_id, d.label, d.profile, d.state, d.district_code, c.code AS component_code, u.code AS unit_grid_code,
       d.interval_s, d.maker, d.model, d.firmware, b.days_left AS battery_days,
       r.ts AS last_ts, r.received_at AS last_received_at, {health} AS health,
       ST_X(d.geom) AS lon, ST_Y(d.geom) AS lat
FROM device AS d
LEFT JOIN device_state AS r USING (device_id)
LEFT JOIN device_battery AS b USING (device_id)
LEFT JOIN component AS c USING (component_id)
LEFT JOIN unit_grid AS u ON u.unit_grid_id = d.unit_grid_id
WHERE {where}
ORDER BY d.device_id
LIMIT %(limit)s
"""
FILTERS: Mapping[str, LiteralString] = {
    "west": "d.geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)",
    "profile": "d.profile = %(profile)s",
    "district_code": "d.district_code = %(district_code)s",
    "component_id": "d.component_id = %(component_id)s",
    "state": "d.state = %(state)s",
    "maker": "d.maker = %(maker)s",
    "model": "d.model = %(model)s",
    "firmware": "d.firmware = %(firmware)s",
    "battery_days_below": "b.days_left < %(battery_days_below)s AND d.state NOT IN ('replaced', 'retired')",
    "after": "d.device_id > %(after)s",
}

SHOW = """
SELECT d.device_id, d.label, d.profile, d.state, d.district_code, c.code AS component_code, c.class_code,
       u.code AS unit_grid_code, g.code AS patrol_grid_code, g.name_zh AS patrol_name_zh, g.name_en AS patrol_name_en,
       s.name_zh AS street_zh, s.name_en AS street_en, m.name_zh AS community_zh, m.name_en AS community_en,
       d.interval_s, d.install, d.registered_at, d.registered_by,
       d.maker, d.model, d.serial, d.hardware, d.firmware, d.about_at, d.about_by,
       r.ts, r.received_at, r.seq, r.quality, r.origin, r."values" AS "values",
       now_in.code AS current_unit_grid_code,
       ST_X(d.geom) AS lon, ST_Y(d.geom) AS lat
FROM device AS d
LEFT JOIN device_state AS r USING (device_id)
LEFT JOIN component AS c USING (component_id)
LEFT JOIN unit_grid AS u ON u.unit_grid_id = d.unit_grid_id
LEFT JOIN patrol_grid AS g USING (patrol_grid_id)
LEFT JOIN area AS m ON m.area_code = u.community_code
LEFT JOIN area AS s ON s.area_code = m.parent_code
LEFT JOIN unit_grid AS now_in ON now_in.unit_grid_id = r.unit_grid_id
WHERE d.label = %(label)s
"""

CHANNELS = """
SELECT position, channel, unit, name_zh, name_en FROM profile_channel WHERE profile = %(profile)s ORDER BY position
"""

# A moving profile is one whose readings hold a position; its newest reading says where the device is.
LIVE = """
WITH moving AS (
    SELECT profile,
           max(position) FILTER (WHERE channel = 'lon_deg') AS lon_at,
           max(position) FILTER (WHERE channel = 'lat_deg') AS lat_at,
           max(position) FILTER (WHERE channel = 'bearing_deg') AS bearing_at
    FROM profile_channel
    WHERE channel IN ('lon_deg', 'lat_deg', 'bearing_deg')
    GROUP BY profile
    HAVING count(*) FILTER (WHERE channel IN ('lon_deg', 'lat_deg')) = 2
), trouble AS (
    SELECT device_id, (ARRAY['info', 'minor', 'major', 'critical'])[max({rank})] AS severity
    FROM incident
    WHERE is_open AND device_id IS NOT NULL
    GROUP BY device_id
), placed AS (
    SELECT d.label, d.profile, r.received_at,
           coalesce(r."values"[v.lon_at], ST_X(d.geom)) AS lon,
           coalesce(r."values"[v.lat_at], ST_Y(d.geom)) AS lat,
           {health} AS health, t.severity, v.profile IS NOT NULL AS is_moving, r."values"[v.bearing_at] AS bearing,
           d.district_code, d.unit_grid_id
    FROM device AS d
    LEFT JOIN moving AS v USING (profile)
    LEFT JOIN device_state AS r USING (device_id)
    LEFT JOIN trouble AS t USING (device_id)
    WHERE d.state NOT IN ('replaced', 'retired') AND {where}
)
SELECT label, profile, round(lon::numeric, 6)::float8, round(lat::numeric, 6)::float8, health, severity,
       is_moving, bearing, district_code, unit_grid_id
FROM placed
WHERE %(west)s::float8 IS NULL
   OR (lon BETWEEN %(west)s::float8 AND %(east)s::float8 AND lat BETWEEN %(south)s::float8 AND %(north)s::float8)
"""
PLACE = slice(8, 10)
"""Where a row says to which district and unit grid (key) the device belongs."""
LIVE_FILTERS: Mapping[str, LiteralString] = {
    "moved_since": "v.profile IS NOT NULL AND r.received_at >= %(moved_since)s",
}


async def find(
    conn: AsyncConnection, given: Mapping[str, object], *, clock: Mapping[str, object], limit: int
) -> list[Row]:
    """Give at most `limit` devices that pass the filters, by key; `clock` = now, late_after, silent_after."""
    plain = {name: value for name, value in given.items() if name not in {"south", "east", "north", "health"}}
    conditions = where(FILTERS, plain)
    if given.get("health") is not None:
        conditions = sql.SQL("{} AND {} = %(health)s").format(conditions, sql.SQL(HEALTH))
    query = sql.SQL(LIST).format(health=sql.SQL(HEALTH), where=conditions)
    return await _rows(conn, query, {**given, **clock, "limit": limit})


async def show(conn: AsyncConnection, label: str) -> Row | None:
    """Give one device with its place and its newest reading."""
    rows = await _rows(conn, sql.SQL(SHOW), {"label": label})
    return rows[0] if rows else None


async def channels(conn: AsyncConnection, profile: str) -> list[Row]:
    """Give a profile's channels in the order of the stored arrays."""
    return await _rows(conn, sql.SQL(CHANNELS), {"profile": profile})


async def live(
    conn: AsyncConnection,
    *,
    clock: Mapping[str, object],
    box: Mapping[str, float | None],
    moved_since: datetime | None = None,
) -> list[LiveRow]:
    """Give (label, profile, lon, lat, health, open severity, is moving, bearing, district, unit grid) in the box.

    Units: degrees WGS 84, rounded to 0.1 m. With `moved_since` only vehicles heard from since then.
    """
    given = {"moved_since": moved_since}
    query = sql.SQL(LIVE).format(rank=sql.SQL(SEVERITY_RANK), health=sql.SQL(HEALTH), where=where(LIVE_FILTERS, given))
    cursor = await conn.execute(query, {**clock, **box, **given})
    return await cursor.fetchall()


async def _rows(conn: AsyncConnection, query: sql.SQL | sql.Composed, values: Mapping[str, object]) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
