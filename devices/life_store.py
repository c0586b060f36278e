"""SQL of a device's life: its state, where it stood and when. Takes a connection, never commits.

Where it stood is kept by triggers on `device` (table `device_mounting`), whoever changes it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from devices import store
from devices.life import AT_ITS_PLACE, State
from devices.model import Change

LOCK_ONE = """
SELECT d.device_id, d.label, d.profile, d.component_id, c.code AS component_code, d.district_code, d.state,
       d.interval_s, d.install, d.gateway_id, ST_X(d.geom) AS lon_deg, ST_Y(d.geom) AS lat_deg
FROM device d LEFT JOIN component c USING (component_id) WHERE d.label = %(label)s FOR UPDATE OF d
"""
LOCK_MANY = """
SELECT device_id, label, state FROM device WHERE device_id = ANY(%(device_ids)s) ORDER BY device_id FOR UPDATE
"""
LOCK_PLACE = """
SELECT c.component_id, c.class_code,
       (SELECT o.label FROM device o WHERE o.component_id = c.component_id AND o.profile = %(profile)s
        AND o.state = ANY(%(at_its_place)s) LIMIT 1) AS occupant
FROM component c WHERE c.code = %(code)s FOR NO KEY UPDATE OF c
"""
UPDATE_STATE = """
UPDATE device SET state = %(state)s, state_since = %(now)s WHERE device_id = %(device_id)s
"""
UPDATE_PLACE = """
UPDATE device AS d
SET state = %(state)s, state_since = %(now)s, component_id = c.component_id, district_code = c.district_code,
    unit_grid_id = c.unit_grid_id, geom = ST_PointOnSurface(c.geom),
    gateway_id = CASE WHEN d.district_code = c.district_code THEN d.gateway_id END
FROM component c WHERE d.device_id = %(device_id)s AND c.component_id = %(component_id)s
"""
INSERT_EVENT = """
INSERT INTO device_event (device_id, at, actor, kind, detail)
VALUES (%(device_id)s, %(now)s, %(actor)s, %(state)s, %(detail)s)
"""
FOLLOW = """
UPDATE device_mounting SET replaced_by = f.device_id FROM device f
WHERE f.label = %(follower)s AND mounting_id = (
    SELECT mounting_id FROM device_mounting WHERE device_id = %(device_id)s
    ORDER BY since DESC, mounting_id DESC LIMIT 1
)
"""
INHERIT_GATEWAY = "UPDATE device SET gateway_id = %(gateway_id)s WHERE label = %(follower)s AND gateway_id IS NULL"


async def lock_one(conn: AsyncConnection, label: str) -> Mapping[str, Any] | None:
    """Give one device's row, locked until the transaction ends."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LOCK_ONE, {"label": label})
        return await cursor.fetchone()


async def lock_many(conn: AsyncConnection, device_ids: Sequence[int]) -> list[Mapping[str, Any]]:
    """Give some devices, locked in the order of their keys until the transaction ends."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LOCK_MANY, {"device_ids": list(device_ids)})
        return [*await cursor.fetchall()]


async def lock_place(conn: AsyncConnection, device: Mapping[str, Any], code: str) -> Mapping[str, Any] | None:
    """Give a component's key, class, and which device of this type it carries; locked until the transaction ends."""
    asked = {"code": code, "profile": device["profile"], "at_its_place": [state.value for state in AT_ITS_PLACE]}
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LOCK_PLACE, asked)
        return await cursor.fetchone()


async def set_state(
    conn: AsyncConnection,
    device: Mapping[str, Any],
    state: State,
    by: Change,
    *,
    place: Mapping[str, Any] | None = None,
    told: Mapping[str, Any],
) -> None:
    """Change the state, and the place when it takes one, and write it into the device's history and the audit."""
    detail = {"from": device["state"], "state": state.value, "reason": by.reason, **told}
    row = {"device_id": device["device_id"], "state": state.value, "now": by.now, "actor": by.actor}
    if place is None:
        await conn.execute(UPDATE_STATE, row)
    else:
        await conn.execute(UPDATE_PLACE, {**row, "component_id": place["component_id"]})
    await conn.execute(INSERT_EVENT, {**row, "detail": Jsonb(detail)})
    said = {"reason": by.reason, **told}
    await store.audit(conn, now=by.now, actor=by.actor, action=f"device_{state}", subject=device["label"], detail=said)


async def follow(conn: AsyncConnection, former: Mapping[str, Any], follower: str) -> None:
    """Note who took a device's place; it is listed under the same gateway."""
    row = {"device_id": former["device_id"], "gateway_id": former["gateway_id"], "follower": follower}
    await conn.execute(FOLLOW, row)
    await conn.execute(INHERIT_GATEWAY, row)
