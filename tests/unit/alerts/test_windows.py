"""What is ours among the functions: stuck values, neighbours, places, the sun and the city's clock."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from alerts import condition
from tests.rule_table import Row, Table, stream

NAN = math.nan


def verdicts(text: str, table: Table) -> list[bool | None]:
    """True, False or None (unknown) for each row."""
    compiled = condition.compiled(text)
    holds, fails = compiled.holds(table), compiled.fails(table)
    return [True if yes else False if no else None for yes, no in zip(holds, fails, strict=True)]


def values(text: str, table: Table) -> list[float]:
    return condition.compiled(f"{text} > 0").parts[0].value(table).tolist()


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ("7 7 7 7 7 7 7", True),  # covers the minute: the oldest is 60 s old
        ("_ 7 7 7 7 7 7", True),  # one usual gap from the start
        ("_ _ 7 7 7 7 7", None),  # begins within the window: not known to be stuck
        ("7 7 7 7 7 7 8", False),
        ("_ _ _ _ _ 7 8", False),  # two that differ are proof enough
        ("7 _ _ _ _ _ 7", None),  # two equal ones are no proof
        ("7 _ _ 7 _ _ 7", True),
        ("_ _ _ _ _ _ 7", None),
        ("_ _ _ _ _ _ _", None),
    ],
)
def test_a_value_is_stuck_when_all_are_equal_over_a_covered_window(readings: str, expected: bool | None) -> None:
    assert verdicts("stuck(x[1m])", Table(stream("x", readings)))[-1] is expected


def test_a_window_ends_at_the_reading_and_holds_samples_exactly_as_old_as_it_is() -> None:
    table = Table(stream("x", "1 2 4 8 16"))

    assert values("sum_over_time(x[20s])", table) == [1, 3, 7, 14, 28]
    assert values("sum_over_time(x[19s])", table) == [1, 3, 6, 12, 24]


def test_devices_do_not_see_each_others_values() -> None:
    table = Table([Row(device=name, at_s=at, values={"x": at}) for at in range(3) for name in "ab"])

    assert values("sum_over_time(x[1m])", table) == [0, 0, 1, 1, 3, 3]


def test_gaps_anywhere_in_a_window_are_no_samples() -> None:
    class Gaps(Table):
        def window(self, channel: str, span_us: int) -> tuple[np.ndarray, np.ndarray]:
            assert (channel, span_us) == ("x", 60_000_000)
            ages_us = np.array([[40, 30, 20, 10, 0]] * 3, dtype=np.int64) * 1_000_000
            return np.array([[NAN, 1, NAN, 5, NAN], [3, NAN, NAN, NAN, 3], [NAN] * 5]), ages_us

    table = Gaps(stream("x", "0 0 0"))

    assert values("changes(x[1m])", table)[:2] == [1, 0]
    assert values("deriv(x[1m])", table)[:2] == pytest.approx([0.2, 0])
    assert values("delta(x[1m])", table)[:2] == pytest.approx(
        [4 * 40 / 20, 0]
    )  # half a gap at the start, 10 s at the end
    assert values("last_over_time(x[1m])", table)[:2] == [5, 3]
    assert all(math.isnan(values(f"{name}(x[1m])", table)[2]) for name in ("changes", "deriv", "sum_over_time"))


def test_neighbours_are_the_other_devices_in_the_radius_by_their_newest_value() -> None:
    rows = [Row(device=name, at_s=at, values={"x": x}) for at, (name, x) in enumerate([("a", 1), ("b", 5), ("c", 9)])]
    table = Table(
        [*rows, Row(device="a", at_s=9, values={"x": 2})], places_m={"a": (0, 0), "b": (0, 300), "c": (400, 0)}
    )

    assert values("neighbours_avg(x, 500m)", table)[3] == 7
    assert values("neighbours_median(x, 0.5km)", table)[3] == 7
    assert values("neighbours_max(x, 350m)", table)[3] == 5
    assert values("neighbours_count(x, 500m)", table) == [0, 1, 2, 2]
    assert verdicts("x < neighbours_min(x, 500m) - 2", table) == [None, False, False, True]


def test_without_neighbours_nothing_is_known_of_them() -> None:
    class Alone(Table):
        def neighbours(self, channel: str, radius_m: float) -> np.ndarray:
            assert (channel, radius_m) == ("x", 500)
            return np.zeros((len(self), 0))

    table = Alone(stream("x", "1 2"))

    for name in ("avg", "min", "max", "median"):
        assert verdicts(f"neighbours_{name}(x, 500m) > 0", table) == [None, None]
    assert verdicts("neighbours_count(x, 500m) == 0", table) == [True, True]


def test_entering_and_leaving_an_area_are_seen_by_the_reading_before() -> None:
    table = Table([Row(at_s=at, inside=("lake",) if wet else ()) for at, wet in enumerate([0, 1, 1, 0, 0])])

    assert verdicts('inside("lake")', table) == [False, True, True, False, False]
    assert verdicts('outside("lake")', table) == [True, False, False, True, True]
    assert verdicts('entered("lake")', table) == [False, True, False, False, False]
    assert verdicts('left("lake")', table) == [None, False, False, True, False]


def test_the_first_reading_inside_is_not_known_to_have_entered() -> None:
    assert verdicts('entered("lake")', Table([Row(at_s=0, inside=("lake",))])) == [None]


def test_a_condition_of_places_tells_its_areas_and_those_where_the_place_before_matters() -> None:
    compiled = condition.compiled("inside('park') and entered(\"lake\") or off_route_m() > 200")

    assert (compiled.areas, compiled.crossings, compiled.off_route) == ({"park", "lake"}, {"lake"}, True)
    assert [part.text for part in compiled.parts] == ["inside('park')", 'entered("lake")', "off_route_m() > 200"]


def test_a_condition_tells_what_it_must_remember_and_where_it_looks_around() -> None:
    compiled = condition.compiled("avg_over_time(x[5m]) > rate(y[5m]) and stuck(x[2h]) and neighbours_avg(z, 1km) > 1")

    assert compiled.windows == {("x", 300_000_000), ("y", 300_000_000), ("x", 7_200_000_000)}
    assert compiled.neighbours == {("z", 1000.0)}
    assert compiled.channels == {"x", "y", "z"}
    assert [part.is_change for part in compiled.parts] == [False, True, False]


def lamp(at: datetime, power_w: float) -> Table:
    return Table([Row(at_s=0, values={"power_w": power_w})], start_us=int(at.timestamp() * 1e6))


def test_a_lamp_lit_at_noon_is_told_from_one_lit_at_night() -> None:
    noon, night = datetime(2026, 11, 22, 4, tzinfo=UTC), datetime(2026, 11, 22, 14, tzinfo=UTC)  # 12:00, 22:00 there

    lit_by_day = "daylight() and power_w > 20"

    assert verdicts(lit_by_day, lamp(noon, 90)) == [True]
    assert verdicts(lit_by_day, lamp(noon, 0)) == [False]
    assert verdicts(lit_by_day, lamp(night, 90)) == [False]
    assert verdicts("sun_elevation_deg() > 28 and local_hour() == 12", lamp(noon, 90)) == [True]


def test_the_clock_of_the_city_goes_by_its_time_zone_and_that_of_prometheus_by_utc() -> None:
    sunday_night = Table([Row(at_s=0)], start_us=int(datetime(2026, 11, 22, 16, 30, tzinfo=UTC).timestamp() * 1e6))

    shanghai = condition.compiled("local_hour() == 0 and local_day_of_week() == 1 and hour() == 16", "Asia/Shanghai")
    london = condition.compiled("local_hour() == 16 and local_day_of_week() == 0", "Europe/London")

    assert shanghai.holds(sunday_night).tolist() == london.holds(sunday_night).tolist() == [True]


@pytest.mark.parametrize(
    ("text", "x", "y", "expected"),
    [
        ("x > 1 unless y > 1", 2, 0, True),
        ("x > 1 unless y > 1", 2, 2, False),
        ("x > 1 unless y > 1", 2, NAN, True),  # as in Prometheus, where nothing takes it away
        ("x > 1 and not y > 1", 2, NAN, None),
        ("x > 1 unless y > 1", NAN, 2, False),
        ("not (x > 1 unless y > 1)", 2, 2, True),
        ("x > 1 or y > 1 and x > 5", 2, 0, True),
    ],
)
def test_unless_takes_away_what_is_known_to_hold(text: str, x: float, y: float, expected: bool | None) -> None:
    assert verdicts(text, Table([Row(at_s=0, values={"x": x, "y": y})])) == [expected]
