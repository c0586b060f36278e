"""Builds the pipeline's snapshot of the registry from the database; slots of a former snapshot stay where they are."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from core.fleet import Fleet
from devices.model import REPORTING, State
from devices.profile import Profile
from geo.grid import GridIndex
from ingest.directory import Directory, Locator, Spoken, make
from ingest.lanes import CITY, Shard
from wire.addresses import NAMINGS

SELECT_DEVICES = """
SELECT d.device_id, d.label, d.profile, COALESCE(c.class_code, ''), COALESCE(d.component_id, 0), d.district_code,
       COALESCE(d.unit_grid_id, 0), d.interval_s, d.state, ST_X(d.geom), ST_Y(d.geom), d.registered_at
FROM device d LEFT JOIN component c USING (component_id)
WHERE CASE WHEN d.format = ANY(%(in_our_tree)s) THEN d.district_code = ANY(%(districts)s) OR %(all_districts)s
      ELSE %(takes_foreign)s END
ORDER BY d.device_id
"""
SELECT_SPOKEN = """
SELECT device_id, format, COALESCE(address, label), codec FROM device WHERE format <> 'native' ORDER BY device_id
"""
SELECT_GRIDS = "SELECT unit_grid_id, ST_AsBinary(geom) FROM unit_grid WHERE state = 'valid' ORDER BY unit_grid_id"


@dataclass(frozen=True, slots=True)
class _Device:
    """A row of `SELECT_DEVICES`."""

    device_id: int
    label: str
    profile: str
    class_code: str
    component_id: int
    district_code: str
    unit_grid_id: int
    interval_s: float
    state: str
    lon_deg: float
    lat_deg: float
    registered_at: datetime


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
    devices = [_Device(*row) for row in rows if row[2] in profiles]
    if former is not None:
        place = {device_id: slot for slot, device_id in enumerate(former.fleet.device_id.tolist())}
        devices.sort(key=lambda device: place.get(device.device_id, len(place) + device.device_id))
    names = tuple(sorted(profiles))
    accepts = [State(device.state) in REPORTING for device in devices]
    return make(_fleet(devices, names), profiles, accepts, locator, _spoken(devices, spoken))


def _spoken(devices: list[_Device], rows: list[tuple[int, str, str, str]]) -> list[Spoken]:
    """Give how devices speak, by slot; what was registered between the two queries comes with the next snapshot."""
    if not rows:
        return []
    slot = {device.device_id: slot for slot, device in enumerate(devices)}
    return [Spoken(slot[device_id], *names) for device_id, *names in rows if device_id in slot]


def _fleet(devices: list[_Device], profiles: tuple[str, ...]) -> Fleet:
    index = {name: position for position, name in enumerate(profiles)}
    return Fleet(
        device_id=np.array([device.device_id for device in devices], dtype=np.int32),
        label=tuple(device.label for device in devices),
        profile=np.array([index[device.profile] for device in devices], dtype=np.int16),
        profiles=profiles,
        class_code=tuple(sys.intern(device.class_code) for device in devices),
        component_id=np.array([device.component_id for device in devices], dtype=np.int32),
        district_code=tuple(sys.intern(device.district_code) for device in devices),
        unit_grid_id=np.array([device.unit_grid_id for device in devices], dtype=np.int32),
        interval_s=np.array([device.interval_s for device in devices], dtype=np.float64),
        in_service=np.array([device.state == State.IN_SERVICE for device in devices], dtype=np.bool_),
        lon_deg=np.array([device.lon_deg for device in devices], dtype=np.float64),
        lat_deg=np.array([device.lat_deg for device in devices], dtype=np.float64),
        registered_us=np.array(
            [int(device.registered_at.timestamp() * 1_000_000) for device in devices], dtype=np.int64
        ),
    )
