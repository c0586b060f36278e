"""The little city of a rule test: devices on components, in grids and areas, on circuits, pipes and routes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from core.fleet import Fleet
from core.places import NOWHERE, Places
from geo.places import Cells, CityMap, CityPlaces, Links, Stand

Point = tuple[float, float]
"""Longitude and latitude, degrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device of a test."""

    label: str
    profile: str
    class_code: str = ""
    district_code: str = ""
    interval_s: float
    component: str = ""
    """Of the test's components; empty = on none."""
    at: Point | None = None
    """None = where its component is."""
    tags: tuple[str, ...] = ()
    subsystem: str = ""
    route: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component of a test."""

    class_code: str = ""
    at: Point | None = None
    feeds: tuple[str, ...] = ()
    """Components on its circuit."""
    drains_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LittleCity:
    """What surrounds the devices, by name."""

    components: Mapping[str, Component] = field(default_factory=dict[str, Component])
    grids: Mapping[str, BaseGeometry] = field(default_factory=dict[str, BaseGeometry])
    """Patrol grids; each holds one unit grid of the same outline."""
    areas: Mapping[str, BaseGeometry] = field(default_factory=dict[str, BaseGeometry])
    routes: Mapping[str, shapely.LineString] = field(default_factory=dict[str, shapely.LineString])

    def key_of(self, component: str) -> int:
        """Give the number of a component; 0 = none of that name."""
        return [*self.components].index(component) + 1 if component in self.components else 0

    def where(self, device: Device) -> Point:
        """Give where a device stands; NaN = nobody said."""
        component = self.components.get(device.component)
        return device.at or (component.at if component else None) or (np.nan, np.nan)

    def grid_of(self, device: Device) -> int:
        """Give the number of the grid a device stands in; 0 = in none."""
        lon_deg, lat_deg = self.where(device)
        inside = (n for n, shape in enumerate(self.grids.values(), 1) if shapely.intersects_xy(shape, lon_deg, lat_deg))
        return next(inside, 0)


def fleet(devices: Sequence[Device], city: LittleCity, registered_us: int) -> Fleet:
    """Give the devices as the hot path knows them."""
    profiles = tuple(dict.fromkeys(device.profile for device in devices))
    stand = Stand(
        lon_deg=np.array([city.where(device)[0] for device in devices], np.float64),
        lat_deg=np.array([city.where(device)[1] for device in devices], np.float64),
        profile=np.array([profiles.index(device.profile) for device in devices], np.int16),
        unit_grid_id=np.array([city.grid_of(device) for device in devices], np.int32),
        component_id=np.array([city.key_of(device.component) for device in devices], np.int32),
        route={slot: device.route for slot, device in enumerate(devices) if device.route},
    )
    classes = [city.components[d.component].class_code if d.component else "" for d in devices]
    return Fleet(
        device_id=np.arange(1, len(devices) + 1, dtype=np.int32),
        label=tuple(device.label for device in devices),
        profile=stand.profile,
        profiles=profiles,
        class_code=tuple(d.class_code or found for d, found in zip(devices, classes, strict=True)),
        component_id=stand.component_id,
        district_code=tuple(device.district_code for device in devices),
        unit_grid_id=stand.unit_grid_id,
        interval_s=np.array([device.interval_s for device in devices], np.float64),
        in_service=np.ones(len(devices), np.bool_),
        lon_deg=stand.lon_deg,
        lat_deg=stand.lat_deg,
        registered_us=np.full(len(devices), registered_us, np.int64),
        patrol_grid_id=stand.unit_grid_id,
        subsystem=tuple(device.subsystem for device in devices),
        tags=tuple(frozenset(device.tags) for device in devices),
        places=_places(city, stand),
    )


def _places(city: LittleCity, stand: Stand) -> Places:
    if not (city.components or city.grids or city.areas or city.routes or np.isfinite(stand.lon_deg).any()):
        return NOWHERE
    grids, links = _cells(city.grids), [(c, one) for c, one in city.components.items()]
    points = {code: shapely.Point(one.at) if one.at else shapely.Point() for code, one in links}
    return CityPlaces(
        CityMap(
            unit_grids=grids,
            patrol_grids=grids,
            patrol_of_unit=grids.key,
            areas=_cells(city.areas),
            components=_cells(points),
            circuits=_links(city, [(code, fed) for code, one in links for fed in one.feeds]),
            pipes=_links(city, [(code, one.drains_to) for code, one in links if one.drains_to]),
            routes=city.routes,
        ),
        stand,
    )


def _cells(shapes: Mapping[str, BaseGeometry]) -> Cells:
    found = np.empty(len(shapes), np.object_)
    found[:] = list(shapes.values())
    return Cells(key=np.arange(1, len(shapes) + 1, dtype=np.int32), code=tuple(shapes), geometry=found)


def _links(city: LittleCity, pairs: Sequence[tuple[str, str]]) -> Links:
    ends = np.array([[city.key_of(above), city.key_of(below)] for above, below in pairs], np.int32).reshape(-1, 2)
    return Links(upstream=ends[:, 0], downstream=ends[:, 1])
