"""Components of a class that a file has twice within a short distance: probably one, surveyed twice. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components_registry.model import Finding, Flaw, SurveyRows
from geo.label import label_points

_DEGREE_M = 111_320.0


class Places:
    """Where the good rows of a file are, added batch by batch: 36 bytes a row."""

    def __init__(self) -> None:
        self._line: list[NDArray[np.int64]] = []
        self._class: list[NDArray[np.int32]] = []
        self._lon: list[NDArray[np.float64]] = []
        self._lat: list[NDArray[np.float64]] = []

    def add(self, rows: SurveyRows) -> None:
        """Remember the rows' places."""
        lon, lat = label_points(rows.geometry)
        self._line.append(rows.line)
        self._class.append(rows.class_code.astype(np.int32))
        self._lon.append(lon)
        self._lat.append(lat)

    def findings(self, near_m: float) -> list[Finding]:
        """Give a finding, which refuses nothing, for each row that has one of its class before it within `near_m`."""
        if near_m <= 0 or not self._line:
            return []
        from scipy.spatial import KDTree  # noqa: PLC0415  # half a second that only an import is worth

        line, kind = np.concatenate(self._line), np.concatenate(self._class)
        lon, lat = np.concatenate(self._lon), np.concatenate(self._lat)
        if not len(line):
            return []
        east = (lon - lon[0]) * np.cos(np.radians(lat[0])) * _DEGREE_M
        north = (lat - lat[0]) * _DEGREE_M
        apart = np.column_stack((east, north, kind * near_m * 2))  # other classes are never near
        pairs = np.sort(KDTree(apart).query_pairs(near_m, output_type="ndarray"), axis=1)
        pairs = pairs[np.unique(pairs[:, 1], return_index=True)[1]]
        away = np.hypot(east[pairs[:, 0]] - east[pairs[:, 1]], north[pairs[:, 0]] - north[pairs[:, 1]])
        return [
            Finding(
                line=int(line[b]),
                column="geometry",
                reason=Flaw.NEAR_DUPLICATE,
                detail=f"line {line[a]} has the same class {m:.2f} m away",
                refused=False,
                lon=float(lon[b]),
                lat=float(lat[b]),
            )
            for (a, b), m in zip(pairs.tolist(), away.tolist(), strict=True)
        ]


def unnamed(rows: SurveyRows, duties: Sequence[str]) -> list[Finding]:
    """Give a finding, which refuses nothing, for each row and each of the duties for which it names no unit."""
    found: list[Finding] = []
    for duty in duties:
        lacks = getattr(rows, duty) == ""
        if lacks.any():
            places = zip(rows.line[lacks].tolist(), *label_points(rows.geometry[lacks]), strict=True)
            found += [
                Finding(
                    line=line,
                    column=duty,
                    reason=Flaw.NO_DEPARTMENT,
                    detail=f"no {duty} is named",
                    refused=False,
                    lon=float(lon),
                    lat=float(lat),
                )
                for line, lon, lat in places
            ]
    return found


def departments_missing(rows: SurveyRows) -> dict[str, int]:
    """Give how many rows name no owner and no maintainer; the competent department is the class's own by default."""
    columns: Sequence[tuple[str, NDArray[np.object_]]] = (("owner", rows.owner), ("maintainer", rows.maintainer))
    return {name: int((column == "").sum()) for name, column in columns}
