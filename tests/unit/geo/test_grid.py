"""Finding the grid of a point."""

import numpy as np
import shapely

from geo.grid import GridIndex

# Two squares that touch along x = 1, given out of order of their keys.
INDEX = GridIndex([7, 3], [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)])


def test_points_get_the_key_of_their_grid_and_zero_outside() -> None:
    found = INDEX.locate([0.5, 1.5, 2.5, 0.5], [0.5, 0.5, 0.5, 1.5])

    assert found.tolist() == [7, 3, 0, 0]
    assert found.dtype == np.int32


def test_a_point_on_a_common_border_belongs_to_the_lowest_key() -> None:
    assert INDEX.locate(1.0, 0.5).tolist() == [3]


def test_what_is_not_finite_is_outside() -> None:
    assert INDEX.locate([np.nan, np.inf, 0.5], [0.5, 0.5, 0.5]).tolist() == [0, 0, 7]


def test_an_empty_city_holds_no_point() -> None:
    assert GridIndex([], []).locate([0.5], [0.5]).tolist() == [0]
