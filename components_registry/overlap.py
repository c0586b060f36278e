"""Polygons of a class that lie over one another: one thing surveyed twice, or a border drawn twice. Pure."""

import numpy as np
import shapely
from numpy.typing import NDArray

from components_registry.model import Finding, Flaw, SurveyRows
from geo.label import label_points

_DEGREE_M = 111_320.0
_POLYGONS = (3, 6)


class Polygons:
    """The polygons among a file's good rows, added batch by batch."""

    def __init__(self) -> None:
        self._line: list[NDArray[np.int64]] = []
        self._class: list[NDArray[np.int32]] = []
        self._shape: list[NDArray[np.object_]] = []

    def add(self, rows: SurveyRows) -> None:
        """Remember the polygons among the rows."""
        polygon = np.isin(shapely.get_type_id(rows.geometry), _POLYGONS)
        if polygon.any():
            self._line.append(rows.line[polygon])
            self._class.append(rows.class_code[polygon].astype(np.int32))
            self._shape.append(rows.geometry[polygon])

    def findings(self, share: float) -> list[Finding]:
        """Give a finding, which refuses nothing, for each polygon that has one of its class before it under it.

        `share` of the smaller one's area must lie under the other; of several, the one with the largest is told.
        """
        if share <= 0 or not self._line:
            return []
        line, kind = np.concatenate(self._line), np.concatenate(self._class)
        shape = np.concatenate(self._shape)
        later, before = shapely.STRtree(shape).query(shape, predicate="intersects")
        pair = (before < later) & (kind[before] == kind[later])
        later, before = later[pair], before[pair]
        common = shapely.area(shapely.intersection(shape[later], shape[before]))
        area = shapely.area(shape)
        part = common / np.minimum(area[later], area[before])
        order = np.lexsort((-part, later))[part[np.lexsort((-part, later))] >= share]
        first = order[np.unique(later[order], return_index=True)[1]]
        lon, lat = label_points(shape[later[first]])
        square_m = common[first] * _DEGREE_M**2 * np.cos(np.radians(lat))
        rows = zip(line[later[first]], line[before[first]], part[first], square_m, lon, lat, strict=True)
        return [
            Finding(
                line=int(number),
                column="geometry",
                reason=Flaw.OVERLAP,
                detail=f"{covered:.0%} of it or of line {other} lie over one another ({size:.1f} m², the same class)",
                refused=False,
                lon=float(x),
                lat=float(y),
            )
            for number, other, covered, size, x, y in rows
        ]
