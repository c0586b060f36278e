"""A city of nine square grids, three by three, and where devices stand in it; sides of about 200 m."""

from collections.abc import Mapping, Sequence

import numpy as np
import shapely

from geo.places import CityMap, Links, Stand, cells

WEST_DEG, SOUTH_DEG, BESIDE_DEG = 118.0, 39.0, 0.0025
"""The middle of the first square, and from the middle of one to the next."""


def box(column: float, row: float, *, columns: float = 1, rows: float = 1) -> shapely.Polygon:
    """Give a box of squares whose first one is at a column and row."""
    west, south = WEST_DEG + (column - 0.5) * BESIDE_DEG, SOUTH_DEG + (row - 0.5) * BESIDE_DEG
    return shapely.box(west, south, west + columns * BESIDE_DEG, south + rows * BESIDE_DEG)


def city_of_squares(*, circuits: Links | None = None, pipes: Links | None = None) -> CityMap:
    """Unit grids 1 to 9 by rows; patrol grids 101 to 103 are the rows; a street and a route along the first row."""
    axis = shapely.LineString([(WEST_DEG - 0.01, SOUTH_DEG), (WEST_DEG + 0.01, SOUTH_DEG)])
    units = [
        (1 + row * 3 + column, f"U{1 + row * 3 + column}", box(column, row)) for row in range(3) for column in range(3)
    ]
    patrols = [(101 + row, f"P{1 + row}", box(0, row, columns=3)) for row in range(3)]
    areas = [(1, "park", box(0, 0)), (2, "yard", box(0, 0))]
    linked = [(1000 + number, f"C{number}", shapely.Point(WEST_DEG + number / 1000, SOUTH_DEG)) for number in range(20)]
    return CityMap(
        unit_grids=cells([(key, code, shapely.to_wkb(shape)) for key, code, shape in units]),
        patrol_grids=cells([(key, code, shapely.to_wkb(shape)) for key, code, shape in patrols]),
        patrol_of_unit=np.repeat(np.array([101, 102, 103], np.int32), 3),
        streets=cells([(1, "一号路", shapely.to_wkb(axis))]),
        areas=cells([(key, code, shapely.to_wkb(shape)) for key, code, shape in areas]),
        components=cells([(key, code, shapely.to_wkb(shape)) for key, code, shape in linked]),
        circuits=circuits or Links(),
        pipes=pipes or Links(),
        routes={"1": axis},
    )


def stand(
    at: Sequence[tuple[float, float]],
    *,
    profile: Sequence[int] = (),
    component: Sequence[int] = (),
    route: Mapping[int, str] | None = None,
) -> Stand:
    """Devices at (column, row) of the squares; fractions are allowed, outside all squares no grid is theirs."""
    places = np.array(at, np.float64)
    nearest = np.rint(places).astype(int)
    within = ((nearest >= 0) & (nearest < 3)).all(axis=1)
    return Stand(
        lon_deg=WEST_DEG + places[:, 0] * BESIDE_DEG,
        lat_deg=SOUTH_DEG + places[:, 1] * BESIDE_DEG,
        profile=np.array(profile or [0] * len(at), np.int16),
        unit_grid_id=np.where(within, 1 + nearest[:, 1] * 3 + nearest[:, 0], 0).astype(np.int32),
        component_id=np.array(component or [0] * len(at), np.int32),
        route=route or {},
    )
