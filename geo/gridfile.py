"""Rows of a grid file to grids in degrees: every bad row gets one reason, every good one is kept. Pure."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from core.errors import InvalidInput
from geo.findings import Flaw, GridFinding
from geo.geojson import geometries_of
from geo.projection import geometries_from_degrees, plane_of
from geo.topology import broken_rings, mended
from geo.unit_code import normal_code

Row = Mapping[str, str]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "code": (
        "网格编码", "网格代码", "单元网格编码", "单元网格代码", "bgid", "dywgcode", "grid_code", "area_code", "代码",
        "编码",
    ),
    "parent_code": ("上级代码", "社区代码", "community_code", "street_code", "district_code", "parent"),
    "patrol_code": ("责任网格", "责任网格编码", "巡查网格", "巡查网格编码"),
    "name_zh": ("名称", "网格名称", "name", "bgname"),
    "name_en": ("英文名称",),
    "team": ("巡查队", "责任单位"),
}  # fmt: skip
"""Our name -> other accepted headings, compared without case."""
_OURS = {alias.casefold(): name for name, aliases in COLUMNS.items() for alias in (name, *aliases)}


class Level(StrEnum):
    """What one file holds: a partition of the city."""

    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    UNIT = "unit"
    PATROL = "patrol"


AREAS = (Level.DISTRICT, Level.STREET, Level.COMMUNITY)
PARENT: Mapping[Level, Level] = {
    Level.STREET: Level.DISTRICT,
    Level.COMMUNITY: Level.STREET,
    Level.UNIT: Level.COMMUNITY,
    Level.PATROL: Level.DISTRICT,
}
_DIGITS = {Level.DISTRICT: 6, Level.STREET: 9, Level.COMMUNITY: 12}
"""GB/T 2260 for districts; three digits more for a street, three for a community (as in a unit grid's code)."""
_PARENT_DIGITS = {Level.DISTRICT: 4, Level.STREET: 6, Level.COMMUNITY: 9, Level.UNIT: 12}
_MULTIPLE = "MultiPolygon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A grid or area as a file gives it; geometry in degrees, `area_m2` measured by us."""

    code: str
    parent_code: str
    patrol_code: str = ""
    name_zh: str = ""
    name_en: str = ""
    team: str = ""
    area_m2: float
    shape: shapely.Polygon | shapely.MultiPolygon
    feature: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What rows may refer to."""

    parents: AbstractSet[str] = frozenset()
    patrols: AbstractSet[str] | None = None
    """None: whatever a row says."""
    void: AbstractSet[str] = field(default_factory=frozenset[str])
    """Codes of grids that were given up: a code is never reused."""
    mend: bool = False
    """A broken outline that encloses one area is taken as that area."""


class _Refused(Exception):  # noqa: N818  # carries a finding up two calls of this module
    def __init__(self, column: str, flaw: Flaw, detail: str) -> None:
        super().__init__(detail)
        self.column, self.flaw = column, flaw


def rows_of(features: Sequence[Mapping[str, Any]]) -> tuple[list[Row], NDArray[np.object_]]:
    """Give the properties of GeoJSON features as texts under our names, and their geometries."""
    rows: list[Row] = []
    for item in features:
        given = item.get("properties")
        properties: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        rows.append(named({key: "" if value is None else str(value) for key, value in properties.items()}))
    return rows, geometries_of(features)


def named(given: Row) -> Row:
    """Give a row under our names; what we do not know is left out, the first of two headings that mean one stays."""
    row: dict[str, str] = {}
    for heading, value in given.items():
        ours = _OURS.get(heading.strip().casefold())
        if ours is not None and not row.get(ours):
            row[ours] = value.strip()
    return row


def heading_of(ours: str, header: Sequence[str]) -> str | None:
    """Give the heading that means `ours`, if there is one."""
    return next((it for it in header if _OURS.get(it.strip().casefold()) == ours), None)


def plane(outlines: NDArray[np.object_]) -> str:
    """Give the metric system in which outlines (degrees) are measured and compared."""
    west, _, east, _ = shapely.total_bounds(outlines)
    return plane_of(float(west + east) / 2) if np.isfinite(west) and np.isfinite(east) else plane_of(117.0)


def read(
    level: Level, rows: Sequence[Row], outlines: NDArray[np.object_], known: Known
) -> tuple[list[Grid], list[GridFinding]]:
    """Give the grids of the rows (outlines in degrees), a finding for each row that is none, and remarks on codes."""
    outlines, broken = _repaired(rows, outlines, mend=known.mend)
    areas = np.zeros(len(outlines))
    there = ~shapely.is_missing(outlines)
    if there.any():
        areas[there] = shapely.area(geometries_from_degrees(plane(outlines[there]), outlines[there]))
    good: list[Grid] = []
    findings: list[GridFinding] = []
    seen: set[str] = set()
    for position, (row, area) in enumerate(zip(rows, areas.tolist(), strict=True)):
        outline = outlines[position]
        try:
            grid = _grid(level, row, outline, area, position + 1, known)
            _check_ring(broken.get(position))
            _once(grid.code, seen)
        except _Refused as refusal:
            findings.append(_finding(row, outline, area, position + 1, refusal))
            continue
        if grid.code in known.void:
            detail = f"code {grid.code} was a grid's that was given up: codes are not reused"
            remark = _Refused("code", Flaw.REUSED_CODE, detail)
            findings.append(_finding(row, outline, area, position + 1, remark))
        good.append(grid)
    return good, findings


def _repaired(
    rows: Sequence[Row], outlines: NDArray[np.object_], *, mend: bool
) -> tuple[NDArray[np.object_], dict[int, str]]:
    """Give outlines with single parts taken out of their collection, and what is wrong with the broken ones."""
    outlines = outlines.copy()
    single = (shapely.get_type_id(outlines) == shapely.GeometryType.MULTIPOLYGON) & (
        shapely.get_num_geometries(outlines) == 1
    )
    outlines[single] = shapely.get_geometry(outlines[single], 0)
    broken: dict[int, str] = {}
    faulty = np.flatnonzero(~shapely.is_missing(outlines) & ~shapely.is_valid(outlines))
    if not len(faulty):
        return outlines, broken
    metric = geometries_from_degrees(plane(outlines[faulty]), outlines[faulty])
    told = broken_rings([rows[position].get("code", "") for position in faulty.tolist()], metric)
    for position, finding in zip(faulty.tolist(), told, strict=True):
        whole = mended(outlines[position])
        if mend and whole.geom_type == "Polygon":
            outlines[position] = whole
        else:
            broken[position] = finding.detail
    return outlines, broken


def _grid(level: Level, row: Row, outline: Any, area_m2: float, feature: int, known: Known) -> Grid:
    code = _code(level, row.get("code", ""))
    parent = _parent(level, code, row.get("parent_code", ""), known.parents)
    patrol = row.get("patrol_code", "")
    if level is Level.UNIT and patrol and known.patrols is not None and patrol not in known.patrols:
        raise _Refused("patrol_code", Flaw.UNKNOWN_PATROL_GRID, f"grid {code}: there is no patrol grid {patrol}")
    _check_kind(level, code, outline)
    name = row.get("name_zh") or code
    return Grid(
        code=code,
        parent_code=parent,
        patrol_code=patrol if level is Level.UNIT else "",
        name_zh=name,
        name_en=row.get("name_en") or name,
        team=row.get("team") or name,
        area_m2=round(area_m2, 1),
        shape=outline,
        feature=feature,
    )


def _code(level: Level, text: str) -> str:
    if level is Level.UNIT:
        try:
            return normal_code(text)
        except InvalidInput as error:
            raise _Refused("code", Flaw.BAD_CODE, str(error)) from error
    if level is Level.PATROL:
        if not text:
            raise _Refused("code", Flaw.BAD_CODE, "a patrol grid needs a code")
        return text
    if not re.fullmatch(rf"[0-9]{{{_DIGITS[level]}}}", text):
        raise _Refused("code", Flaw.BAD_CODE, f"{level} code {text!r} is not {_DIGITS[level]} digits")
    return text


def _parent(level: Level, code: str, given: str, parents: AbstractSet[str]) -> str:
    if level is Level.PATROL:
        parent = given or code[:6]
    else:
        parent = code[: _PARENT_DIGITS[level]] + ("00" if level is Level.DISTRICT else "")
        if given and given != parent:
            raise _Refused("parent_code", Flaw.WRONG_PARENT, f"{code} does not start with {given}, which it names")
    if (parents and parent not in parents) or (not parents and level is not Level.DISTRICT):
        above = "city" if level is Level.DISTRICT else PARENT[level].value
        raise _Refused("parent_code", Flaw.UNKNOWN_PARENT, f"{code}: there is no {above} {parent}")
    return parent


def _check_kind(level: Level, code: str, outline: Any) -> None:
    if outline is None or outline.is_empty or outline.geom_type not in {"Polygon", _MULTIPLE}:
        raise _Refused("geometry", Flaw.BAD_GEOMETRY, f"grid {code} has no polygon")
    if not np.isfinite(outline.bounds).all():
        raise _Refused("geometry", Flaw.BAD_GEOMETRY, f"grid {code} has a corner that is nowhere on earth")
    if level is Level.UNIT and outline.geom_type == _MULTIPLE:
        pieces = len(outline.geoms)
        raise _Refused("geometry", Flaw.BAD_GEOMETRY, f"unit grid {code} falls into {pieces} pieces")


def _check_ring(flaw: str | None) -> None:
    if flaw is not None:
        raise _Refused("geometry", Flaw.INVALID_RING, flaw)


def _once(code: str, seen: set[str]) -> None:
    if code in seen:
        raise _Refused("code", Flaw.DUPLICATE_CODE, f"grid {code} stands in the file twice")
    seen.add(code)


def _finding(row: Row, outline: Any, area_m2: float, feature: int, refusal: _Refused) -> GridFinding:
    usable = outline is not None and not outline.is_empty and bool(np.isfinite(outline.bounds).all())
    return GridFinding(
        flaw=refusal.flaw,
        codes=tuple(filter(None, (row.get("code", ""),))),
        area_m2=area_m2 if np.isfinite(area_m2) else 0.0,
        detail=str(refusal),
        shape=outline if usable else None,
        feature=feature,
        column=refusal.column,
    )
