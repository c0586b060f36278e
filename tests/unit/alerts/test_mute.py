"""Inhibition, silences and maintenance windows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from alerts import matcher, mute
from alerts.mute import InhibitRule, Silence, Standing, Subject
from core.errors import InvalidInput

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LAMP = {"alertname": "LampDark", "severity": "minor", "circuit": "C7", "district": "130202", "device": "lamp-1"}
CABINET = {"alertname": "CabinetOff", "severity": "major", "circuit": "C7", "district": "130202", "device": "cab-1"}
OFF_MUTES_DARK = InhibitRule(
    source_matchers=matcher.parse('alertname="CabinetOff"'),
    target_matchers=matcher.parse('alertname=~"Lamp.*"'),
    equal=("circuit",),
)


def subject(cause: str = "LampDark/device:1", lon: float = 118.1, **labels: str) -> Subject:
    return Subject(cause=cause, labels={**LAMP, **labels}, lon_deg=lon, lat_deg=39.6)


def silence(text: str = 'alertname="LampDark"', **more: object) -> Silence:
    fields: dict[str, object] = {
        "silence_id": 3, "matchers": matcher.parse(text), "starts_at": NOW, "ends_at": NOW + timedelta(hours=2),
        "author": "Li", "reason": "works on the cable", **more,
    }  # fmt: skip
    return Silence(**fields)  # type: ignore[arg-type]


def standing(**causes: dict[str, str]) -> Standing:
    made = Standing([OFF_MUTES_DARK])
    for cause, labels in causes.items():
        made.put(cause, labels)
    return made


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('severity="minor"', True),
        ("severity=minor", True),
        ('severity!="minor"', False),
        ('severity=~"minor|major"', True),
        ('severity=~"min"', False),
        ('severity!~"min"', True),
        ('team=""', True),
        ('team!=""', False),
        ('team=~".*"', True),
        ('{severity="minor", circuit="C7"}', True),
        ('severity="minor",circuit="C8"', False),
        ('"severity"="minor"', True),
        ('device="a\\"b"', False),
    ],
)
def test_a_matcher_means_what_it_means_in_alertmanager(text: str, matches: bool) -> None:
    assert matcher.every(matcher.parse(text), LAMP) is matches


@pytest.mark.parametrize(
    "text", ["severity", 'severity="a" x', "=a", 'a="b', 'a=~"("', 'a=~"(?=b)"', 'a="' + "x" * 1001 + '"']
)
def test_a_wrong_matcher_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        matcher.parse(text)


def test_a_hostile_expression_takes_no_time() -> None:
    (hostile,) = matcher.parse('device=~"(a*)*b"')

    assert not hostile.matches({"device": "a" * 100_000})


def test_a_matcher_is_written_as_it_is_read() -> None:
    (made,) = matcher.parse('device=~"a\\"b\\\\d"')

    assert matcher.parse(str(made)) == (made,)


def test_nothing_is_held_back_without_silences_and_rules() -> None:
    assert mute.muted_by(subject(), NOW, (), Standing()) is None


def test_a_silence_holds_back_from_its_start_until_its_end() -> None:
    at = [NOW - timedelta(seconds=1), NOW, NOW + timedelta(minutes=119), NOW + timedelta(hours=2)]

    assert [mute.muted_by(subject(), one, [silence()], Standing()) is not None for one in at] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_silence_says_who_and_why() -> None:
    muted = mute.muted_by(subject(), NOW, [silence()], Standing())

    assert muted is not None
    assert (muted.kind, muted.by) == ("silence", "3")
    assert muted.reason == "silenced by Li until 2026-11-20 11:00 UTC: works on the cable"


@pytest.mark.parametrize(("areas", "holds"), [(("130202",), True), (("130203",), False), (("130203", "P1"), True)])
def test_a_silence_of_areas_holds_in_any_of_them(areas: tuple[str, ...], holds: bool) -> None:
    assert silence(areas=areas).covers(subject(patrol_grid="P1"), NOW) is holds


def test_a_silence_of_areas_holds_in_their_unit_grids() -> None:
    street = silence(areas=("130202001",), unit_grids=frozenset({7}))

    assert street.covers(replace(subject(), unit_grid_id=7), NOW)
    assert not street.covers(subject(), NOW)


@pytest.mark.parametrize(("lon", "holds"), [(118.1, True), (118.2, True), (118.3, False), (float("nan"), False)])
def test_a_silence_of_a_polygon_holds_inside_and_on_its_edge(lon: float, holds: bool) -> None:
    assert silence(polygon=shapely.box(118.0, 39.5, 118.2, 39.7)).covers(subject(lon=lon), NOW) is holds


def test_a_maintenance_window_holds_only_at_its_times() -> None:
    class Mornings:
        def active(self, ts_us: NDArray[np.int64]) -> NDArray[np.bool_]:
            return ts_us // 3_600_000_000 % 24 < 10

    window = silence(windows=Mornings())

    assert window.covers(subject(), NOW)
    assert not window.covers(subject(), NOW + timedelta(hours=1))


def test_a_standing_cause_holds_back_its_effects() -> None:
    muted = mute.muted_by(subject(), NOW, (), standing(cabinet=CABINET))

    assert muted is not None
    assert (muted.kind, muted.by) == ("inhibition", "cabinet")


def test_another_circuit_is_not_held_back() -> None:
    assert mute.muted_by(subject(circuit="C8"), NOW, (), standing(cabinet=CABINET)) is None


def test_a_label_that_both_lack_is_equal() -> None:
    cabinet = {name: value for name, value in CABINET.items() if name != "circuit"}

    assert mute.muted_by(subject(circuit=""), NOW, (), standing(cabinet=cabinet)) is not None


def test_a_cause_that_is_over_holds_nothing_back() -> None:
    causes = standing(cabinet=CABINET)
    causes.drop("cabinet")

    assert mute.muted_by(subject(), NOW, (), causes) is None


def test_what_matches_both_sides_is_not_held_back_by_its_like() -> None:
    both = InhibitRule(source_matchers=matcher.parse('district="130202"'), target_matchers=matcher.parse("circuit=C7"))
    causes = Standing([both])
    causes.put("LampDark/device:2", LAMP)

    assert mute.muted_by(subject(), NOW, (), causes) is None

    causes.put("Flood", {"alertname": "Flood", "district": "130202"})
    muted = mute.muted_by(subject(), NOW, (), causes)
    assert muted is not None
    assert muted.by == "Flood"


def test_a_draft_changes_nothing_until_it_is_applied() -> None:
    causes = standing(cabinet=CABINET)
    draft = causes.draft()
    draft.drop("cabinet")

    assert draft.inhibitor(subject()) is None
    assert causes.inhibitor(subject()) is not None

    causes.apply(draft)
    assert causes.inhibitor(subject()) is None


def test_other_rules_look_at_the_same_causes() -> None:
    causes = Standing()
    causes.put("cabinet", CABINET)

    assert causes.with_rules([OFF_MUTES_DARK]).inhibitor(subject()) is not None
