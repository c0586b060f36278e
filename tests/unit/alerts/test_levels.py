from dataclasses import replace

from alerts.levels import Held, Level, LevelRules, Place, area_of, start

RULES = LevelRules(
    {
        ("severity", "critical"): "district",
        ("class", "0149"): "city",
        ("place", "street_boundary"): "district",
        ("place", "district_boundary"): "city",
        ("place", "main_street"): "district",
    }
)
HERE = Place(streets=("130202001",), district_code="130202", districts=("130202",))


def test_an_incident_begins_at_the_street_it_lies_in() -> None:
    assert start("0101", "major", HERE, RULES) == Held(Level.STREET, "130202001", "place")


def test_what_the_city_says_begins_above() -> None:
    neighbours = ("130202001", "130202002")

    found = [
        start("0101", "critical", HERE, RULES),
        start("0149", "critical", HERE, RULES),
        start("0101", "major", replace(HERE, streets=neighbours), RULES),
        start("0101", "major", replace(HERE, streets=neighbours, districts=("130202", "130203")), RULES),
        start("0101", "major", replace(HERE, on_main_street=True), RULES),
    ]

    assert found == [
        Held(Level.DISTRICT, "130202", "severity critical"),
        Held(Level.CITY, "130200", "class 0149"),
        Held(Level.DISTRICT, "130202", "place street_boundary"),
        Held(Level.CITY, "130200", "place district_boundary"),
        Held(Level.DISTRICT, "130202", "place main_street"),
    ]


def test_an_unclear_owner_is_the_district_s() -> None:
    assert start("0101", "major", replace(HERE, owner_is_unclear=True), RULES).reason == "owner unclear"


def test_without_a_grid_the_district_holds_it() -> None:
    assert start("0101", "major", replace(HERE, streets=()), RULES) == Held(Level.DISTRICT, "130202", "street unknown")


def test_the_area_of_a_level() -> None:
    code = "130202001003"

    assert [area_of(level, code) for level in Level] == ["130202001", "130202", "130200"]
