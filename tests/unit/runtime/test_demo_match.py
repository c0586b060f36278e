from dataclasses import replace

import pytest

from runtime.demo.count import Count
from runtime.demo.match import Injected, Seen, cut_short, match, quantile, without
from runtime.demo.report import Report

FAULT = Injected(
    fault_id=1,
    kind="cover_displaced",
    rule="CoverDisplaced",
    device_label="MC-1",
    unit_grid_code="130203001001001",
    is_moving=False,
    start_ms=10_000,
    end_ms=40_000,
    detect_by_ms=15_000,
)
INCIDENT = Seen(
    incident_id=7,
    rule="CoverDisplaced",
    severity="critical",
    device_label="MC-1",
    unit_grid_code="130203001001001",
    fired_ms=10_020,
)


def test_an_incident_of_the_right_rule_device_grid_and_time_is_matched() -> None:
    verdict = match([FAULT], [INCIDENT], {})

    assert (verdict.matched, verdict.missed, verdict.unexplained) == ({1: 7}, (), ())


@pytest.mark.parametrize(
    "wrong",
    [{"rule": "LeakageCurrent"}, {"device_label": "MC-2"}, {"fired_ms": 9_999}, {"fired_ms": 55_001}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_incident_that_differs_leaves_the_fault_missed_and_itself_unexplained(wrong: dict[str, object]) -> None:
    other = replace(INCIDENT, **wrong)

    verdict = match([FAULT], [other], {})

    assert (verdict.matched, verdict.missed, verdict.unexplained) == ({}, (FAULT,), (other,))


def test_the_wrong_grid_is_named_apart() -> None:
    elsewhere = replace(INCIDENT, unit_grid_code="130203001001002")

    assert match([FAULT], [elsewhere], {}).misplaced == ((FAULT, elsewhere),)


def test_a_vehicle_s_grid_is_the_one_it_published_from() -> None:
    bus = replace(FAULT, is_moving=True)
    there = replace(INCIDENT, unit_grid_code="130203001001009")

    assert match([bus], [there], {("MC-1", 10_020): "130203001001009"}).matched == {1: 7}
    assert match([bus], [there], {("MC-1", 10_020): "130203001001001"}).matched == {}


def test_a_second_incident_of_one_fault_is_explained_but_matches_nothing_more() -> None:
    again = replace(INCIDENT, incident_id=8, fired_ms=20_000)

    verdict = match([FAULT], [again, INCIDENT], {})

    assert (verdict.matched, verdict.unexplained) == ({1: 7}, ())


def test_a_fault_of_many_is_found_on_any_of_them_and_explains_what_single_ones_said_before() -> None:
    flood = replace(FAULT, rule="FloodInPatrolGrid", together=("MC-1", "MC-2", "MC-3"), also=("WaterRising",))
    single = replace(INCIDENT, incident_id=6, rule="WaterRising", device_label="MC-1", fired_ms=10_010)
    case = replace(INCIDENT, rule="FloodInPatrolGrid", device_label="MC-3", unit_grid_code="130203001001009")

    assert match([flood], [single, case], {}).matched == {1: 7}
    assert match([flood], [single, case], {}).unexplained == ()
    assert match([flood], [single], {}).missed == (flood,)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_a_quantile_is_the_smallest_sample_that_covers_the_share(share: float, expected: float) -> None:
    assert quantile([float(n) for n in range(100, 0, -1)], share) == expected


def test_no_samples_have_no_quantile() -> None:
    assert quantile([], 0.5) is None


def _report(count: Count, incidents: list[Seen]) -> Report:
    return Report(
        components=60,
        devices=4,
        seconds=10,
        count=count,
        faults=1,
        incidents=len(incidents),
        verdict=match([FAULT], incidents, {}),
        visible_s=(0.1, 0.3),
        refused=0,
        restarts=0,
    )


def test_a_clean_run_is_a_success_with_the_promised_fields() -> None:
    report = _report(Count(sent=100, stored=100, bad_sent=3, dead_letters=3), [INCIDENT])

    assert report.failures() == []
    assert report.as_json() == {
        "components": 60,
        "devices": 4,
        "sent": 103,
        "stored": 100,
        "lost": 0,
        "duplicated": 0,
        "dead_letters": 3,
        "faults": 1,
        "incidents": 1,
        "matched": 1,
        "unexplained": 0,
        "visible_p50_s": 0.1,
        "visible_p99_s": 0.3,
    }


@pytest.mark.parametrize(
    "count",
    [Count(sent=0), Count(sent=9, lost=1), Count(sent=9, duplicated=1), Count(sent=9, unacknowledged=1)],
    ids=["nothing", "lost", "duplicated", "unacknowledged"],
)
def test_whatever_is_lost_doubled_or_unknown_fails_the_run(count: Count) -> None:
    assert len(_report(count, [INCIDENT]).failures()) == 1


def test_a_missed_fault_fails_the_run_and_is_named() -> None:
    assert _report(Count(sent=9, stored=9), []).failures() == [
        "fault 1 (cover_displaced on MC-1) raised no CoverDisplaced"
    ]


def test_a_fault_that_nobody_could_have_found_yet_is_left_out_when_a_run_is_ended_early() -> None:
    early, late = FAULT, replace(FAULT, fault_id=2, detect_by_ms=30_000)
    verdict = match([early, late], [], {})

    unfinished = cut_short(verdict, ended_ms=20_000)

    assert unfinished == (late,)
    assert without(verdict, unfinished).missed == (early,)
