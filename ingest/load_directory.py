"""Builds the pipeline's snapshot of the registry from the database; slots of a former snapshot stay where they are."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from core.fleet import Fleet
from core.places import CellKind
from devices.life import REPORTING, State, after_first_reading
from devices.profile import Profile
from geo.grid import GridIndex
from geo.places import CityMap, CityPlaces, Stand
from ingest.directory import Directory, Locator, Spoken, make
from ingest.lanes import CITY, Shard
from storage import places
from wire.addresses import NAMINGS

SELECT_DEVICES = """
SELECT d.device_id, d.label, d.profile, COALESCE(c.class_code, ''), COALESCE(d.component_id, 0), d.district_code,
       COALESCE(d.unit_grid_id, 0), d.interval_s, d.state, ST_X(d.geom), ST_Y(d.geom),
       (extract(epoch FROM d.registered_at) * 1000000)::bigint
FROM device d LEFT JOIN component c USING (component_id)
WHERE CASE WHEN d.format = ANY(%(in_our_tree)s) THEN d.district_code = ANY(%(districts)s) OR %(all_districts)s
      ELSE %(takes_foreign)s END
ORDER BY d.device_id
"""
COLUMNS, PROFILE, STATE = 12, 2, 8
"""Of `SELECT_DEVICES`: how many, and the places of the profile and the state."""
_REPORTING = frozenset(state.value for state in REPORTING)
_AWAITED = frozenset(state.value for state in State if after_first_reading(state))
SELECT_SPOKEN = """
SELECT device_id, format, COALESCE(address, label), codec FROM device WHERE format <> 'native' ORDER BY device_id
"""
SELECT_BEHIND_GATEWAYS = """
SELECT g.label, ARRAY(SELECT d.label FROM device d WHERE d.gateway_id = g.gateway_id) FROM gateway g
"""
SELECT_GRIDS = "SELECT unit_grid_id, ST_AsBinary(geom) FROM unit_grid WHERE state = 'valid' ORDER BY unit_grid_id"


async def load_locator(conn: AsyncConnection) -> GridIndex:
    """Give the index of the city's valid unit grids."""
    cursor = await conn.execute(SELECT_GRIDS)
    rows = await cursor.fetchall()
    return GridIndex([row[0] for row in rows], shapely.from_wkb([row[1] for row in rows]))


async def load(
    conn: AsyncConnection,
    profiles: Mapping[str, Profile],
    locator: Locator | None,
    former: Directory | None = None,
    *,
    shard: Shard = CITY,
) -> Directory:
    """Give the snapshot of now, of the shard's devices; those of profiles nobody knows are left out.

    A device belongs to exactly one shard: its district's when it speaks in our topic tree, else that of the foreign
    formats, wherever it stands. So every other shard refuses its messages.
    """
    chosen = {
        "in_our_tree": [name for name, naming in NAMINGS.items() if naming.by_label],
        "districts": list(shard.districts or ()),
        "all_districts": shard.districts is None,
        "takes_foreign": shard.takes_foreign,
    }
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(SELECT_DEVICES, chosen)
        rows: list[tuple[Any, ...]] = await cursor.fetchall()
        await cursor.execute(SELECT_SPOKEN)
        spoken: list[tuple[int, str, str, str]] = await cursor.fetchall()
        await cursor.execute(SELECT_BEHIND_GATEWAYS)
        behind: list[tuple[str, list[str]]] = await cursor.fetchall()
        city = Ground(
            map=await places.load_map(conn),
            route=await places.device_routes(conn),
            tags=await places.tags(conn),
            subsystem=await places.subsystems(conn),
        )
    rows = [row for row in rows if row[PROFILE] in profiles]
    if former is not None:
        place: dict[int, int] = {device_id: slot for slot, device_id in enumerate(former.fleet.device_id.tolist())}
        rows.sort(key=lambda row: place.get(int(row[0]), len(place) + int(row[0])))
    fleet = _fleet(rows, tuple(sorted(profiles)), city)
    states = [row[STATE] for row in rows]
    accepts, awaited = [it in _REPORTING for it in states], [it in _AWAITED for it in states]
    directory = make(fleet, profiles, accepts, _in_force(locator, city.map), _spoken(fleet, spoken), awaited)
    return replace(directory, behind_gateway={label: frozenset(devices) for label, devices in behind})


def _in_force(locator: Locator | None, city: CityMap) -> Locator | None:
    """Give the index of the grids in force: the same one until others are; a grid that is redrawn has another key."""
    if not isinstance(locator, GridIndex) or np.array_equal(locator.keys, city.unit_grids.key):
        return locator
    return GridIndex(city.unit_grids.key, city.unit_grids.geometry)


def _spoken(fleet: Fleet, rows: list[tuple[int, str, str, str]]) -> list[Spoken]:
    """Give how devices speak, by slot; what was registered between the two queries comes with the next snapshot."""
    if not rows:
        return []
    slot = {device_id: slot for slot, device_id in enumerate(fleet.device_id.tolist())}
    return [Spoken(slot[device_id], *names) for device_id, *names in rows if device_id in slot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the city tells of devices beside their own rows."""

    map: CityMap
    route: Mapping[int, str]
    tags: Mapping[int, frozenset[str]]
    subsystem: Mapping[str, str]


def _fleet(rows: list[tuple[Any, ...]], profiles: tuple[str, ...], city: Ground) -> Fleet:
    """Give the fleet. A column at a time: there may be a million."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * COLUMNS
    device_id, label, profile, class_code, component_id, district, grid, interval_s, state, lon, lat, since_us = columns
    index = {name: position for position, name in enumerate(profiles)}
    in_service = State.IN_SERVICE.value
    slot: dict[int, int] = {}
    if city.route or city.tags:
        slot = {number: position for position, number in enumerate(device_id)}
    stand = Stand(
        lon_deg=np.array(lon, dtype=np.float64),
        lat_deg=np.array(lat, dtype=np.float64),
        profile=np.array([index[name] for name in profile], dtype=np.int16),
        unit_grid_id=np.array(grid, dtype=np.int32),
        component_id=np.array(component_id, dtype=np.int32),
        route={slot[number]: route for number, route in city.route.items() if number in slot},
    )
    located = CityPlaces(city.map, stand)
    tags = [frozenset[str]()] * len(label) if city.tags else []
    for number, words in city.tags.items():
        if number in slot:
            tags[slot[number]] = words
    return Fleet(
        device_id=np.array(device_id, dtype=np.int32),
        label=label,
        profile=stand.profile,
        profiles=profiles,
        class_code=tuple(map(sys.intern, class_code)),
        component_id=stand.component_id,
        district_code=tuple(map(sys.intern, district)),
        unit_grid_id=stand.unit_grid_id,
        interval_s=np.array(interval_s, dtype=np.float64),
        in_service=np.array([it == in_service for it in state], dtype=np.bool_),
        lon_deg=stand.lon_deg,
        lat_deg=stand.lat_deg,
        registered_us=np.array(since_us, dtype=np.int64),
        patrol_grid_id=located.cell_of(CellKind.PATROL_GRID),
        subsystem=tuple(city.subsystem.get(code, "") for code in class_code),
        tags=tuple(tags),
        places=located,
    )
