"""Findings on sets of grids."""

import numpy as np
import shapely

from geo.findings import Flaw, Limits
from geo.tessellate import tessellate
from geo.topology import check, check_union, cuts, far_areas, straying


def boxes(*bounds: tuple[float, float, float, float]) -> np.ndarray:
    return np.asarray([shapely.box(*b) for b in bounds], dtype=object)


def test_a_tessellated_district_has_no_findings() -> None:
    cells = tessellate(shapely.Point(0, 0).buffer(1000), 100.0)

    assert len(cells) > 300
    assert check([str(n) for n in range(len(cells))], cells) == []


def test_an_overlap_names_both_grids_its_area_and_its_place() -> None:
    findings = check(["a", "b"], boxes((0, 0, 10, 10), (8, 0, 18, 10)))

    assert [(f.flaw, f.codes, round(f.area_m2)) for f in findings] == [(Flaw.OVERLAP, ("a", "b"), 20)]
    assert findings[0].shape is not None
    assert findings[0].shape.equals(shapely.box(8, 0, 10, 10))


def test_a_hole_between_grids_names_its_neighbours() -> None:
    ring = boxes((0, 0, 30, 10), (0, 20, 30, 30), (0, 10, 10, 20), (20, 10, 30, 20))

    findings = check(["a", "b", "c", "d"], ring)

    assert [(f.flaw, f.codes, round(f.area_m2)) for f in findings] == [(Flaw.GAP, ("a", "b", "c", "d"), 100)]


def test_a_grid_that_shrank_leaves_a_gap_around_it_and_not_under_it() -> None:
    ring = boxes((0, 0, 30, 10), (0, 20, 30, 30), (0, 10, 10, 20), (20, 10, 30, 20), (11, 11, 19, 19))

    findings = check(["a", "b", "c", "d", "e"], ring)

    assert [(f.flaw, round(f.area_m2)) for f in findings] == [(Flaw.GAP, 36)]


def test_a_crack_that_opens_to_the_outside_is_a_gap_when_it_is_narrow() -> None:
    apart = boxes((0, 0, 10, 10), (10.5, 0, 20, 10))

    assert [(f.flaw, round(f.area_m2)) for f in check(["a", "b"], apart)] == [(Flaw.GAP, 5)]
    assert check(["a", "b"], apart, Limits(crack_m=0.2)) == []


def test_what_the_parent_has_and_no_grid_holds_is_a_gap() -> None:
    findings = check(["a"], boxes((0, 0, 10, 10)), within={"parent": shapely.box(0, 0, 15, 10)})

    assert [(f.flaw, round(f.area_m2)) for f in findings] == [(Flaw.GAP, 50)]


def test_a_sliver_and_a_grid_of_a_far_size_are_remarked_on() -> None:
    thin = boxes((0, 0, 100, 2), (0, 2, 100, 102))

    assert [(f.flaw, f.codes, f.blocks) for f in check(["a", "b"], thin)] == [(Flaw.SLIVER, ("a",), False)]
    assert [f.codes for f in far_areas(["a", "b"], thin)] == [("a",)]


def test_a_ring_that_crosses_itself_is_named_and_left_out_of_the_rest() -> None:
    bow = np.asarray([shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]), shapely.box(0, 0, 9, 9)], dtype=object)

    findings = check(["bow", "box"], bow)

    assert [(f.flaw, f.codes) for f in findings] == [(Flaw.INVALID_RING, ("bow",))]


def test_a_grid_that_leaves_its_parent_is_found_with_where_it_goes() -> None:
    parents = {"left": shapely.box(0, 0, 10, 10), "right": shapely.box(10, 0, 20, 10)}
    tiles = boxes((0, 0, 10, 10), (8, 0, 18, 10), (18, 0, 20, 10))

    findings = straying(["a", "b", "c"], tiles, ["left", "right", "elsewhere"], parents)

    assert [(f.flaw, f.codes) for f in findings] == [(Flaw.OUTSIDE_PARENT, ("b", "right", "left"))]
    assert round(findings[0].area_m2) == 20


def test_a_patrol_grid_that_cuts_a_unit_grid_is_found_once() -> None:
    patrols = {"p": shapely.box(0, 0, 15, 10), "q": shapely.box(15, 0, 30, 10)}

    findings = cuts(["a", "b", "c"], boxes((0, 0, 10, 10), (10, 0, 20, 10), (20, 0, 30, 10)), patrols)

    assert [(f.flaw, f.codes, round(f.area_m2)) for f in findings] == [(Flaw.CUTS_GRID, ("b", "p", "q"), 50)]


def test_a_patrol_grid_in_pieces_is_found_even_when_corners_touch() -> None:
    assert check_union("p", boxes((0, 0, 10, 10), (10, 0, 20, 10))) == []
    assert [f.flaw for f in check_union("p", boxes((0, 0, 10, 10), (10, 10, 20, 20)))] == [Flaw.NOT_ADJACENT]
