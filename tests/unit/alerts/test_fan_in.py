"""Cases: of a component, of a spot, of many devices; they open once, grow, merge, give way and recover."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
import shapely

from alerts.case import Joining, Merging, Opening
from alerts.case_memory import Case
from alerts.engine import Kind
from alerts.matcher import Matcher, parse
from alerts.mute import InhibitRule, Silence
from alerts.together import SamePlace, Together
from geo.places import Links
from tests.case_scene import EPOCH, SECOND, Scene, rule
from tests.squares import BESIDE_DEG, city_of_squares

ROW = [(0, 0), (0.2, 0), (0.4, 0), (1, 0), (2, 0), (2.2, 0)]
"""Three in the first square, one next door, two in the third; all in the first row."""


def flood(**more: object) -> Together:
    return Together(**{"in_": "unit_grid", "at_least": 3, **more})  # type: ignore[arg-type]


def test_a_device_on_nothing_has_a_case_of_its_own() -> None:
    scene = Scene([(0, 0)], rule("Silent"))

    assert scene.fire("Silent", 0, 1) == ["Silent/device:1 opens with 0"]
    assert scene.recover("Silent", 0, 2) == ["Silent/device:1 recovers"]
    assert scene.fire("Silent", 0, 3) == ["Silent/device:1 opens with 0"]


def test_two_sensors_on_one_cover_are_one_case_that_recovers_when_both_have() -> None:
    scene = Scene([(0, 0), (0, 0)], rule("Displaced"), component=[7, 7])

    assert scene.fire("Displaced", 0, 1) == ["Displaced/component:7 opens with 0"]
    assert scene.fire("Displaced", 1, 2) == ["1 joins Displaced/component:7"]
    assert scene.recover("Displaced", 0, 3) == ["0 leaves Displaced/component:7"]
    assert scene.recover("Displaced", 1, 4) == ["Displaced/component:7 recovers"]
    assert not scene.cases.firings
    assert not scene.cases.cases


def test_a_recovery_of_what_nobody_remembers_is_told_of_the_device() -> None:
    assert Scene([(0, 0)], rule("Silent")).recover("Silent", 0, 1) == ["Silent/device:1 recovers"]


class TestSpots:
    NEAR = SamePlace(radius_m=50, within_us=600 * SECOND)

    def scene(self) -> Scene:
        return Scene([(0, 0)] * 3, rule("Pothole", same_place=self.NEAR))

    def at(self, column: float) -> dict[str, float]:
        return {"lon_deg": 118 + column * BESIDE_DEG, "lat_deg": 39.0}

    def test_reports_from_one_spot_are_one_case_until_the_last_is_old(self) -> None:
        scene = self.scene()

        assert scene.fire("Pothole", 0, 0, **self.at(0)) == ["Pothole/device:1 opens with 0"]
        assert scene.recover("Pothole", 0, 5) == []
        assert scene.fire("Pothole", 1, 300, **self.at(0.1)) == ["1 joins Pothole/device:1"]
        assert scene.recover("Pothole", 1, 305) == []
        assert scene.tick(700) == ["0 leaves Pothole/device:1"]
        assert scene.tick(901) == ["Pothole/device:1 recovers"]

    def test_a_report_from_elsewhere_is_another_case(self) -> None:
        scene = self.scene()
        scene.fire("Pothole", 0, 0, **self.at(0))

        assert scene.fire("Pothole", 1, 10, **self.at(1)) == ["Pothole/device:2 opens with 1"]

    def test_a_device_that_reports_elsewhere_leaves_the_spot_it_reported_before(self) -> None:
        scene = self.scene()
        scene.fire("Pothole", 0, 0, **self.at(0))
        scene.fire("Pothole", 1, 10, **self.at(0))
        scene.recover("Pothole", 1, 20)

        assert scene.fire("Pothole", 1, 30, **self.at(1)) == [
            "1 leaves Pothole/device:1",
            "Pothole/device:2 opens with 1",
        ]


class TestTogether:
    def test_it_opens_when_enough_fire_grows_next_door_and_recovers_when_too_few_are_left(self) -> None:
        scene = Scene(ROW, rule("Flood", together=flood()))

        assert scene.fire("Flood", 0, 1) == []
        assert scene.fire("Flood", 1, 2) == []
        assert scene.fire("Flood", 2, 3) == ["Flood/unit_grid:1 opens with 0, 1, 2"]
        assert scene.fire("Flood", 3, 4) == ["3 joins Flood/unit_grid:1"]
        assert scene.fire("Flood", 4, 5) == [], "two squares away"
        assert scene.recover("Flood", 3, 6) == ["3 leaves Flood/unit_grid:1"]
        assert scene.recover("Flood", 0, 7) == ["Flood/unit_grid:1 recovers"]
        assert scene.fire("Flood", 0, 8) == ["Flood/unit_grid:1 opens with 0, 1, 2"]

    def test_its_geometry_is_the_grid_and_then_the_union_of_the_grids_touched(self) -> None:
        scene = Scene(ROW, rule("Flood", together=flood()))
        for number in range(4):
            scene.fire("Flood", number, number)

        opening, joining = scene.said
        assert isinstance(opening, Opening)
        assert isinstance(joining, Joining)
        assert shapely.from_wkb(opening.geometry).area == pytest.approx(BESIDE_DEG**2)
        assert shapely.from_wkb(joining.geometry).area == pytest.approx(2 * BESIDE_DEG**2)
        assert [member.slot for member in opening.joined] == [0, 1, 2]

    def test_without_merging_next_door_is_another_place(self) -> None:
        scene = Scene(ROW, rule("Flood", together=flood(merge=False)))
        for number in range(3):
            scene.fire("Flood", number, number)

        assert scene.fire("Flood", 3, 4) == []

    def test_two_cases_that_come_to_touch_go_on_as_the_older_one(self) -> None:
        at = [(0, 0), (0.2, 0), (2, 0), (2.2, 0), (1, 0)]
        scene = Scene(at, rule("Flood", together=flood(at_least=2)))
        for number in (2, 3, 0, 1):
            scene.fire("Flood", number, 10 - number if number > 1 else 10 + number)
        assert sorted(scene.cases.cases) == ["Flood/unit_grid:1", "Flood/unit_grid:3"]

        said = scene.fire("Flood", 4, 20)

        assert said == ["Flood/unit_grid:1 merges into Flood/unit_grid:3", "4 joins Flood/unit_grid:3"]
        case = scene.cases.cases["Flood/unit_grid:3"]
        assert case.members == frozenset(range(5))
        assert case.nodes == {1, 2, 3}

    def test_one_case_that_moved_on_leaves_its_name_for_no_other(self) -> None:
        at = [(0, 0), (0, 0), (1, 0), (1, 0), (2, 0), (2, 0)]
        scene = Scene(at, rule("Flood", together=flood(at_least=2)))
        for slot in range(6):
            scene.fire("Flood", slot, slot)
        for slot in range(4):
            scene.recover("Flood", slot, 10 + slot)
        assert scene.cases.cases["Flood/unit_grid:1"].members == {4, 5}
        scene.fire("Flood", 0, 20)

        assert scene.fire("Flood", 1, 21) == ["Flood/unit_grid:1/2 opens with 0, 1"]

    def test_a_device_counts_for_a_while_after_it_began_even_when_it_recovers(self) -> None:
        scene = Scene(ROW, rule("Flood", together=flood(within_us=60 * SECOND)))
        scene.fire("Flood", 0, 0)
        scene.recover("Flood", 0, 10)
        scene.fire("Flood", 1, 20)

        assert scene.fire("Flood", 2, 59) == ["Flood/unit_grid:1 opens with 0, 1, 2"]
        assert scene.tick(61) == ["Flood/unit_grid:1 recovers"]

    def test_a_device_that_fires_again_while_it_counts_stays(self) -> None:
        scene = Scene(ROW, rule("Flood", together=flood(within_us=60 * SECOND)))
        for slot in range(3):
            scene.fire("Flood", slot, slot)
        scene.recover("Flood", 0, 10)
        scene.fire("Flood", 0, 20)

        assert scene.tick(300) == []

    def test_a_case_can_be_asked_to_stay_until_fewer_are_left(self) -> None:
        scene = Scene(ROW, rule("Flood", together=flood(clear_below=2)))
        for slot in range(3):
            scene.fire("Flood", slot, slot)

        assert scene.recover("Flood", 0, 10) == ["0 leaves Flood/unit_grid:1"]
        assert scene.fire("Flood", 3, 11) == ["3 joins Flood/unit_grid:1"]
        assert scene.recover("Flood", 1, 12) == ["1 leaves Flood/unit_grid:1"]
        assert scene.recover("Flood", 2, 13) == ["Flood/unit_grid:1 recovers"]

    def test_a_share_is_of_the_devices_in_scope_and_in_service(self) -> None:
        scene = Scene([(0, 0)] * 5, rule("Dark", together=Together(in_="unit_grid", share=0.6)))
        scene.fire("Dark", 0, 1)

        assert scene.fire("Dark", 1, 2) == []
        assert scene.fire("Dark", 2, 3) == ["Dark/unit_grid:1 opens with 0, 1, 2"]

    def test_a_density_is_a_number_of_devices_on_the_area_of_the_grid(self) -> None:
        scene = Scene([(0, 0)] * 5, rule("Dense", together=Together(in_="unit_grid", per_km2=45)))
        scene.fire("Dense", 0, 1)  # the square has 0.06 km2: three devices are 50 a km2

        assert scene.fire("Dense", 1, 2) == []
        assert scene.fire("Dense", 2, 3) == ["Dense/unit_grid:1 opens with 0, 1, 2"]

    def test_within_a_radius_devices_hang_together_over_those_with_enough_around(self) -> None:
        at = [(0, 0), (0.2, 0), (0.4, 0), (0.6, 0), (2, 2)]
        scene = Scene(at, rule("Near", together=Together(in_="radius", radius_m=60, at_least=3)))
        for slot in (0, 2, 4):
            assert scene.fire("Near", slot, slot) == []

        assert scene.fire("Near", 1, 5) == ["Near/radius:2 opens with 0, 1, 2"]
        assert scene.fire("Near", 3, 6) == ["3 joins Near/radius:2"]
        joining = scene.said[-1]
        assert isinstance(joining, Joining)
        assert shapely.from_wkb(joining.geometry).geom_type == "LineString"

    def test_devices_along_a_street(self) -> None:
        scene = Scene([(0, 0), (2, 0), (1, 1)], rule("Street", together=Together(in_="street", at_least=2)))
        scene.fire("Street", 2, 0)
        scene.fire("Street", 0, 1)

        assert scene.fire("Street", 1, 2) == ["Street/street:1 opens with 0, 1"]

    def test_downstream_counts_what_lies_below_one_device(self) -> None:
        pipes = Links(upstream=np.array([11, 12, 14], np.int32), downstream=np.array([12, 13, 13], np.int32))
        scene = Scene(
            [(0, 0), (1, 0), (2, 0), (2, 1)],
            rule("Blocked", together=Together(in_="downstream", at_least=3)),
            component=[11, 12, 13, 14],
            city=city_of_squares(pipes=pipes),
        )
        scene.fire("Blocked", 3, 1)
        scene.fire("Blocked", 2, 2)

        assert scene.fire("Blocked", 1, 3) == [], "12 and 13 alone are below 12, and 13 below 14"
        assert scene.fire("Blocked", 0, 4) == ["Blocked/downstream:1 opens with 0, 1, 2"]

    def test_a_device_outside_all_cells_never_counts(self) -> None:
        scene = Scene([(9, 9)] * 3, rule("Flood", together=flood()))

        assert [scene.fire("Flood", slot, slot) for slot in range(3)] == [[], [], []]


class TestCircuits:
    def scene(self) -> Scene:
        circuits = Links(upstream=np.full(5, 900, np.int32), downstream=np.arange(1, 6, dtype=np.int32))
        together = Together(in_="circuit", share=0.6, replaces=("LampOut",))
        return Scene(
            [(number / 10, 0) for number in range(6)],
            rule("LampOut"),
            rule("CircuitOut", together=together),
            component=[1, 2, 3, 4, 5, 6],
            city=city_of_squares(circuits=circuits),
        )

    def dark(self, scene: Scene, slot: int, at_s: float) -> list[str]:
        both = [scene.transition(Kind.FIRED, name, slot, at_s) for name in ("LampOut", "CircuitOut")]
        return scene.step(both, at_s)

    def lit(self, scene: Scene, slot: int, at_s: float) -> list[str]:
        both = [scene.transition(Kind.RECOVERED, name, slot, at_s) for name in ("LampOut", "CircuitOut")]
        return scene.step(both, at_s)

    def test_a_circuit_out_is_one_case_on_its_cabinet_that_takes_in_the_lamps(self) -> None:
        scene = self.scene()

        assert self.dark(scene, 0, 1) == ["LampOut/component:1 opens with 0"]
        assert self.dark(scene, 1, 2) == ["LampOut/component:2 opens with 1"]
        assert self.dark(scene, 2, 3) == [
            "CircuitOut/circuit:900 opens with 0, 1, 2",
            "LampOut/component:1 merges into CircuitOut/circuit:900",
            "LampOut/component:2 merges into CircuitOut/circuit:900",
            "LampOut/component:3 is held back by CircuitOut/circuit:900",
        ]
        assert self.dark(scene, 3, 4) == [
            "3 joins CircuitOut/circuit:900",
            "LampOut/component:4 is held back by CircuitOut/circuit:900",
        ]
        assert self.dark(scene, 5, 5) == ["LampOut/component:6 opens with 5"], "on another circuit"
        opening = next(it for it in scene.said if isinstance(it, Opening) and it.component_id)
        assert (opening.component_id, opening.cell) == (900, 900)

    def test_what_is_dark_still_when_the_circuit_is_back_opens_by_itself(self) -> None:
        scene = self.scene()
        for slot in range(3):
            self.dark(scene, slot, slot)

        assert self.lit(scene, 0, 10) == [
            "LampOut/component:1 recovers",
            "CircuitOut/circuit:900 recovers",
            "LampOut/component:2 opens with 1",
            "LampOut/component:3 opens with 2",
        ]


class TestHeldBack:
    def silence(self, *, until_s: float) -> Silence:
        return Silence(
            silence_id=4,
            matchers=_matchers("alertname=Displaced"),
            starts_at=EPOCH,
            ends_at=EPOCH + timedelta(seconds=until_s),
            author="王",
            reason="works",
        )

    def test_what_is_silenced_opens_when_the_silence_ends_and_it_fires_still(self) -> None:
        scene = Scene([(0, 0), (1, 1)], rule("Displaced"))
        scene.cases.silences = (self.silence(until_s=100),)

        assert scene.fire("Displaced", 0, 1) == ["Displaced/device:1 is held back by silence:4"]
        assert scene.fire("Displaced", 1, 2) == ["Displaced/device:2 is held back by silence:4"]
        assert scene.tick(50) == []
        assert scene.recover("Displaced", 1, 60) == ["Displaced/device:2 recovers"]
        assert scene.tick(101) == ["Displaced/device:1 opens with 0"]

    def test_an_effect_opens_when_its_cause_is_over_and_it_fires_still(self) -> None:
        inhibit = InhibitRule(
            source_matchers=_matchers("alertname=PowerOut"), target_matchers=_matchers("alertname=Silent")
        )
        scene = Scene([(0, 0), (1, 1)], rule("PowerOut"), rule("Silent"), inhibit=[inhibit])
        scene.fire("PowerOut", 0, 1)

        assert scene.fire("Silent", 1, 2) == ["Silent/device:2 is held back by PowerOut/device:1"]
        assert scene.recover("PowerOut", 0, 3) == ["PowerOut/device:1 recovers", "Silent/device:2 opens with 1"]


def test_deciding_changes_nothing_until_it_is_committed() -> None:
    scene = Scene(ROW, rule("Flood", together=flood(at_least=2)))
    scene.fire("Flood", 0, 1)
    before = _memory(scene)
    transitions = [scene.transition(Kind.FIRED, "Flood", 1, 2)]

    assert scene.decided(transitions, 2).changes == scene.decided(transitions, 2).changes
    assert _memory(scene) == before


def test_a_merging_tells_the_union_of_both() -> None:
    at = [(0, 0), (0.2, 0), (2, 0), (2.2, 0), (1, 0)]
    scene = Scene(at, rule("Flood", together=flood(at_least=2)))
    for slot in range(5):
        scene.fire("Flood", slot, slot)

    merging = next(change for change in scene.said if isinstance(change, Merging))
    assert shapely.from_wkb(merging.geometry).area == pytest.approx(2 * BESIDE_DEG**2)


def _matchers(*texts: str) -> tuple[Matcher, ...]:
    return tuple(matcher for text in texts for matcher in _parsed(text))


def _parsed(text: str) -> Sequence[Matcher]:
    found = parse(text)
    return (found,) if isinstance(found, Matcher) else tuple(found)


def _memory(scene: Scene) -> tuple[dict[tuple[str, int], object], dict[str, Case]]:
    return dict(scene.cases.firings), dict(scene.cases.cases)
