"""Laws of the battery's forecast: it finds a straight fall, bears wild levels, and says when it does not know."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from devices.battery import EMPTY_PCT, LEAST_LEVELS, Unknown, forecast

levels = st.lists(st.floats(0, 100), max_size=60)


@settings(deadline=None)
@given(st.floats(0.05, 0.9), st.integers(14, 60), st.integers(0, 10_000))
def test_a_straight_fall_is_found_wherever_its_days_begin(fall: float, count: int, origin: int) -> None:
    days = [origin + day for day in range(count)]
    found = forecast(days, [100 - fall * day for day in range(count)])

    left = (100 - fall * (count - 1) - EMPTY_PCT) / fall
    assert found.days_left == pytest.approx(left, rel=1e-6, abs=1e-6)


@settings(deadline=None)
@given(st.lists(st.integers(1, 11), max_size=8, unique=True), st.data())
def test_single_wild_levels_hardly_move_it(at: list[int], data: st.DataObject) -> None:
    straight = [90 - 0.5 * day for day in range(60)]
    wild = list(straight)
    for day in (5 * number for number in at):
        wild[day] = max(0.0, straight[day] - data.draw(st.floats(5, 40)))

    left, disturbed = forecast(range(60), straight).days_left, forecast(range(60), wild).days_left
    assert left is not None
    assert disturbed == pytest.approx(left, rel=0.35)


@settings(deadline=None)
@given(levels)
def test_it_never_promises_less_than_nothing_and_says_why_it_does_not_know(given_levels: list[float]) -> None:
    found = forecast(range(len(given_levels)), given_levels)

    assert (found.days_left is None) == (found.unknown is not None)
    assert found.days_left is None or found.days_left >= 0
    if len(given_levels) < LEAST_LEVELS:
        assert found.unknown in (Unknown.NO_LEVELS, Unknown.TOO_FEW)


def test_levels_of_the_battery_before_say_nothing() -> None:
    before, after = [40 - day for day in range(30)], [99 - 0.5 * day for day in range(20)]
    found = forecast(range(50), [*before, *after])

    assert (found.levels, found.pct_a_day) == (20, pytest.approx(-0.5))
    assert forecast(range(40), [*before, *after[:10]]).unknown is Unknown.TOO_FEW


def test_a_mains_supply_and_a_level_that_stands_are_not_falling() -> None:
    assert forecast(range(30), [100.0] * 30).unknown is Unknown.NOT_FALLING
    assert forecast([], []).unknown is Unknown.NO_LEVELS
