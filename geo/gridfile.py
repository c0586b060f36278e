"""Features of a grid file to grids in degrees: every bad feature gets one reason, every good one is kept. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from core.errors import InvalidInput
from geo.geojson import geometries_of
from geo.projection import CITY_METRIC, DEGREES, geometries_from_degrees, geometries_to_degrees
from geo.unit_code import community_of, district_of, normal_code


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFinding:
    """Why one feature was not taken: its number in the file from 1, the property, a reason code, a sentence."""

    feature: int
    column: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitGrid:
    """A unit grid as a file gives it; `patrol_code` may be empty. Geometry in degrees, `area_m2` measured by us."""

    code: str
    community_code: str
    patrol_code: str
    area_m2: float
    polygon: shapely.Polygon


@dataclass(frozen=True, slots=True, kw_only=True)
class PatrolGrid:
    """A patrol grid as a file gives it. Geometry in degrees, a polygon or several."""

    code: str
    district_code: str
    name_zh: str
    name_en: str
    team: str
    shape: shapely.Polygon | shapely.MultiPolygon


class _Refused(Exception):  # noqa: N818  # carries a finding up two calls of this module
    def __init__(self, column: str, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.column, self.reason = column, reason


def unit_grids(
    features: Sequence[Mapping[str, Any]],
    *,
    crs: str = DEGREES,
    communities: Collection[str],
    patrols: Collection[str],
) -> tuple[list[UnitGrid], list[FeatureFinding]]:
    """Give the unit grids of the features and one finding for each feature that is none.

    `communities` and `patrols` are the codes that may be referred to.
    """
    geometries, areas = _outlines(features, crs)
    good: list[UnitGrid] = []
    findings: list[FeatureFinding] = []
    seen: set[str] = set()
    for number, (item, outline, area_m2) in enumerate(zip(features, geometries, areas, strict=True), start=1):
        try:
            grid = _unit_grid(_properties(item), outline, float(area_m2), communities, patrols)
            _once(grid.code, seen)
        except _Refused as refusal:
            findings.append(_finding(number, refusal))
            continue
        good.append(grid)
    return good, findings


def patrol_grids(
    features: Sequence[Mapping[str, Any]], *, crs: str = DEGREES, districts: Collection[str]
) -> tuple[list[PatrolGrid], list[FeatureFinding]]:
    """Give the patrol grids of the features and one finding for each feature that is none."""
    geometries, _ = _outlines(features, crs)
    good: list[PatrolGrid] = []
    findings: list[FeatureFinding] = []
    seen: set[str] = set()
    for number, (item, outline) in enumerate(zip(features, geometries, strict=True), start=1):
        try:
            grid = _patrol_grid(_properties(item), outline, districts)
            _once(grid.code, seen)
        except _Refused as refusal:
            findings.append(_finding(number, refusal))
            continue
        good.append(grid)
    return good, findings


def _outlines(features: Sequence[Mapping[str, Any]], crs: str) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    geometries = geometries_of(features)
    known = ~shapely.is_missing(geometries)
    if crs != DEGREES:
        geometries[known] = geometries_to_degrees(crs, geometries[known])
    areas = np.zeros(len(geometries))
    areas[known] = shapely.area(geometries_from_degrees(CITY_METRIC, geometries[known]))
    return geometries, areas


def _properties(item: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = item.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _unit_grid(
    properties: Mapping[str, Any],
    outline: Any,
    area_m2: float,
    communities: Collection[str],
    patrols: Collection[str],
) -> UnitGrid:
    try:
        code = normal_code(_word(properties, "code"))
    except InvalidInput as error:
        raise _Refused("code", "bad_code", str(error)) from error
    community = _word(properties, "community_code", community_of(code))
    if community != community_of(code):
        raise _Refused("community_code", "wrong_community", f"grid {code} does not start with community {community}")
    if community not in communities:
        raise _Refused("community_code", "unknown_community", f"grid {code}: there is no community {community}")
    patrol = _word(properties, "patrol_code", "")
    if patrol and patrol not in patrols:
        raise _Refused("patrol_code", "unknown_patrol_grid", f"grid {code}: there is no patrol grid {patrol}")
    _sound(code, outline, ("Polygon",))
    given = properties.get("area_m2")
    area = float(given) if isinstance(given, int | float) and given > 0 else round(area_m2, 1)
    return UnitGrid(code=code, community_code=community, patrol_code=patrol, area_m2=area, polygon=outline)


def _patrol_grid(properties: Mapping[str, Any], outline: Any, districts: Collection[str]) -> PatrolGrid:
    code = _word(properties, "code")
    if not code:
        raise _Refused("code", "bad_code", "a patrol grid needs a code")
    district = _word(properties, "district_code", district_of(code))
    if district not in districts:
        raise _Refused("district_code", "unknown_district", f"patrol grid {code}: there is no district {district}")
    _sound(code, outline, ("Polygon", "MultiPolygon"))
    name = _word(properties, "name_zh", code)
    return PatrolGrid(
        code=code,
        district_code=district,
        name_zh=name,
        name_en=_word(properties, "name_en", name),
        team=_word(properties, "team", name),
        shape=outline,
    )


def _word(properties: Mapping[str, Any], key: str, default: str = "") -> str:
    value = properties.get(key)
    return default if value in (None, "") else str(value).strip()


def _sound(code: str, outline: Any, kinds: tuple[str, ...]) -> None:
    if outline is None or outline.geom_type not in kinds or outline.is_empty:
        raise _Refused("geometry", "bad_geometry", f"grid {code} has no {' or '.join(kinds)}")
    if not outline.is_valid:
        raise _Refused("geometry", "invalid_ring", f"grid {code}: {shapely.is_valid_reason(outline)}")


def _once(code: str, seen: set[str]) -> None:
    if code in seen:
        raise _Refused("code", "duplicate_code", f"grid {code} stands in the file twice")
    seen.add(code)


def _finding(number: int, refusal: _Refused) -> FeatureFinding:
    return FeatureFinding(feature=number, column=refusal.column, reason=refusal.reason, detail=str(refusal))
