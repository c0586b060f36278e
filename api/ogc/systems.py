"""Coordinate systems that the OGC API answers in and is asked in, by their URI.

A URI's authority decides the order: CRS84 is longitude, latitude; EPSG's 4326 and 4490 are latitude, longitude and the
CGCS2000 Gauss-Kruger systems northing, easting.
"""

from collections.abc import Mapping

from core.errors import InvalidInput
from storage.layers.query import System

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CGCS2000_3_DEGREE = range(4534, 4555)
"""CGCS2000 / 3-degree Gauss-Kruger, central meridians 75E to 135E. Source: EPSG registry."""

SYSTEMS: Mapping[str, System] = {
    CRS84: System(),
    f"{EPSG}4326": System(is_flipped=True),
    f"{EPSG}4490": System(srid=4490, is_flipped=True),
    f"{EPSG}3857": System(srid=3857, is_metric=True),
    **{f"{EPSG}{code}": System(srid=code, is_flipped=True, is_metric=True) for code in CGCS2000_3_DEGREE},
}


def system_of(uri: str | None, parameter: str) -> System:
    """Give the system a parameter names; raises `InvalidInput` for one that is not offered."""
    found = SYSTEMS.get(uri or CRS84)
    if found is None:
        raise InvalidInput(f"{parameter}: {uri!r} is not offered; GET /ogc/collections lists the systems under `crs`")
    return found
