"""Any partition is clean; broken in a known way, exactly that is found, where it was done."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo.findings import Flaw
from geo.topology import check, cuts, straying

Shapes = NDArray[np.object_]
SIDE_M = 1000.0
HAVE = settings(max_examples=25, deadline=None)


@st.composite
def partitions(draw: st.DrawFn) -> Shapes:
    """Voronoi cells of random points in a square: 4 to 25 cells, none smaller than a room."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    side = draw(st.integers(2, 5))
    lattice = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    points = (lattice + rng.uniform(0.25, 0.75, lattice.shape)) * SIDE_M / side
    square = shapely.box(0, 0, SIDE_M, SIDE_M)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=square))
    return np.asarray(shapely.intersection(cells, square), dtype=np.object_)


def codes_of(cells: Shapes) -> list[str]:
    return [f"g{number:02d}" for number in range(len(cells))]


def inner(cell: shapely.Polygon) -> shapely.Polygon:
    """Give a tenth of a cell, around a point inside it."""
    return shapely.affinity.scale(cell, 0.1, 0.1, origin=shapely.point_on_surface(cell))


chosen = st.integers(0, 3)


@HAVE
@given(partitions())
def test_a_partition_has_no_finding(cells: Shapes) -> None:
    codes = codes_of(cells)
    whole = {"p": shapely.box(0, 0, SIDE_M, SIDE_M)}

    assert check(codes, cells, within=whole) == []
    assert straying(codes, cells, ["p"] * len(cells), whole) == []
    assert cuts(codes, cells, whole) == []


@HAVE
@given(partitions(), chosen)
def test_a_cell_that_is_left_out_is_a_gap_of_its_size(cells: Shapes, at: int) -> None:
    rest = np.delete(cells, at)

    found = check(codes_of(rest), rest, within={"p": shapely.box(0, 0, SIDE_M, SIDE_M)})

    assert [f.flaw for f in found] == [Flaw.GAP]
    assert np.isclose(found[0].area_m2, cells[at].area, rtol=1e-3)
    assert found[0].shape is not None
    assert found[0].shape.hausdorff_distance(cells[at]) < 0.1


@HAVE
@given(partitions(), chosen)
def test_a_hole_cut_into_a_cell_is_a_gap_in_that_place(cells: Shapes, at: int) -> None:
    hole = inner(cells[at])
    cells[at] = shapely.difference(cells[at], hole)

    found = check(codes_of(cells), cells)

    assert [(f.flaw, f.codes) for f in found] == [(Flaw.GAP, (codes_of(cells)[at],))]
    assert np.isclose(found[0].area_m2, hole.area, rtol=0.01, atol=0.5)


@HAVE
@given(partitions(), chosen, st.floats(1.0, 20.0))
def test_a_cell_that_grew_overlaps_exactly_those_it_grew_into(cells: Shapes, at: int, by_m: float) -> None:
    grown = shapely.intersection(shapely.buffer(cells[at], by_m), shapely.box(0, 0, SIDE_M, SIDE_M))
    others = [n for n in range(len(cells)) if n != at]
    expected = {tuple(sorted((f"g{at:02d}", f"g{n:02d}"))): shapely.intersection(grown, cells[n]).area for n in others}
    cells[at] = grown

    found = {tuple(sorted(f.codes)): f.area_m2 for f in check(codes_of(cells), cells) if f.flaw is Flaw.OVERLAP}

    assert found.keys() == {pair for pair, area in expected.items() if area > 1}
    assert all(np.isclose(area, expected[pair], rtol=1e-6) for pair, area in found.items())


@HAVE
@given(partitions(), chosen)
def test_a_copy_of_a_cell_overlaps_the_cell_whole(cells: Shapes, at: int) -> None:
    doubled = np.append(cells, cells[at])

    found = check(codes_of(doubled), doubled)

    assert [(f.flaw, f.codes) for f in found] == [(Flaw.OVERLAP, (f"g{at:02d}", f"g{len(cells):02d}"))]


@HAVE
@given(partitions(), st.floats(0.2, 0.8))
def test_a_border_through_the_middle_cuts_the_cells_it_crosses(cells: Shapes, share: float) -> None:
    line = SIDE_M * share
    halves = {"w": shapely.box(0, 0, line, SIDE_M), "e": shapely.box(line, 0, SIDE_M, SIDE_M)}
    west = shapely.area(shapely.intersection(cells, halves["w"]))
    crossed = {f"g{n:02d}" for n in np.flatnonzero((west > 1) & (shapely.area(cells) - west > 1)).tolist()}

    assert {f.codes[0] for f in cuts(codes_of(cells), cells, halves)} == crossed
    strayed = straying(codes_of(cells), cells, ["w"] * len(cells), halves)
    assert {f.codes[0] for f in strayed} == {
        f"g{n:02d}" for n in np.flatnonzero(shapely.area(cells) - west > 1).tolist()
    }
