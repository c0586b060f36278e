"""What is wrong with a set of grids: broken rings, overlaps, gaps, patrol grids in pieces. Findings, not exceptions."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

TOLERANCE_M2 = 1.0
"""Smaller overlaps and gaps are rounding of coordinates. Our choice: a hundredth of a percent of a unit grid."""


class Flaw(StrEnum):
    """Kinds of finding; the value is the reason code people see."""

    INVALID_RING = "invalid_ring"
    OVERLAP = "overlap"
    GAP = "gap"
    NOT_ADJACENT = "not_adjacent"


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFinding:
    """One thing wrong, with the codes of the grids it concerns."""

    flaw: Flaw
    codes: tuple[str, ...]
    area_m2: float
    detail: str


def check(codes: Sequence[str], polygons: NDArray[np.object_]) -> list[GridFinding]:
    """Give the findings on a set of grids, in metres, that should tile an area without overlap or hole."""
    invalid = ~shapely.is_valid(polygons)
    findings = [
        GridFinding(
            flaw=Flaw.INVALID_RING,
            codes=(codes[row],),
            area_m2=0.0,
            detail=f"grid {codes[row]} has a broken outline: {shapely.is_valid_reason(polygons[row])}",
        )
        for row in np.flatnonzero(invalid).tolist()
    ]
    usable: list[int] = np.flatnonzero(~invalid).tolist()
    names: list[str] = [codes[row] for row in usable]
    return findings + _overlaps(names, polygons[usable]) + _gaps(names, polygons[usable])


def check_union(code: str, members: NDArray[np.object_]) -> list[GridFinding]:
    """Give a finding when the members of a patrol grid (metres) do not hang together by sides."""
    union = shapely.union_all(shapely.set_precision(members, 0.01))
    pieces = shapely.get_num_geometries(union)
    if pieces <= 1:
        return []
    detail = f"patrol grid {code} falls into {pieces} pieces: its unit grids are not adjacent"
    return [GridFinding(flaw=Flaw.NOT_ADJACENT, codes=(code,), area_m2=float(shapely.area(union)), detail=detail)]


def _overlaps(names: list[str], sound: NDArray[np.object_]) -> list[GridFinding]:
    first, second = STRtree(sound).query(sound, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    area = shapely.area(shapely.intersection(sound[first], sound[second]))
    return [
        GridFinding(
            flaw=Flaw.OVERLAP,
            codes=(names[a], names[b]),
            area_m2=size,
            detail=f"grids {names[a]} and {names[b]} overlap by {size:.1f} m2",
        )
        for a, b, size in zip(first.tolist(), second.tolist(), area.tolist(), strict=True)
        if size > TOLERANCE_M2
    ]


def _gaps(names: list[str], sound: NDArray[np.object_]) -> list[GridFinding]:
    """Find holes: parts of no grid that grids enclose."""
    if not len(sound):
        return []
    union: BaseGeometry = shapely.union_all(shapely.set_precision(sound, 0.01))
    tree = STRtree(sound)
    findings: list[GridFinding] = []
    for piece in shapely.get_parts(union):
        for ring in piece.interiors:
            hole = Polygon(ring)
            if hole.area <= TOLERANCE_M2:
                continue
            beside = sorted(names[row] for row in tree.query(hole, predicate="intersects").tolist())
            detail = f"a hole of {hole.area:.1f} m2 belongs to no grid; around it: {', '.join(beside[:4])}"
            findings.append(
                GridFinding(flaw=Flaw.GAP, codes=tuple(beside), area_m2=float(hole.area), detail=detail),
            )
    return findings
