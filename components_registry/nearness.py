"""Components of a class that a file has twice within a short distance: probably one, surveyed twice. Pure."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from components_registry.model import Finding, Flaw, SurveyRows
from components_registry.repeats import Floats, Numbers, Seen
from geo.label import label_points

_DEGREE_M = 111_320.0
_NARROW_DEGREE_M = 60_000.0
"""A degree of longitude is wider up to 57 degrees north."""
STRIP_ROWS = 100_000
"""Looked at together, with what lies near enough on both sides: bounds what a file needs at once."""


def near(seen: Seen, near_m: float, strip_rows: int = STRIP_ROWS) -> Iterator[list[Finding]]:
    """Give a finding, which refuses nothing, for each row that has one of its class before it within `near_m`.

    Of several the nearest is told. Positions are known to a centimetre. Findings come a strip of a class at a time.
    """
    margin = near_m / _NARROW_DEGREE_M
    for line, lon, lat in seen.places() if near_m > 0 else ():
        for first in range(0, len(line), strip_rows):
            last = min(first + strip_rows, len(line))
            begin = int(np.searchsorted(lon, lon[first] - margin))
            end = int(np.searchsorted(lon, lon[last - 1] + margin, side="right"))
            if end - begin > 1:
                own = np.arange(begin, end)
                own = (own >= first) & (own < last)
                yield _of_strip(line[begin:end], lon[begin:end], lat[begin:end], own, near_m)


def _of_strip(line: Numbers, lon: Floats, lat: Floats, own: NDArray[np.bool_], near_m: float) -> list[Finding]:
    """Give the findings of those rows that are the strip's own."""
    from scipy.spatial import KDTree  # noqa: PLC0415  # half a second that only an import is worth

    east = (lon - lon[0]) * np.cos(np.radians(lat[0])) * _DEGREE_M
    north = (lat - lat[0]) * _DEGREE_M
    pairs = KDTree(np.column_stack((east, north))).query_pairs(near_m, output_type="ndarray")
    earlier, later = np.where((line[pairs[:, 0]] < line[pairs[:, 1]])[:, None], pairs, pairs[:, ::-1]).T
    earlier, later = earlier[own[later]], later[own[later]]
    away = np.hypot(east[earlier] - east[later], north[earlier] - north[later])
    order = np.lexsort((line[earlier], away, line[later]))
    order = order[np.unique(line[later][order], return_index=True)[1]]
    rows = zip(earlier[order].tolist(), later[order].tolist(), away[order].tolist(), strict=True)
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
        for a, b, m in rows
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
