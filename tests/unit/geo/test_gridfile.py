"""Grid files: each bad row gets its reason once, good ones stay."""

from typing import Any

import shapely
from shapely.geometry import mapping

from geo.findings import Flaw
from geo.gridfile import Known, Level, named, read, rows_of

SQUARE = mapping(shapely.box(118.18, 39.63, 118.1811, 39.6309))
BOW = {"type": "Polygon", "coordinates": [[[118, 39], [119, 40], [119, 39], [118, 40], [118, 39]]]}
SPIKE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [0, 2], [0, 1], [1, 1], [1, 0], [0, 0]]]}
TWO = mapping(shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]))


def unit(code: str = "130203001001001", geometry: Any = SQUARE, **more: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"code": code, **more}, "geometry": geometry}


def units(*features: dict[str, Any], **more: Any) -> Any:
    known = Known(parents=frozenset({"130203001001"}), patrols=frozenset({"P1"}), **more)
    return read(Level.UNIT, *rows_of(features), known)


def test_a_good_grid_is_measured_and_placed_in_its_community() -> None:
    good, findings = units(unit(patrol_code="P1"))

    assert findings == []
    assert (good[0].parent_code, good[0].patrol_code) == ("130203001001", "P1")
    assert 9000 < good[0].area_m2 < 10000


def test_each_kind_of_bad_grid_gets_its_own_reason() -> None:
    good, findings = units(
        unit("13020300100"),
        unit("130203001002001"),
        unit("130203001001002", community_code="130203001009"),
        unit("130203001001003", patrol_code="P9"),
        unit("130203001001004", geometry=None),
        unit("130203001001005", geometry=BOW),
        unit("130203001001006", geometry=TWO),
        unit(),
        unit(),
    )

    assert [grid.code for grid in good] == ["130203001001001"]
    assert [(f.feature, f.flaw.value) for f in findings] == [
        (1, "bad_code"),
        (2, "unknown_parent"),
        (3, "wrong_parent"),
        (4, "unknown_patrol_grid"),
        (5, "bad_geometry"),
        (6, "invalid_ring"),
        (7, "bad_geometry"),
        (9, "duplicate_code"),
    ]


def test_a_broken_ring_says_what_mending_would_make_of_it_and_is_mended_when_that_is_one_area() -> None:
    _, findings = units(unit(geometry=BOW))
    assert "mending gives 2 polygon(s)" in findings[0].detail

    good, findings = units(unit(geometry=SPIKE), unit("130203001001002", geometry=BOW), mend=True)

    assert [grid.shape.equals(shapely.box(0, 0, 1, 1)) for grid in good] == [True]
    assert [(f.feature, f.flaw) for f in findings] == [(2, Flaw.INVALID_RING)]


def test_a_code_that_was_given_up_is_remarked_on_and_taken() -> None:
    good, findings = units(unit(), void=frozenset({"130203001001001"}))

    assert (len(good), [(f.flaw, f.blocks) for f in findings]) == (1, [(Flaw.REUSED_CODE, False)])


def test_a_patrol_grid_of_another_city_is_refused() -> None:
    known = Known(parents=frozenset({"130203"}))
    good, findings = read(Level.PATROL, *rows_of([unit("130203-P001", TWO), unit("130301-P001")]), known)

    assert [grid.code for grid in good] == ["130203-P001"]
    assert [f.flaw for f in findings] == [Flaw.UNKNOWN_PARENT]


def test_areas_have_the_digits_of_their_level_and_districts_need_no_city() -> None:
    good, findings = read(Level.DISTRICT, *rows_of([unit("130203", name="路北区"), unit("1302")]), Known())

    assert [(grid.code, grid.parent_code, grid.name_zh) for grid in good] == [("130203", "130200", "路北区")]
    assert [f.flaw for f in findings] == [Flaw.BAD_CODE]


def test_chinese_headings_are_known() -> None:
    assert named({"BGID": "1", "名称": " 一号 ", "责任网格": "P1", "面积": "9"}) == {
        "code": "1", "name_zh": "一号", "patrol_code": "P1"
    }  # fmt: skip
