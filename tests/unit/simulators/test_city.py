"""The synthetic city: its numbers, its codes, its contiguity; the same seed gives the same bytes."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import shapely

from components_registry.code import flaws
from components_registry.taxonomy import TANGSHAN
from devices.profile import shipped
from simulators.city.generate import City, generate, write
from simulators.city.ground import lay_out
from simulators.city.parts import shipped_mix
from simulators.city.plan import tangshan

DISTRICTS = {"130202", "130203", "130204", "130205"}


@pytest.fixture(scope="module")
def city() -> City:
    return generate(7)


def test_the_mix_places_548_000_components_of_all_116_classes_in_their_own_shape() -> None:
    mixes = shipped_mix()
    shape = {entry.class_code: ("point", "line", "polygon")[bool(entry.length_m) + bool(entry.width_m)]
             for entry in mixes}  # fmt: skip

    assert sum(entry.count for entry in mixes) == 548_000
    assert shape == {code: entry.geometry.value for code, entry in TANGSHAN.classes.items()}


def test_every_surveyed_street_has_communities_with_names_in_both_languages() -> None:
    plan = tangshan()

    for district in plan.districts:
        for street in district.streets:
            assert plan.areas[street].parent_code == district.code
            assert plan.communities_of(street)
    assert all(area.name_zh and area.name_en.isascii() for area in plan.areas.values())


def test_unit_grids_are_about_14_000_of_10_000_square_metres(city: City) -> None:
    assert abs(len(city.ground.number) - 14_000) <= 280
    assert len(set(city.ground.codes())) == len(city.ground.number)
    assert abs(city.ground.area_m2.mean() - 10_000) < 300
    assert 8_000 < city.ground.area_m2.min() <= city.ground.area_m2.max() < 12_500


def test_patrol_grids_are_150_pieces_of_one_district_each(city: City) -> None:
    assert len(set(city.patrol_codes)) == 150
    for patrol in range(150):
        members = city.ground.patrol == patrol
        assert {city.ground.district[cell] for cell in np.flatnonzero(members)} == {city.ground.patrol_district[patrol]}
        assert shapely.union_all(city.ground.polygon[members]).geom_type == "Polygon"


def test_components_have_good_unique_codes_in_the_district_they_stand_in(city: City) -> None:
    parts = city.parts

    assert len(parts.code) == len(np.unique(parts.code)) == 548_000
    assert len(np.unique(parts.class_code)) == 116
    assert not [flaw for flaw in flaws(parts.code, TANGSHAN, DISTRICTS) if flaw]
    assert parts.cell.min() >= 0
    assert (np.asarray(city.ground.district)[parts.cell] == np.asarray([code[:6] for code in parts.code])).all()


def test_devices_stand_on_components_their_profile_allows(city: City) -> None:
    profiles = shipped()
    held = set(city.parts.code.tolist())
    kinds = [device.profile for device in city.devices]

    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "manhole_cover": 2600, "streetlight": 1900, "camera": 350, "bus": 150,
    }  # fmt: skip
    assert len({device.label for device in city.devices}) == 5000
    for device in city.devices:
        if device.profile == "bus":
            assert device.component_code == ""
        else:
            assert device.component_code in held
            assert device.component_code[6:10] in profiles[device.profile].classes
    assert 450 < sum(1 / device.interval_s for device in city.devices) < 550


def test_bus_lines_run_for_kilometres(city: City) -> None:
    assert len(city.routes) == 15
    assert all(route.length_m > 2200 for route in city.routes)


@pytest.mark.long
def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_city(city: City, tmp_path: Path) -> None:
    summary = write(city, tmp_path / "a")
    again = write(generate(7), tmp_path / "b")

    assert again == summary
    assert summary["synthetic"] is True
    for name, digest in summary["files"].items():
        assert hashlib.sha256((tmp_path / "b" / name).read_bytes()).hexdigest() == digest
    other = lay_out(city.plan, np.random.default_rng(8))
    assert not np.array_equal(other.centre_m, city.ground.centre_m)
