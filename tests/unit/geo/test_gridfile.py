"""Grid files: each bad feature gets its reason once, good ones stay."""

from typing import Any

import shapely
from shapely.geometry import mapping

from geo.gridfile import patrol_grids, unit_grids

SQUARE = mapping(shapely.box(118.18, 39.63, 118.1811, 39.6309))
BOW = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}


def unit(code: str = "130203001001001", geometry: Any = SQUARE, **more: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"code": code, **more}, "geometry": geometry}


def read(*features: dict[str, Any]) -> Any:
    return unit_grids(features, communities={"130203001001"}, patrols={"P1"})


def test_a_good_grid_is_measured_and_placed_in_its_community() -> None:
    good, findings = read(unit(patrol_code="P1"))

    assert findings == []
    assert (good[0].community_code, good[0].patrol_code) == ("130203001001", "P1")
    assert 9000 < good[0].area_m2 < 10000


def test_each_kind_of_bad_grid_gets_its_own_reason() -> None:
    good, findings = read(
        unit("13020300100"),
        unit("130203001002001"),
        unit("130203001001002", community_code="130203001009"),
        unit("130203001001003", patrol_code="P9"),
        unit("130203001001004", geometry=None),
        unit("130203001001005", geometry=BOW),
        unit(),
        unit(),
    )

    assert [grid.code for grid in good] == ["130203001001001"]
    assert [(f.feature, f.reason) for f in findings] == [
        (1, "bad_code"),
        (2, "unknown_community"),
        (3, "wrong_community"),
        (4, "unknown_patrol_grid"),
        (5, "bad_geometry"),
        (6, "invalid_ring"),
        (8, "duplicate_code"),
    ]


def test_a_patrol_grid_of_another_city_is_refused() -> None:
    good, findings = patrol_grids([unit("130203-P001"), unit("130301-P001")], districts={"130203"})

    assert [grid.code for grid in good] == ["130203-P001"]
    assert [f.reason for f in findings] == ["unknown_district"]
