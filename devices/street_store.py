"""SQL of registration in the street. Takes a connection, never commits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from devices.life import AT_ITS_PLACE, State
from devices.placing import Known, Listing, Placing

LOCK_LABEL = "SELECT pg_advisory_xact_lock(hashtextextended(%(label)s, %(space)s))"
LABELS = 4_217_000_012
"""Space of the locks of labels: two phones that register one label do it one after the other."""

BY_KEY = """
SELECT k.label, k.profile, k.component_code, k.replaced FROM street_registration k WHERE k.key = %(key)s
"""
KEEP_KEY = """
INSERT INTO street_registration (key, label, profile, component_code, replaced, at, actor, detail)
VALUES (%(key)s, %(label)s, %(profile)s, %(component_code)s, %(replaced)s, %(at)s, %(actor)s, %(detail)s)
"""
# What stands in the way is read in the whole city, whatever somebody may see of it: it must be explained.
KNOWN = """
SELECT d.profile, d.state, c.code AS component_code, k.name_zh AS class_zh, k.name_en AS class_en,
       ST_X(d.geom) AS lon, ST_Y(d.geom) AS lat, d.registered_at, d.registered_by
FROM public.device d LEFT JOIN public.component c USING (component_id)
LEFT JOIN component_class k ON k.catalogue_id = c.catalogue_id AND k.class_code = c.class_code
WHERE d.label = %(label)s
"""
LISTING = """
SELECT (SELECT b.profile FROM claim_label l JOIN claim_batch b USING (batch_id) WHERE l.label = %(label)s)
           AS listed_as,
       EXISTS (SELECT FROM claim_batch WHERE profile = %(profile)s AND revoked_at IS NULL AND until > %(now)s)
           AS expects
"""
# The component's row stays locked: two phones at one cover are one after the other.
PLACE = """
SELECT c.component_id, c.class_code, k.name_zh AS class_zh, k.name_en AS class_en, c.district_code,
       u.community_code, g.code AS patrol_grid_code,
       ST_Distance(c.geom::geography, ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography) AS distance_m
FROM public.component c JOIN component_class k USING (catalogue_id, class_code)
LEFT JOIN unit_grid u USING (unit_grid_id) LEFT JOIN patrol_grid g USING (patrol_grid_id)
WHERE c.code = %(code)s FOR NO KEY UPDATE OF c
"""
OCCUPANT = """
SELECT o.label, s.ts FROM public.device o LEFT JOIN public.device_state s USING (device_id)
WHERE o.component_id = %(component_id)s AND o.profile = %(profile)s AND o.state = ANY (%(at_its_place)s)
ORDER BY o.device_id LIMIT 1
"""
INSERT_EVENT = """
INSERT INTO device_event (device_id, at, actor, kind, detail)
SELECT device_id, %(at)s, %(actor)s, 'placed', %(detail)s FROM device WHERE label = %(label)s
"""


async def lock_label(conn: AsyncConnection, label: str) -> None:
    """Let no other phone register this label until the transaction ends."""
    await conn.execute(LOCK_LABEL, {"label": label, "space": LABELS})


async def by_key(conn: AsyncConnection, key: str) -> Mapping[str, Any] | None:
    """Give what was registered with this key."""
    return await _one(conn, BY_KEY, {"key": key})


async def known(conn: AsyncConnection, label: str) -> Known | None:
    """Give the device of this label."""
    row = await _one(conn, KNOWN, {"label": label})
    if row is None:
        return None
    row["state"] = State(row["state"])
    return Known(**row)


async def listing(conn: AsyncConnection, label: str, profile: str, now: datetime) -> Listing:
    """Give what the delivered batches say of a label."""
    row = await _one(conn, LISTING, {"label": label, "profile": profile, "now": now})
    return Listing(**row) if row else Listing()


async def lock_place(conn: AsyncConnection, placing: Placing) -> Mapping[str, Any] | None:
    """Give the picked component with what it carries, locked until the transaction ends."""
    at = placing.position
    asked = {
        "code": placing.row.component_code,
        "lon": at.lon_deg if at else None,
        "lat": at.lat_deg if at else None,
    }
    place = await _one(conn, PLACE, asked)
    if place is None:
        return None
    carried = {
        "component_id": place["component_id"],
        "profile": placing.row.profile,
        "at_its_place": [state.value for state in AT_ITS_PLACE],
    }
    occupant = await _one(conn, OCCUPANT, carried)
    return {**place, "occupant": occupant["label"] if occupant else None, "last_ts": occupant and occupant["ts"]}


async def keep(conn: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Keep under its key what was registered, and write into the device's history where the phone was."""
    told = {**row, "detail": Jsonb(row["detail"])}
    await conn.execute(KEEP_KEY, told)
    await conn.execute(INSERT_EVENT, told)


async def _one(conn: AsyncConnection, query: LiteralString, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchone()
