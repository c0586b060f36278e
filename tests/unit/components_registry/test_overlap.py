"""Polygons of a class over one another."""

import numpy as np
import shapely

from components_registry.model import Finding, SurveyRows
from components_registry.overlap import Polygons


def rows(*shapes: shapely.Geometry, classes: tuple[str, ...] = (), first: int = 2) -> SurveyRows:
    count = len(shapes)
    texts = np.full(count, "", dtype=np.object_)
    names = (
        "name", "state", "competent", "owner", "maintainer", "surveyed_on", "changed_on", "data_source", "note",
        "former",
    )  # fmt: skip
    columns = dict.fromkeys(names, texts)
    return SurveyRows(
        line=np.arange(first, first + count, dtype=np.int64),
        code=np.full(count, "1302030411000001"),
        class_code=np.asarray(classes or ["0411"] * count),
        district_code=np.full(count, "130203"),
        geometry=np.asarray(shapes, dtype=np.object_),
        unit_grid_id=np.zeros(count, dtype=np.int32),
        **columns,
    )


def square(x: float, y: float = 0.0) -> shapely.Polygon:
    """Of 0.001 degrees, from tenths of its side."""
    return shapely.box(118.0 + x / 1e4, 39.0 + y / 1e4, 118.001 + x / 1e4, 39.001 + y / 1e4)


def found(*batches: SurveyRows, share: float = 0.05) -> list[Finding]:
    polygons = Polygons()
    for batch in batches:
        polygons.add(batch)
    return polygons.findings(share)


def test_of_two_that_overlap_the_later_is_told_with_how_much() -> None:
    (finding,) = found(rows(square(0), square(8)))

    assert (finding.line, finding.reason, finding.refused) == (3, "overlap", False)
    assert finding.detail.startswith("20% of it or of line 2 lie over one another (19")
    assert 118.0008 < (finding.lon or 0) < 118.0018


def test_a_small_one_inside_a_large_one_is_covered_whole() -> None:
    inside = shapely.box(118.0002, 39.0002, 118.0003, 39.0003)

    assert found(rows(square(0), inside))[0].detail.startswith("100% of it")


def test_neighbours_that_share_a_border_and_other_classes_do_not_overlap() -> None:
    assert found(rows(square(0), square(10), square(0, 10))) == []
    assert found(rows(square(0), square(1), classes=("0411", "0510"))) == []
    assert found(rows(shapely.Point(118.0, 39.0), shapely.LineString([(118.0, 39.0), (118.1, 39.0)]))) == []


def test_the_share_decides_and_of_several_the_largest_is_told() -> None:
    three = rows(square(0), square(9), square(5))

    assert [(one.line, one.detail[:24]) for one in found(three)] == [
        (3, "10% of it or of line 2 l"), (4, "60% of it or of line 3 l"),
    ]  # fmt: skip
    assert [one.line for one in found(three, share=0.3)] == [4]
    assert found(three, share=0.0) == []


def test_batches_are_compared_with_one_another() -> None:
    assert [one.line for one in found(rows(square(0)), rows(square(1), first=9))] == [9]
