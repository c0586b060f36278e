"""What is wrong with a partition: broken rings, overlaps, gaps, slivers, what crosses its parent. Pure; in metres.

Every check takes whole arrays: 60,000 unit grids take seconds.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from geo.findings import Flaw, GridFinding, Limits

Shapes = NDArray[np.object_]
_GRAIN_M = 0.01
"""Outlines are joined on a raster this fine: a centimetre is what coordinates carry (7 decimals of a degree)."""
_BORNE = Limits()


def check(
    codes: Sequence[str], polygons: Shapes, limits: Limits = _BORNE, within: Mapping[str, BaseGeometry] | None = None
) -> list[GridFinding]:
    """Give the findings on grids that should tile an area: by themselves, or the areas `within` (code -> outline)."""
    sound = shapely.is_valid(polygons)
    names, tiles = _chosen(codes, sound), polygons[sound]
    return [
        *broken_rings(codes, polygons),
        *_overlaps(names, tiles, limits),
        *_gaps(names, tiles, limits, within or {}),
        *_slivers(names, tiles, limits),
    ]


def broken_rings(codes: Sequence[str], polygons: Shapes) -> list[GridFinding]:
    """Give a finding for each outline that is none, with what mending would make of it."""
    findings: list[GridFinding] = []
    for row in np.flatnonzero(~shapely.is_valid(polygons)).tolist():
        whole = mended(polygons[row])
        became = (
            f"mending gives {shapely.get_num_geometries(whole)} polygon(s) of {whole.area:.1f} m2"
            if not whole.is_empty
            else "mending leaves nothing"
        )
        findings.append(
            GridFinding(
                flaw=Flaw.INVALID_RING,
                codes=(codes[row],),
                area_m2=float(whole.area),
                detail=f"grid {codes[row]} has a broken outline: {shapely.is_valid_reason(polygons[row])}; {became}",
                shape=whole,
            )
        )
    return findings


def mended(polygon: BaseGeometry) -> BaseGeometry:
    """Give the areas that a broken outline encloses; a single one as a Polygon, none as an empty one."""
    made = _areal(shapely.make_valid(polygon, method="structure"))
    return made.geoms[0] if len(made.geoms) == 1 else made


def check_union(code: str, members: Shapes) -> list[GridFinding]:
    """Give a finding when the members of a patrol grid do not hang together by sides."""
    union = shapely.union_all(shapely.set_precision(members, _GRAIN_M))
    pieces = shapely.get_num_geometries(union)
    if pieces <= 1:
        return []
    detail = f"patrol grid {code} falls into {pieces} pieces: its unit grids are not adjacent"
    return [
        GridFinding(
            flaw=Flaw.NOT_ADJACENT, codes=(code,), area_m2=float(shapely.area(union)), detail=detail, shape=union
        )
    ]


def straying(
    codes: Sequence[str], polygons: Shapes, parent_of: Sequence[str], parents: Mapping[str, BaseGeometry],
    limits: Limits = _BORNE,
) -> list[GridFinding]:  # fmt: skip
    """Give a finding for each grid that is not inside the parent its code names; one whose parent is unknown is not."""
    known = [row for row, parent in enumerate(parent_of) if parent in parents]
    if not known:
        return []
    for outline in parents.values():
        shapely.prepare(outline)
    inside = np.asarray([parents[parent_of[row]] for row in known], dtype=np.object_)
    rest = np.flatnonzero(~shapely.covers(inside, polygons[known])).tolist()
    rows = [known[position] for position in rest]
    inside = inside[rest]
    out = shapely.difference(polygons[rows], inside)
    area = shapely.area(out)
    names, outlines = list(parents), np.asarray(list(parents.values()), dtype=np.object_)
    findings: list[GridFinding] = []
    for row, part, size in zip(rows, out, area.tolist(), strict=True):
        parent = parent_of[row]
        if size <= limits.tolerance_m2:
            continue
        shared = shapely.area(shapely.intersection(outlines, part))
        others = [names[other] for other in np.flatnonzero(shared > limits.tolerance_m2).tolist()]
        where = f"in {', '.join(others)}" if others else "in none"
        detail = f"{size:.1f} m2 of grid {codes[row]} lie outside {parent}, {where}"
        findings.append(
            GridFinding(
                flaw=Flaw.OUTSIDE_PARENT, codes=(codes[row], parent, *others), area_m2=size, detail=detail,
                shape=_areal(part),
            )
        )  # fmt: skip
    return findings


def cuts(
    codes: Sequence[str], polygons: Shapes, patrols: Mapping[str, BaseGeometry], limits: Limits = _BORNE
) -> list[GridFinding]:
    """Give a finding for each unit grid that a patrol grid holds in part."""
    names, outlines = list(patrols), np.asarray(list(patrols.values()), dtype=np.object_)
    shapely.prepare(outlines)
    patrol, unit = STRtree(polygons).query(outlines, predicate="intersects")
    partly = ~shapely.covers(outlines[patrol], polygons[unit])
    patrol, unit = patrol[partly], unit[partly]
    held = shapely.intersection(polygons[unit], outlines[patrol])
    inside, whole = shapely.area(held), shapely.area(polygons[unit])
    cut = (inside > limits.tolerance_m2) & (whole - inside > limits.tolerance_m2)
    by_unit: dict[int, list[int]] = {}
    for pair in np.flatnonzero(cut).tolist():
        by_unit.setdefault(int(unit[pair]), []).append(pair)
    return [
        GridFinding(
            flaw=Flaw.CUTS_GRID,
            codes=(codes[row], *(names[patrol[pair]] for pair in pairs)),
            area_m2=float(inside[pairs].min()),
            detail=f"unit grid {codes[row]} is cut: "
            + ", ".join(f"{inside[pair]:.1f} m2 of it in patrol grid {names[patrol[pair]]}" for pair in pairs),
            shape=_areal(held[pairs[int(inside[pairs].argmin())]]),
        )
        for row, pairs in sorted(by_unit.items())
    ]


def far_areas(codes: Sequence[str], polygons: Shapes, limits: Limits = _BORNE) -> list[GridFinding]:
    """Give a remark for each unit grid whose size is far from what a unit grid should have."""
    area = shapely.area(polygons)
    low, high = limits.area_m2 / limits.area_factor, limits.area_m2 * limits.area_factor
    return [
        GridFinding(
            flaw=Flaw.FAR_AREA,
            codes=(codes[row],),
            area_m2=float(area[row]),
            detail=f"grid {codes[row]} has {area[row]:.0f} m2, expected {low:.0f} to {high:.0f}",
            shape=polygons[row],
        )
        for row in np.flatnonzero((area < low) | (area > high)).tolist()
    ]


def _overlaps(names: list[str], tiles: Shapes, limits: Limits) -> list[GridFinding]:
    first, second = STRtree(tiles).query(tiles, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    # Neighbours share a border, no inside: cheaper to ask than to cut them with each other.
    common = ~shapely.touches(tiles[first], tiles[second])
    first, second = first[common], second[common]
    shared = shapely.intersection(tiles[first], tiles[second])
    area = shapely.area(shared)
    findings: list[GridFinding] = []
    for pair in np.flatnonzero(area > limits.tolerance_m2).tolist():
        one, other, part = names[first[pair]], names[second[pair]], _areal(shared[pair])
        detail = f"grids {one} and {other} overlap by {area[pair]:.1f} m2{_narrow(part, limits)}"
        findings.append(
            GridFinding(
                flaw=Flaw.OVERLAP, codes=(one, other), area_m2=float(area[pair]), detail=detail, shape=part
            )
        )  # fmt: skip
    return findings


def _gaps(
    names: list[str], tiles: Shapes, limits: Limits, within: Mapping[str, BaseGeometry]
) -> list[GridFinding]:  # fmt: skip
    """Find what no grid holds: parts of the areas to be tiled, holes that grids enclose, cracks between grids."""
    if not len(tiles):
        return []
    union = joined(tiles)
    reach = limits.crack_m / 2
    closed = shapely.buffer(union, reach, join_style="mitre")
    missing: list[BaseGeometry] = [
        shapely.difference(shapely.buffer(closed, -reach, join_style="mitre"), union),
        shapely.difference(shapely.union_all(_filled(union)), union),
    ]
    if within:
        missing.append(shapely.difference(joined(np.asarray(list(within.values()), dtype=np.object_)), union))
    parts = shapely.get_parts(_areal(shapely.union_all(np.asarray(missing, dtype=np.object_), grid_size=_GRAIN_M)))
    tree = STRtree(tiles)
    findings: list[GridFinding] = []
    for part in parts[shapely.area(parts) > limits.tolerance_m2]:
        beside = sorted(names[row] for row in tree.query(part, predicate="dwithin", distance=_GRAIN_M).tolist())
        around = f"; around it: {', '.join(beside[:4])}" if beside else ""
        detail = f"a gap of {part.area:.1f} m2 belongs to no grid{_narrow(part, limits)}{around}"
        findings.append(
            GridFinding(flaw=Flaw.GAP, codes=tuple(beside), area_m2=float(part.area), detail=detail, shape=part)
        )
    return findings


def _filled(union: BaseGeometry) -> Shapes:
    return np.asarray(shapely.polygons(shapely.get_exterior_ring(shapely.get_parts(union))), dtype=np.object_)


def joined(tiles: Shapes) -> BaseGeometry:
    """Give the union of tiles on a raster of a centimetre; a clean coverage goes the fast way."""
    fine = shapely.set_precision(tiles, _GRAIN_M)
    if shapely.coverage_is_valid(fine):
        return shapely.coverage_union_all(fine)
    return shapely.union_all(fine, grid_size=_GRAIN_M)


def _slivers(names: list[str], tiles: Shapes, limits: Limits) -> list[GridFinding]:
    width = _width(tiles)
    return [
        GridFinding(
            flaw=Flaw.SLIVER,
            codes=(names[row],),
            area_m2=float(tiles[row].area),
            detail=f"grid {names[row]} is a sliver: {width[row]:.1f} m wide on average",
            shape=tiles[row],
        )
        for row in np.flatnonzero(width < limits.sliver_m).tolist()
    ]


def _width(shapes: Shapes) -> NDArray[np.float64]:
    return 2 * shapely.area(shapes) / np.maximum(shapely.length(shapes), 1e-9)


def _narrow(part: BaseGeometry, limits: Limits) -> str:
    width = float(_width(np.asarray([part], dtype=np.object_))[0])
    return f", a sliver {width:.2f} m wide" if width < limits.sliver_m else ""


def _areal(shape: BaseGeometry) -> shapely.MultiPolygon:
    """Give the polygons of a geometry: an intersection may bring lines and points along."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.MultiPolygon(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON].tolist())


def _chosen(codes: Sequence[str], rows: NDArray[np.bool_]) -> list[str]:
    return [codes[row] for row in np.flatnonzero(rows).tolist()]
