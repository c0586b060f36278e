"""Cursors, boxes, bucket widths, host names: what comes in as text."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import paging
from api.box import parse
from api.feeds import Memory, compact
from api.guard import host_name
from core.errors import InvalidInput
from storage.levels import bucket_s

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(INSTANTS, st.integers(0, 2**62))
def test_a_cursor_gives_back_its_key(deadline: datetime, number: int):
    cursor = paging.encode("incidents-open", [deadline, number])

    assert paging.decode("incidents-open", cursor, tuple[datetime, int]) == (deadline, number)


@given(st.text(max_size=60))
def test_any_other_text_is_refused_as_a_cursor(text: str):
    with pytest.raises(InvalidInput):
        paging.decode("devices", text, tuple[int])


@given(st.text(alphabet="0123456789.,-+einfa ", max_size=40))
def test_a_box_is_four_finite_sides_in_order_or_refused(text: str):
    try:
        box = parse(text)
    except InvalidInput:
        return
    sides = [side for side in box.values() if side is not None]
    assert len(sides) == 4
    assert all(math.isfinite(side) for side in sides)
    assert box["west"] <= box["east"]  # type: ignore[operator]
    assert box["south"] <= box["north"]  # type: ignore[operator]


@given(st.floats(1, 400 * 86_400), st.integers(2, 5000), st.floats(0, 86_400))
def test_a_span_never_touches_more_buckets_than_the_budget(span_s: float, points: int, start_s: float):
    width_s = bucket_s(span_s, points)

    touched = math.floor((start_s + span_s - 1e-6) / width_s) - math.floor(start_s / width_s) + 1

    assert touched <= points


def test_usual_spans_get_widths_one_can_read():
    assert [bucket_s(hours * 3600, 400) for hours in (0.05, 1, 24, 24 * 7, 24 * 365)] == [1, 10, 300, 1800, 86_400]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:8077", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:8077", "[::1]"),
        ("CITY.example", "city.example"),
    ],
)
def test_a_host_is_compared_without_its_port(host: str, name: str):
    assert host_name(host) == name


def test_only_what_differs_from_what_was_told_is_news():
    memory = Memory()
    quiet = ("mc-1", "manhole_cover", 118.1, 39.6, "online", None, False, None)
    late = ("mc-1", "manhole_cover", 118.1, 39.6, "late", None, False, None)

    assert memory.changed([quiet], is_first=True) == []
    assert memory.changed([quiet], is_first=False) == []
    assert memory.changed([late], is_first=False) == [late]
    assert memory.changed([late], is_first=False) == []


def test_only_what_moves_has_a_bearing():
    assert len(compact(("mc-1", "manhole_cover", 1.0, 2.0, "late", None, False, None))) == 6
    assert compact(("bus-1", "bus", 1.0, 2.0, "late", "minor", True, 90.0))[6] == 90.0
