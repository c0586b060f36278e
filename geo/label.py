"""The one point that stands for a component of any shape: where its label goes and which decides its unit grid."""

import numpy as np
import shapely
from numpy.typing import NDArray

_LINE = 1
"""Type number of a line string in shapely (a point is 0)."""


def label_points(geometries: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give (x, y) of each geometry's label point: a point itself, a line's middle, a point inside a polygon.

    Shape: n geometries, none missing or empty; units are the geometries' own.
    """
    kind = shapely.get_type_id(geometries)
    points = geometries.copy()
    lines = kind == _LINE
    areas = kind > _LINE
    points[lines] = shapely.line_interpolate_point(geometries[lines], 0.5, normalized=True)
    points[areas] = shapely.point_on_surface(geometries[areas])
    return shapely.get_x(points), shapely.get_y(points)
