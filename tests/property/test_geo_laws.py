"""Laws of projection, tessellation and location."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.grid import OUTSIDE, GridIndex
from geo.projection import NAMES, from_degrees, to_degrees
from geo.tessellate import cells_inside, lattice, neighbours, tessellate

lons = st.floats(117.0, 119.5)
lats = st.floats(39.0, 40.5)
LOCAL = "+proj=tmerc +lat_0=0 +lon_0=118.2 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m"


@settings(deadline=None)  # the first use of a system reads the PROJ database
@given(st.sampled_from([*NAMES, LOCAL]), lons, lats)
def test_there_and_back_is_the_same_point(crs: str, lon: float, lat: float) -> None:
    back = to_degrees(crs, *from_degrees(crs, lon, lat))

    assert (float(back[0]), float(back[1])) == pytest.approx((lon, lat), abs=1e-9)


@settings(deadline=None)  # the first use of a system reads the PROJ database
@given(st.sampled_from(["EPSG:4527", "EPSG:4528", "EPSG:4548", "EPSG:4549"]), lons, lats)
def test_east_and_north_never_change_places(crs: str, lon: float, lat: float) -> None:
    here, east, north = (from_degrees(crs, *at) for at in ((lon, lat), (lon + 0.01, lat), (lon, lat + 0.01)))

    assert 800 < float(east[0] - here[0]) < 900
    assert 1100 < float(north[1] - here[1]) < 1120


def _bent(nodes: np.ndarray) -> np.ndarray:
    return nodes + 12 * np.stack((np.sin(nodes[..., 1] / 150), np.cos(nodes[..., 0] / 180)), axis=-1)


CELLS = tessellate(shapely.box(0, 0, 1000, 800), 100.0, _bent)
INDEX = GridIndex(np.arange(1, len(CELLS) + 1), CELLS)


@settings(deadline=None)  # the first use of a system reads the PROJ database
@given(st.lists(st.tuples(st.floats(-100, 1100), st.floats(-100, 900)), min_size=1, max_size=50))
def test_a_point_is_in_the_first_of_the_cells_that_touch_it_or_in_none(points: list[tuple[float, float]]) -> None:
    x, y = np.asarray(points).T

    found = INDEX.locate(x, y)

    for key, point in zip(found.tolist(), shapely.points(x, y), strict=True):
        touching = np.flatnonzero(shapely.intersects(CELLS, point)) + 1
        assert key == (touching.min() if len(touching) else OUTSIDE)


@settings(deadline=None)  # the first use of a system reads the PROJ database
@given(st.permutations(range(6)))
def test_the_order_of_grids_does_not_matter(order: list[int]) -> None:
    keys = np.asarray(order)
    shuffled = GridIndex(keys + 1, CELLS[keys])
    corners = shapely.get_coordinates(CELLS[:6])

    expected = GridIndex(np.arange(1, 7), CELLS[:6]).locate(corners[:, 0], corners[:, 1])

    assert shuffled.locate(corners[:, 0], corners[:, 1]).tolist() == expected.tolist()


@settings(max_examples=25, deadline=None)
@given(st.floats(60, 180), st.integers(0, 1000))
def test_cells_tile_without_gap_or_overlap(cell_m: float, seed: int) -> None:
    hull = shapely.convex_hull(shapely.multipoints(np.random.default_rng(seed).uniform(0, 1500, size=(8, 2))))

    cells = tessellate(hull, cell_m, _bent)

    union = shapely.union_all(shapely.set_precision(cells, 1e-6))
    assert shapely.area(cells).sum() == pytest.approx(float(union.area), rel=1e-6)


@settings(deadline=None)  # the first use of a system reads the PROJ database
@given(st.integers(0, 1000))
def test_neighbours_share_a_side(seed: int) -> None:
    grid = lattice((0, 0, 600, 500), 100.0, _bent)
    mask = cells_inside(grid, shapely.Point(300, 250).buffer(100 + seed % 200))
    cells = shapely.polygons(grid.corners()[mask])

    for a, b in neighbours(mask):
        assert shapely.length(shapely.intersection(cells[a], cells[b])) > 50
