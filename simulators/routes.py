"""Bus lines as arrays: where a bus is after so many metres along its line, there and back. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput

Floats = NDArray[np.float64]

M_PER_DEG_LAT = 111_132.0
"""Metres in one degree of latitude near 40 degrees north; enough for a simulated bus (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One bus line; `at_m[i]` is the distance along the line of its i-th vertex."""

    name: str
    lon_deg: Floats
    lat_deg: Floats
    at_m: Floats

    @property
    def length_m(self) -> float:
        """Length from end to end."""
        return float(self.at_m[-1])


def line(name: str, coordinates: Sequence[Sequence[float]]) -> Line:
    """Give a line of [lon, lat] vertices; raises `InvalidInput` when it has no length."""
    points = np.array([(point[0], point[1]) for point in coordinates], dtype=np.float64).reshape(-1, 2)
    east_m, north_m = _steps(points[:, 0], points[:, 1])
    step_m = np.hypot(east_m, north_m)
    keep = np.concatenate(([True], step_m > 0.01))
    at_m = np.concatenate(([0.0], np.cumsum(step_m)))[keep]
    if len(at_m) < 2:
        raise InvalidInput(f"bus line {name} has no length")
    return Line(name=name, lon_deg=points[keep, 0], lat_deg=points[keep, 1], at_m=at_m)


def from_geojson(document: Mapping[str, Any]) -> tuple[Line, ...]:
    """Give the lines of a FeatureCollection of LineStrings; named by `route`, `ref`, `name` or their order."""
    lines: list[Line] = []
    for number, feature in enumerate(document["features"], start=1):
        properties: Mapping[str, Any] = feature.get("properties") or {}
        name = str(next((properties[key] for key in ("route", "ref", "code", "name") if properties.get(key)), number))
        lines.append(line(name, feature["geometry"]["coordinates"]))
    return tuple(lines)


def position(route: Line, travelled_m: Floats, aside_m: Floats) -> tuple[Floats, Floats, Floats]:
    """Give longitude, latitude and bearing of buses shuttling on `route`.

    Shape: n buses; `travelled_m` counts from the line's start and may exceed its length many times.
    Units: `aside_m` metres to the right of the direction of the line; bearing in degrees from north, 0 to 360.
    """
    lap_m = np.mod(travelled_m, 2 * route.length_m)
    is_back = lap_m > route.length_m
    along_m = np.where(is_back, 2 * route.length_m - lap_m, lap_m)
    segment = np.clip(np.searchsorted(route.at_m, along_m, side="right") - 1, 0, len(route.at_m) - 2)
    east_m, north_m = _steps(route.lon_deg, route.lat_deg)
    length_m = np.hypot(east_m, north_m)[segment]
    share = (along_m - route.at_m[segment]) / length_m
    lon_deg = route.lon_deg[segment] + share * (route.lon_deg[segment + 1] - route.lon_deg[segment])
    lat_deg = route.lat_deg[segment] + share * (route.lat_deg[segment + 1] - route.lat_deg[segment])
    unit_east, unit_north = east_m[segment] / length_m, north_m[segment] / length_m
    lon_deg = lon_deg + aside_m * unit_north / (M_PER_DEG_LAT * np.cos(np.radians(lat_deg)))
    lat_deg = lat_deg - aside_m * unit_east / M_PER_DEG_LAT
    sign = np.where(is_back, -1.0, 1.0)
    bearing_deg = np.mod(np.degrees(np.arctan2(sign * unit_east, sign * unit_north)), 360)
    return lon_deg, lat_deg, bearing_deg


def _steps(lon_deg: Floats, lat_deg: Floats) -> tuple[Floats, Floats]:
    middle = np.radians((lat_deg[1:] + lat_deg[:-1]) / 2)
    return np.diff(lon_deg) * M_PER_DEG_LAT * np.cos(middle), np.diff(lat_deg) * M_PER_DEG_LAT
