"""The engine on streams written by hand: what fires when, and what must not."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from alerts import engine, rulebook
from alerts.engine import Kind, Step
from alerts.rule import Rulebook
from core.fleet import Fleet
from core.frame import Frame
from core.origin import Origin
from core.quality import Quality
from tests import builders

START = datetime.fromtimestamp(builders.START_US / 1e6, UTC)
PROFILE = "manhole_cover"

Row = tuple[int, float, Mapping[str, float]]


def book(*rules: str, scope: str = "{profile: manhole_cover}") -> Rulebook:
    """A rule book of R0, R1 ... from their conditions, one key a line."""
    head = "groups:\n  - name: g\n    rules:\n"
    common = (
        f"        scope: {scope}\n        labels: {{severity: info}}\n        raises: {{deadline: 1 hour}}\n"
        "        annotations: {summary: s, summary_zh: s}\n"
    )
    text = "".join(
        f"      - alert: R{n}\n" + "".join(f"        {line.strip()}\n" for line in rule.split("|")) + common
        for n, rule in enumerate(rules)
    )
    return rulebook.parse({"r.yaml": head + text})


class City:
    """A running engine; `hear` gives the transitions as (rule, kind, slot, seconds)."""

    def __init__(self, rules: Rulebook, fleet: Fleet | None = None) -> None:
        self.rules = rules
        self.fleet = fleet or builders.fleet(PROFILE, count=3)
        self.state = engine.initial(rules, self.fleet)
        self.take(0, [])

    def take(self, seconds: float, frames: Sequence[Frame]) -> Step:
        step = engine.step(self.state, frames, self.rules, self.fleet, START + timedelta(seconds=seconds))
        engine.commit(self.state, step)
        return step

    def hear(self, seconds: float, *rows: Row, **how: object) -> list[tuple[str, str, int, float]]:
        frames = [builders.frame(PROFILE, rows, **how)] if rows else []  # type: ignore[arg-type]
        return told(self.take(seconds, frames))


def told(step: Step) -> list[tuple[str, str, int, float]]:
    return [(t.rule.name, t.kind.value, t.slot, (t.ts_us - builders.START_US) / 1e6) for t in step.transitions]


FIRED, RECOVERED = Kind.FIRED.value, Kind.RECOVERED.value


def test_without_a_duration_a_rule_fires_at_the_first_reading() -> None:
    city = City(book("expr: tilt > 15"))

    assert city.hear(1, (0, 1, {"tilt": 20})) == [("R0", FIRED, 0, 1)]
    assert city.hear(2, (0, 2, {"tilt": 20})) == []
    assert city.hear(3, (0, 3, {"tilt": 15})) == [("R0", RECOVERED, 0, 3)]


def test_a_duration_is_measured_on_the_readings_own_time() -> None:
    city = City(book("expr: tilt > 15|for: 20s"))

    assert city.hear(1, (0, 0, {"tilt": 20})) == []
    assert city.hear(2, (0, 19, {"tilt": 20})) == []
    assert city.hear(3, (0, 20, {"tilt": 20})) == [("R0", FIRED, 0, 20)]


def test_a_duration_starts_anew_when_the_condition_fails_between() -> None:
    city = City(book("expr: tilt > 15|for: 20s"))

    rows = [(0, at, {"tilt": tilt}) for at, tilt in ((0, 20), (10, 1), (20, 20), (30, 20), (40, 20))]
    assert city.hear(40, *rows) == [("R0", FIRED, 0, 40)]


def test_a_duration_goes_on_through_a_reading_that_did_not_measure() -> None:
    city = City(book("expr: tilt > 15|for: 20s"))

    rows: list[Row] = [(0, 0, {"tilt": 20}), (0, 10, {"other": 1}), (0, 20, {"tilt": 20})]
    assert city.hear(20, *rows) == [("R0", FIRED, 0, 20)]


def test_a_reading_that_did_not_measure_fires_nothing_and_clears_nothing() -> None:
    city = City(book("expr: tilt > 15"))
    city.hear(1, (0, 1, {"tilt": 20}))

    assert city.hear(2, (0, 2, {"other": 1}), (1, 2, {"other": 1})) == []


def test_between_firing_and_clearing_nothing_changes() -> None:
    city = City(book("expr: tilt > 15|clear: tilt < 10"))

    rows = [(0, at, {"tilt": tilt}) for at, tilt in enumerate((12, 16, 12, 14, 16, 12, 9, 12, 16))]
    assert city.hear(9, *rows) == [("R0", FIRED, 0, 1), ("R0", RECOVERED, 0, 6), ("R0", FIRED, 0, 8)]


def test_a_rule_keeps_firing_until_the_recovery_has_lasted() -> None:
    city = City(book("expr: tilt > 15|keep_firing_for: 20s"))

    rows = [(0, at, {"tilt": tilt}) for at, tilt in ((0, 20), (10, 1), (20, 20), (30, 1), (40, 1), (50, 1))]
    assert city.hear(50, *rows) == [("R0", FIRED, 0, 0), ("R0", RECOVERED, 0, 50)]


def test_several_readings_of_a_device_in_one_batch_are_taken_in_order() -> None:
    city = City(book("expr: tilt > 15"))

    rows = [(slot, at, {"tilt": tilt}) for slot in (2, 0) for at, tilt in ((1, 20), (2, 1), (3, 20))]
    assert city.hear(3, *rows) == [
        ("R0", FIRED, 0, 1),
        ("R0", FIRED, 2, 1),
        ("R0", RECOVERED, 0, 2),
        ("R0", RECOVERED, 2, 2),
        ("R0", FIRED, 0, 3),
        ("R0", FIRED, 2, 3),
    ]


def test_frames_of_one_profile_are_one_stream() -> None:
    city = City(book("expr: tilt > 15"))
    frames = [builders.frame(PROFILE, [(0, at, {"tilt": tilt})]) for at, tilt in ((1, 20), (2, 1))]

    assert told(city.take(2, frames)) == [("R0", FIRED, 0, 1), ("R0", RECOVERED, 0, 2)]


def test_late_readings_are_not_looked_at() -> None:
    city = City(book("expr: tilt > 15", "absent_for: 3 intervals"))
    city.hear(1, (0, 1, {"tilt": 1}), (1, 1, {"tilt": 1}), (2, 1, {"tilt": 1}))

    assert city.hear(4, (0, 0.5, {"tilt": 20}), quality=Quality.LATE) == []


def test_rate_is_taken_against_the_reading_before_across_batches() -> None:
    city = City(book("expr: change_per_second(water) > 0.1"))

    assert city.hear(1, (0, 0, {"water": 1})) == []
    assert city.hear(11, (0, 10, {"water": 2.5})) == [("R0", FIRED, 0, 10)]
    assert city.hear(21, (0, 15, {"water": 2.5}), (0, 20, {"water": 5})) == [
        ("R0", RECOVERED, 0, 15),
        ("R0", FIRED, 0, 20),
    ]


def test_the_first_reading_and_the_one_after_a_gap_in_the_channel_have_no_rate() -> None:
    city = City(book("expr: change(water) > 0.1"))

    assert city.hear(1, (0, 0, {"water": 9})) == []
    assert city.hear(2, (0, 1, {"other": 9})) == []
    assert city.hear(3, (0, 2, {"water": 99})) == []


def test_rate_looks_at_the_devices_own_past_only() -> None:
    city = City(book("expr: change(water) > 1"))

    assert city.hear(2, (0, 0, {"water": 1}), (1, 0, {"water": 9}), (0, 1, {"water": 1}), (1, 1, {"water": 9})) == []


def test_a_device_out_of_service_is_not_looked_at() -> None:
    fleet = builders.fleet(PROFILE, count=2, in_service=[True, False])
    city = City(book("expr: tilt > 15", "absent_for: 3 intervals"), fleet)

    assert city.hear(1, (0, 1, {"tilt": 20}), (1, 1, {"tilt": 20})) == [("R0", FIRED, 0, 1)]
    assert city.hear(5) == city.hear(10) == city.hear(15) == city.hear(20) == city.hear(25) == city.hear(30) == []
    assert city.hear(32) == [("R1", FIRED, 0, 31)]


def test_scope_narrows_by_profile_class_and_district() -> None:
    fleet = builders.fleet(
        [PROFILE, PROFILE, PROFILE, "bus"],
        class_code=["0101", "0102", "0101", "0101"],
        district_code=["130202", "130202", "130203", "130202"],
    )
    scope = '{profile: manhole_cover, class: "0101", district: "130202"}'
    city = City(book("expr: tilt > 15", "absent_for: 3 intervals", scope=scope), fleet)

    covers = builders.frame(PROFILE, [(slot, 1, {"tilt": 20.0}) for slot in range(3)])
    bus = builders.frame("bus", [(3, 1, {"tilt": 20.0})])
    assert told(city.take(1, [covers, bus])) == [("R0", FIRED, 0, 1)]
    silent = [told(city.take(seconds, [])) for seconds in range(2, 33)]
    assert [transition for tick in silent for transition in tick] == [("R1", FIRED, 0, 31)]


def test_a_channel_the_profile_lacks_is_unknown() -> None:
    assert City(book("expr: nothing > 1")).hear(1, (0, 1, {"tilt": 20})) == []


def ticks(city: City, start: int, end: int) -> list[tuple[str, str, int, float]]:
    return [transition for second in range(start, end + 1) for transition in city.hear(second)]


def test_a_silence_is_measured_by_the_devices_own_interval_from_when_it_was_last_heard() -> None:
    fleet = builders.fleet(PROFILE, count=2)
    fleet.interval_s[1] = 20.0
    city = City(book("absent_for: 3 intervals"), fleet)
    city.hear(2, (0, -500, {"tilt": 1}), (1, 1, {"tilt": 1}))

    assert ticks(city, 3, 70) == [("R0", FIRED, 0, 32), ("R0", FIRED, 1, 62)]


def test_a_silence_may_be_a_time_and_last_longer_by_for() -> None:
    city = City(book("absent_for: 20s|for: 5s"), builders.fleet(PROFILE))
    city.hear(1, (0, 1, {"tilt": 1}))

    assert ticks(city, 2, 40) == [("R0", FIRED, 0, 26)]


def test_a_silence_ends_with_the_next_reading_and_can_begin_again() -> None:
    city = City(book("absent_for: 3 intervals"), builders.fleet(PROFILE))
    city.hear(1, (0, 1, {"tilt": 1}))

    assert ticks(city, 2, 40) == [("R0", FIRED, 0, 31)]
    assert city.hear(41, (0, 40.5, {"tilt": 1})) == [("R0", RECOVERED, 0, 40.5)]
    assert ticks(city, 42, 80) == [("R0", FIRED, 0, 71)]


def test_a_device_that_never_reported_is_silent_counted_from_its_registration() -> None:
    city = City(book("absent_for: 3 intervals"), builders.fleet(PROFILE))
    ticks(city, 1, 19)
    first, second = city.fleet, builders.fleet(PROFILE, count=2, registered_us=builders.START_US + 20_000_000)
    city.fleet = dataclasses.replace(second, registered_us=np.array([first.registered_us[0], second.registered_us[1]]))

    assert ticks(city, 20, 60) == [("R0", FIRED, 0, 30), ("R0", FIRED, 1, 50)]


NIGHT = "schedule: [{times: [{start_time: '17:00', end_time: '24:00'}]}]"
"""The streams start at 16:00 in the city."""


def test_outside_its_schedule_a_rule_does_not_begin_to_fire_and_what_is_pending_waits() -> None:
    city = City(book(f"expr: tilt > 15|{NIGHT}"))

    assert city.hear(1, (0, 1, {"tilt": 20}), (1, 1, {"tilt": 20})) == []
    assert city.hear(3601, (0, 3600, {"tilt": 20})) == [("R0", FIRED, 0, 3600)]
    assert city.hear(3602, (1, 3601, {"tilt": 1})) == []


def test_outside_its_schedule_what_fires_recovers() -> None:
    city = City(book(f"expr: tilt > 15|{NIGHT}"))
    city.hear(3601, (0, 3600, {"tilt": 20}))

    evening_s = 8 * 3600 + 1
    assert city.hear(evening_s, (0, evening_s, {"tilt": 1})) == [("R0", RECOVERED, 0, evening_s)]


@pytest.mark.parametrize("ticks_s", [[], [100, 3599, 3601, 3700]])
def test_a_silence_outside_the_schedule_begins_to_fire_when_the_schedule_does(ticks_s: list[float]) -> None:
    city = City(book(f"absent_for: 3 intervals|{NIGHT}"), builders.fleet(PROFILE))
    city.state.tolerated_gap_us = 10**12
    heard = [city.hear(1, (0, 1, {"tilt": 1})), *(city.hear(at) for at in ticks_s)]
    heard.append(city.hear(4000, (0, 3999, {"tilt": 1})))

    assert [it for step in heard for it in step] == [("R0", FIRED, 0, 3600), ("R0", RECOVERED, 0, 3999)]


def test_time_in_which_nobody_listened_is_no_silence() -> None:
    city = City(book("absent_for: 3 intervals"), builders.fleet(PROFILE))
    city.hear(1, (0, 1, {"tilt": 1}))
    ticks(city, 2, 11)

    assert ticks(city, 1011, 1040) == [("R0", FIRED, 0, 1031)]


def test_a_device_that_speaks_in_time_leaves_no_silence() -> None:
    city = City(book("absent_for: 3 intervals"), builders.fleet(PROFILE))
    ticks(city, 1, 29)

    assert city.hear(29.9, (0, 29.5, {"tilt": 1})) == []
    assert ticks(city, 30, 59) == []


def test_a_silence_that_no_tick_saw_is_told_with_the_reading_that_ends_it() -> None:
    city = City(book("absent_for: 3 intervals"), builders.fleet(PROFILE))
    city.state.tolerated_gap_us = 10**12
    city.hear(1, (0, 1, {"tilt": 1}))

    assert city.hear(50, (0, 49.5, {"tilt": 1})) == [("R0", FIRED, 0, 31), ("R0", RECOVERED, 0, 49.5)]


def test_a_silence_ended_by_an_older_reading_ends_when_it_began() -> None:
    city = City(book("absent_for: 3 intervals"), builders.fleet(PROFILE))
    city.state.tolerated_gap_us = 10**12
    city.hear(1, (0, 1, {"tilt": 1}))

    assert city.hear(50, (0, 9, {"tilt": 1})) == [("R0", FIRED, 0, 31), ("R0", RECOVERED, 0, 31)]


def test_a_fleet_that_grows_keeps_what_is_known() -> None:
    city = City(book("expr: tilt > 15|for: 10s", "expr: change(tilt) > 50"), builders.fleet(PROFILE, count=1))
    city.hear(1, (0, 1, {"tilt": 20}))
    city.fleet = builders.fleet(PROFILE, count=500)

    assert city.hear(2, (0, 11, {"tilt": 80}), (499, 11, {"tilt": 80})) == [("R0", FIRED, 0, 11), ("R1", FIRED, 0, 11)]
    assert city.hear(3, (499, 21, {"tilt": 80})) == [("R0", FIRED, 499, 21)]


def test_a_step_that_is_not_committed_changes_nothing() -> None:
    city = City(book("expr: tilt > 15", "expr: change(tilt) > 1", "absent_for: 3 intervals"))
    frames = [builders.frame(PROFILE, [(0, 1, {"tilt": 1.0}), (0, 2, {"tilt": 20.0}), (1, 2, {"tilt": 20.0})])]

    first = engine.step(city.state, frames, city.rules, city.fleet, START + timedelta(seconds=40))
    second = engine.step(city.state, frames, city.rules, city.fleet, START + timedelta(seconds=40))

    assert repr(first) == repr(second)
    assert len(first.transitions) >= 3


def test_a_transition_tells_the_comparison_that_decided() -> None:
    city = City(book("expr: a > 1 or (b > 2 and change_per_second(b) > 0.5)|clear: b < 1"))
    city.hear(1, (0, 0, {"a": 0, "b": 0}))

    (fired,) = city.take(2, [builders.frame(PROFILE, [(0, 2, {"a": 0, "b": 4.0})])]).transitions
    (recovered,) = city.take(3, [builders.frame(PROFILE, [(0, 3, {"a": 0, "b": 0.5})])]).transitions

    assert dataclasses.astuple(fired.proof)[:4] == ("b", "b > 2", 2, 4)
    assert dataclasses.astuple(recovered.proof)[:4] == ("b", "b < 1", 1, 0.5)


def test_a_moving_devices_transition_tells_where_it_was_and_every_ones_its_origin() -> None:
    city = City(book("expr: speed > 80", scope="{profile: bus}"), builders.fleet("bus"))
    row = {"speed": 90.0, "lon_deg": 118.2, "lat_deg": 39.6}

    (fired,) = city.take(1, [builders.frame("bus", [(0, 1, row)], origin=Origin.REPLAYED)]).transitions

    assert (fired.lon_deg, fired.lat_deg, fired.origin) == (118.2, 39.6, Origin.REPLAYED)


def test_a_silence_has_the_origin_of_the_last_reading() -> None:
    city = City(book("absent_for: 3 intervals"), builders.fleet(PROFILE))
    city.hear(1, (0, 1, {"tilt": 1}), origin=Origin.SIMULATED)
    for second in range(2, 32):
        city.hear(second)

    (fired,) = city.take(32, []).transitions

    assert fired.origin == Origin.SIMULATED


@pytest.mark.parametrize("frames", [[], [builders.frame(PROFILE, [], channels=("tilt",))]])
def test_nothing_heard_is_nothing_told(frames: list[Frame]) -> None:
    assert City(book("expr: tilt > 15", "expr: change_per_second(tilt) > 1")).take(1, frames).transitions == ()


def test_an_empty_fleet_and_an_empty_rule_book_are_no_problem() -> None:
    nobody = builders.fleet([])

    assert engine.step(engine.initial(Rulebook(), nobody), [], Rulebook(), nobody, START).transitions == ()
    assert City(book("absent_for: 3 intervals"), nobody).hear(1) == []
