"""GCJ-02, the offset that Chinese map services put on every position: on and off, elementwise.

The offset is about 300 to 700 m and changes slowly from place to place. It applies inside China only; the callers'
places are in China.

Source: the formula that open map projects publish (eviltransform and its ports, since 2013), never officially; it
agrees with the services to about a metre.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

NAME = "GCJ-02"
_RADIUS_M = 6_378_245.0
_FLATNESS = 0.006_693_421_622_965_943
"""Axis and squared eccentricity of Krasovsky 1940, as the published formula uses them."""
_ROUNDS = 4
"""The offset changes by a ten-thousandth of the way: each round of taking it off gains four digits."""

Positions = tuple[NDArray[np.float64], NDArray[np.float64]]


def shifted(lon_deg: ArrayLike, lat_deg: ArrayLike) -> Positions:
    """Give where a map service shows WGS 84 positions."""
    lon, lat = np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    common = (20 * np.sin(6 * x * np.pi) + 20 * np.sin(2 * x * np.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north += (20 * np.sin(y * np.pi) + 40 * np.sin(y / 3 * np.pi)) * 2 / 3
    north += (160 * np.sin(y / 12 * np.pi) + 320 * np.sin(y / 30 * np.pi)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east += (20 * np.sin(x * np.pi) + 40 * np.sin(x / 3 * np.pi)) * 2 / 3
    east += (150 * np.sin(x / 12 * np.pi) + 300 * np.sin(x / 30 * np.pi)) * 2 / 3
    phi = np.radians(lat)
    magic = 1 - _FLATNESS * np.sin(phi) ** 2
    lat_step = np.degrees(north / (_RADIUS_M * (1 - _FLATNESS) / magic**1.5))
    lon_step = np.degrees(east / (_RADIUS_M / np.sqrt(magic) * np.cos(phi)))
    return lon + lon_step, lat + lat_step


def unshifted(lon_deg: ArrayLike, lat_deg: ArrayLike) -> Positions:
    """Give the WGS 84 positions that a map service shows at these; the inverse of `shifted` to a millimetre."""
    given = np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    lon, lat = given
    for _ in range(_ROUNDS):
        there = shifted(lon, lat)
        lon, lat = lon + given[0] - there[0], lat + given[1] - there[1]
    return lon, lat
