"""Coordinate systems: known points, axis traps, refusals."""

import numpy as np
import pytest
import shapely

from core.errors import InvalidInput
from geo.projection import NAMES, from_degrees, geometries_to_degrees, is_geographic, to_degrees

CENTRE = (118.18, 39.63)
LOCAL = "+proj=tmerc +lat_0=0 +lon_0=118.2 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m"


@pytest.mark.parametrize(
    ("crs", "easting", "northing"),
    [("EPSG:4548", 601307.848, 4389112.971), ("EPSG:4527", 39601307.848, 4389112.971), ("EPSG:4490", *CENTRE)],
)
def test_the_city_centre_is_where_the_epsg_registry_puts_it(crs: str, easting: float, northing: float) -> None:
    lon, lat = to_degrees(crs, easting, northing)

    assert (float(lon), float(lat)) == pytest.approx(CENTRE, abs=1e-8)


def test_geographic_systems_take_longitude_first_whatever_epsg_declares() -> None:
    assert [crs for crs in NAMES if is_geographic(crs)] == ["EPSG:4326", "EPSG:4490"]
    assert to_degrees("EPSG:4490", *CENTRE) == CENTRE


def test_a_local_city_system_is_a_proj_string() -> None:
    east, north = from_degrees(LOCAL, 118.2, 39.63)

    assert float(east) == pytest.approx(500000, abs=1e-6)
    assert to_degrees(LOCAL, east, north) == pytest.approx((118.2, 39.63), abs=1e-9)


@pytest.mark.parametrize("crs", ["EPSG:999999", "tangshan", "+proj=nonsense", "EPSG:4978", "EPSG:5737"])
def test_an_unknown_or_unusable_system_is_refused(crs: str) -> None:
    with pytest.raises(InvalidInput, match="coordinate system"):
        to_degrees(crs, 1.0, 2.0)


def test_a_point_without_an_image_is_not_a_number() -> None:
    lon, lat = to_degrees("EPSG:4548", np.asarray([np.inf, 601307.848]), np.asarray([0.0, 4389112.971]))

    assert np.isnan(lon).tolist() == [True, False]
    assert np.isnan(lat).tolist() == [True, False]


def test_every_vertex_of_a_shape_is_projected() -> None:
    line = np.asarray([shapely.LineString([(601307.848, 4389112.971), (601407.848, 4389112.971)])], dtype=object)

    moved = geometries_to_degrees("EPSG:4548", line)[0]

    assert moved.coords[0] == pytest.approx(CENTRE, abs=1e-8)
    assert moved.coords[1][0] > CENTRE[0]
