import itertools

import pytest

from core.errors import InvalidInput
from runtime.demo.match import Injected, Verdict, match
from simulators import scenario, spread
from simulators.feed import Feed, Setup
from simulators.scenario import Plan
from tests.unit.simulators.fleets import MIDNIGHT, NOON, Bench, injected, setup, small_roster

DEMO = scenario.named("demo")


def _only(kind: str) -> scenario.Scenario:
    chosen = tuple(it for it in DEMO.faults if it.kind == kind)
    return scenario.Scenario(scenario="one", title_zh="一", title_en="one", faults=chosen)


def _verdict(feed_setup: Setup, start: float, seconds: int) -> tuple[list[Injected], Verdict]:
    faults = list(spread.faults(feed_setup.scenario, feed_setup.roster, feed_setup.plan))
    told = [injected(fault, feed_setup.roster, start) for fault in faults if fault.stands_for_all]
    return told, match(told, Bench(feed_setup.roster).run(Feed(feed_setup), start, seconds), {})


@pytest.mark.parametrize("kind", [it.kind for it in DEMO.faults])
def test_each_fault_trips_its_rule_in_time_and_no_other(kind: str) -> None:
    spec = next(it for it in DEMO.faults if it.kind == kind)
    start = MIDNIGHT if spec.when == "lit" else NOON

    told, verdict = _verdict(setup(_only(kind), start=start, per_minute=3, until_s=200, each=24), start, 200)

    assert told
    assert verdict.unexplained == ()
    assert verdict.missed == ()


@pytest.mark.parametrize("start", [NOON, MIDNIGHT])
def test_a_busy_minute_of_all_kinds_is_explained_fault_by_fault(start: float) -> None:
    told, verdict = _verdict(setup(start=start, per_minute=30, until_s=240, each=60), start, 240)

    assert len(told) > 60
    assert (verdict.missed, verdict.unexplained) == ((), ())


def test_a_fault_of_many_strikes_one_cell_and_others_keep_away() -> None:
    plan = Plan(seed=5, start_epoch_s=NOON, per_minute=60, until_s=900)
    devices = small_roster(60)
    water = [it for it in spread.faults(DEMO, devices, plan) if it.kind.apart_in == "patrol_grid"]
    floods = {it.together for it in water if it.together}

    assert floods
    for flood in floods:
        cells = {devices.patrol_code[device] for device in flood}
        others = {devices.patrol_code[it.device] for it in water if it.together != flood}
        assert len(cells) == 1
        assert 3 <= len(flood) <= 4
        assert not cells & others


def test_a_run_sees_every_kind_that_fits_before_any_kind_twice() -> None:
    plan = Plan(seed=1, start_epoch_s=NOON, per_minute=60, until_s=None)
    by_day = {kind.kind for kind in DEMO.faults if kind.when != "lit"}

    told = (fault for fault in spread.faults(DEMO, small_roster(60), plan) if fault.stands_for_all)
    first = list(itertools.islice(told, len(by_day)))

    assert {fault.kind.kind for fault in first} == by_day


def test_every_fault_of_a_finite_run_can_be_detected_before_its_end() -> None:
    plan = Plan(seed=3, start_epoch_s=NOON, per_minute=60, until_s=60)

    assert all(fault.detect_by_s <= 60 for fault in spread.faults(DEMO, small_roster(30), plan))


def test_no_device_has_two_faults_at_once() -> None:
    plan = Plan(seed=3, start_epoch_s=NOON, per_minute=120, until_s=None)
    last_end: dict[int, float] = {}
    for fault in itertools.islice(spread.faults(DEMO, small_roster(20), plan), 300):
        assert fault.start_s > last_end.get(fault.device, 0.0)
        last_end[fault.device] = fault.end_s


def test_no_rate_means_no_faults() -> None:
    plan = Plan(seed=3, start_epoch_s=NOON, per_minute=0, until_s=None)

    assert list(spread.faults(DEMO, small_roster(), plan)) == []


def test_a_label_names_rule_device_and_grids() -> None:
    plan = Plan(seed=1, start_epoch_s=NOON, per_minute=60, until_s=60)
    devices = small_roster()
    fault = next(spread.faults(_only("leakage"), devices, plan))

    label = scenario.label(fault, devices, round(NOON * 1000))

    assert label == {
        "fault_id": 1,
        "kind": "leakage",
        "rule": "LeakageCurrent",
        "device_label": devices.label[fault.device],
        "profile": "streetlight",
        "unit_grid_code": devices.unit_grid_code[fault.device],
        "patrol_grid_code": devices.patrol_code[fault.device],
        "together": [],
        "also": [],
        "start_ms": round((NOON + fault.start_s) * 1000),
        "end_ms": round((NOON + fault.end_s) * 1000),
        "detect_by_ms": round((NOON + fault.detect_by_s) * 1000),
    }


@pytest.mark.parametrize("name", [file.stem for file in scenario.SCENARIOS.glob("*.yaml")])
def test_every_shipped_scenario_can_be_read(name: str) -> None:
    assert scenario.named(name).scenario == name


def test_a_wrong_scenario_names_file_and_field() -> None:
    with pytest.raises(InvalidInput, match=r"x\.yaml.*faults\[0\]"):
        scenario.parse("scenario: x\ntitle_zh: x\ntitle_en: x\nfaults: [{kind: a}]", "x.yaml")


def test_an_unknown_scenario_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="demo, healthy"):
        scenario.named("nonsense")
