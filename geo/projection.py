"""Coordinate systems: survey coordinates to WGS 84 degrees and back. Metres never leave `geo` and the survey import.

EPSG declares 4490 as latitude, longitude and 4527/4548 as northing, easting; files and people use both orders. Here
every function takes and gives the GIS order, (easting, northing) or (longitude, latitude), whatever EPSG declares;
who reads a file with the other order swaps its columns first.
"""

from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from core.errors import InvalidInput
from geo import gcj02

DEGREES = "EPSG:4326"
CITY_METRIC = "EPSG:4548"
"""CGCS2000 / 3-degree Gauss-Kruger, central meridian 117E: the zone Tangshan's core lies in. Source: EPSG registry."""

NAMES = {
    "EPSG:4326": "WGS 84, degrees",
    "EPSG:4490": "CGCS2000, degrees",
    "EPSG:4527": "CGCS2000 / 3-degree Gauss-Kruger zone 39, easting with the zone's number before it",
    "EPSG:4528": "CGCS2000 / 3-degree Gauss-Kruger zone 40, easting with the zone's number before it",
    "EPSG:4548": "CGCS2000 / 3-degree Gauss-Kruger, central meridian 117E",
    "EPSG:4549": "CGCS2000 / 3-degree Gauss-Kruger, central meridian 120E",
}
"""Systems Chinese city surveys come in; any other EPSG code or PROJ string works too (local city systems)."""


def is_geographic(crs: str) -> bool:
    """Tell whether coordinates in `crs` are degrees."""
    return bool(_system(crs).is_geographic)


def short_name(crs: str) -> str:
    """Give the authority's code of a system, else its name, else the text itself: a file may describe it at length."""
    if crs == gcj02.NAME:
        return crs
    system = _system(crs)
    code = system.to_epsg()
    if code is not None:
        return f"EPSG:{code}"
    return system.name if system.name not in {"unknown", ""} else crs


def to_degrees(crs: str, easting: ArrayLike, northing: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give (lon_deg, lat_deg) of points in `crs`, elementwise.

    Units: `easting`, `northing` in the unit of `crs` (degrees: longitude first). CGCS2000 counts as WGS 84: they differ
    by well under a metre. "GCJ-02" means degrees with the offset of Chinese map services, which is taken off.
    Raises: `InvalidInput` for an unknown system; a point that has no image gives NaN.
    """
    if crs == gcj02.NAME:
        return gcj02.unshifted(easting, northing)
    return _apply(_to_degrees(crs), easting, northing)


def from_degrees(crs: str, lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give (easting, northing) in `crs` of WGS 84 points, elementwise; the inverse of `to_degrees`."""
    return _apply(_from_degrees(crs), lon_deg, lat_deg)


def geometries_to_degrees(crs: str, geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Give the same geometries with every vertex in WGS 84 degrees, longitude first."""
    if crs == DEGREES:
        return geometries
    return shapely.transform(geometries, lambda xy: np.column_stack(to_degrees(crs, xy[:, 0], xy[:, 1])))


def geometries_from_degrees(crs: str, geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Give the same geometries with every vertex in `crs`."""
    return shapely.transform(geometries, lambda xy: np.column_stack(from_degrees(crs, xy[:, 0], xy[:, 1])))


def plane_of(lon_deg: float) -> str:
    """Give a metric system for a city around a longitude: areas within 50 km of it are right to a ten-thousandth."""
    return f"+proj=tmerc +lat_0=0 +lon_0={lon_deg:.2f} +x_0=500000 +ellps=GRS80 +units=m +no_defs"


@lru_cache(maxsize=32)
def _system(crs: str) -> CRS:
    try:
        system = CRS.from_user_input(crs)
    except CRSError as error:
        known = ", ".join(NAMES)
        raise InvalidInput(
            f"unknown coordinate system {crs!r}: use one of {known}, or a PROJ string like"
            " '+proj=tmerc +lon_0=118.2 +x_0=500000 +ellps=GRS80 +units=m'"
        ) from error
    if system.is_geocentric or system.is_vertical:
        raise InvalidInput(f"coordinate system {crs!r} has no easting and northing")
    return system


@lru_cache(maxsize=32)
def _to_degrees(crs: str) -> Transformer:
    return Transformer.from_crs(_system(crs), DEGREES, always_xy=True)


@lru_cache(maxsize=32)
def _from_degrees(crs: str) -> Transformer:
    return Transformer.from_crs(DEGREES, _system(crs), always_xy=True)


def _apply(
    transformer: Transformer, first: ArrayLike, second: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = transformer.transform(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    lost = ~(np.isfinite(x) & np.isfinite(y))
    return np.where(lost, np.nan, x), np.where(lost, np.nan, y)
