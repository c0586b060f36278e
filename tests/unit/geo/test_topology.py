"""Findings on sets of grids."""

import numpy as np
import shapely

from geo.tessellate import tessellate
from geo.topology import Flaw, check, check_union


def boxes(*bounds: tuple[float, float, float, float]) -> np.ndarray:
    return np.asarray([shapely.box(*b) for b in bounds], dtype=object)


def test_a_tessellated_district_has_no_findings() -> None:
    cells = tessellate(shapely.Point(0, 0).buffer(1000), 100.0)

    assert len(cells) > 300
    assert check([str(n) for n in range(len(cells))], cells) == []


def test_an_overlap_names_both_grids_and_its_area() -> None:
    findings = check(["a", "b"], boxes((0, 0, 10, 10), (8, 0, 18, 10)))

    assert [(f.flaw, f.codes, round(f.area_m2)) for f in findings] == [(Flaw.OVERLAP, ("a", "b"), 20)]


def test_a_hole_between_grids_names_its_neighbours() -> None:
    ring = boxes((0, 0, 30, 10), (0, 20, 30, 30), (0, 10, 10, 20), (20, 10, 30, 20))

    findings = check(["a", "b", "c", "d"], ring)

    assert [(f.flaw, f.codes, round(f.area_m2)) for f in findings] == [(Flaw.GAP, ("a", "b", "c", "d"), 100)]


def test_a_ring_that_crosses_itself_is_named_and_left_out_of_the_rest() -> None:
    bow = np.asarray([shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]), shapely.box(0, 0, 1, 1)], dtype=object)

    findings = check(["bow", "box"], bow)

    assert [(f.flaw, f.codes) for f in findings] == [(Flaw.INVALID_RING, ("bow",))]


def test_a_patrol_grid_in_pieces_is_found_even_when_corners_touch() -> None:
    assert check_union("p", boxes((0, 0, 10, 10), (10, 0, 20, 10))) == []
    assert [f.flaw for f in check_union("p", boxes((0, 0, 10, 10), (10, 10, 20, 20)))] == [Flaw.NOT_ADJACENT]
