"""What comes again in a survey file, batch after batch, and what of a class lies near."""

import numpy as np
from numpy.typing import NDArray

from components_registry import nearness
from components_registry.model import Finding
from components_registry.repeats import Seen

Row = tuple[int, int, float, float]
"""Class, serial, and the place in metres east and north."""


def taken(seen: Seen, rows: list[Row], first: int = 2) -> list[tuple[int, int]]:
    """Give the lines of which each row repeats the code and the place."""
    kind, serial, east, north = (np.asarray(column) for column in zip(*rows, strict=True))
    by_code, by_place = seen.take(
        kind, kind * 1_000_000 + serial, (118.0 + east / 1e5, 39.0 + north / 1e5),
        np.arange(first, first + len(rows), dtype=np.int64),
    )  # fmt: skip
    return list(zip(by_code.tolist(), by_place.tolist(), strict=True))


def test_a_code_and_a_place_of_a_class_are_known_by_their_first_line() -> None:
    rows: list[Row] = [(103, 1, 0, 0), (103, 2, 5, 0), (103, 1, 9, 0), (103, 3, 5, 0), (137, 1, 5, 0)]

    assert taken(Seen(), rows) == [(0, 0), (0, 0), (2, 0), (0, 3), (0, 0)]


def test_what_only_repeats_a_repeat_stays() -> None:
    rows: list[Row] = [(103, 1, 0, 0), (103, 2, 0, 0), (103, 2, 5, 0), (103, 1, 7, 0), (103, 4, 7, 0)]

    assert taken(Seen(), rows) == [(0, 0), (0, 2), (0, 0), (2, 0), (0, 0)]


def test_it_is_the_same_in_batches_of_any_size() -> None:
    rows: list[Row] = np.random.default_rng(7).integers(0, [2, 60, 8, 8], size=(400, 4)).tolist()
    whole = taken(Seen(), rows)

    assert whole == one_by_one(rows)
    for size in (1, 7, 90):
        seen = Seen()
        parts = [taken(seen, rows[at : at + size], first=at + 2) for at in range(0, len(rows), size)]
        assert [is_kept(one) for part in parts for one in part] == [is_kept(one) for one in whole]


def is_kept(one: tuple[int, int]) -> bool:
    return one == (0, 0)


def one_by_one(rows: list[Row]) -> list[tuple[int, int]]:
    codes: dict[tuple[int, int], int] = {}
    places: dict[tuple[int, float, float], int] = {}
    found: list[tuple[int, int]] = []
    for line, (kind, serial, east, north) in enumerate(rows, start=2):
        one = codes.get((kind, serial), 0), places.get((kind, east, north), 0)
        found.append(one)
        if is_kept(one):
            codes[kind, serial] = places[kind, east, north] = line
    return found


def near(seen: Seen, strip_rows: int) -> list[Finding]:
    found = [one for some in nearness.near(seen, 1.5, strip_rows) for one in some]
    return sorted(found, key=lambda one: one.line)


def test_of_those_before_it_the_nearest_is_told_whichever_strip_it_lies_in() -> None:
    seen, chance = Seen(), np.random.default_rng(7)
    places: NDArray[np.float64] = chance.uniform(0, 30, size=(300, 2))
    taken(seen, [(103, number, *place) for number, place in enumerate(places.tolist())])
    taken(seen, [(137, number, *place) for number, place in enumerate(places.tolist())], first=1000)

    whole = near(seen, 10_000)

    assert near(seen, 20) == whole
    assert {one.line for one in whole} == {
        line + offset
        for line in range(2, 302)
        if line > 2 and np.hypot(*((places[: line - 2] - places[line - 2]) * SCALE).T).min() <= 1.5
        for offset in (0, 998)
    }


SCALE = np.asarray([np.cos(np.radians(39.0)), 1.0]) * 111_320 / 1e5
"""Metres of a hundred-thousandth of a degree, east and north."""


def test_nothing_is_near_when_nobody_asks() -> None:
    seen = Seen()
    taken(seen, [(103, 1, 0, 0), (103, 2, 0.1, 0)])

    assert list(nearness.near(seen, 0.0)) == []
