"""Profiles, health and the life cycle: pure decisions."""

from datetime import UTC, datetime, timedelta

import pytest

from components_registry import taxonomy
from core.errors import Conflict, InvalidInput
from devices.health import Health, health
from devices.life import State, step
from devices.profile import SHIPPED, parse, shipped

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MANHOLE = (SHIPPED / "manhole_cover.toml").read_text(encoding="utf-8")


def test_every_shipped_device_type_has_a_kind_of_its_own() -> None:
    kinds = [profile.kind for profile in shipped().values()]

    assert len(set(kinds)) == len(kinds) == 19


def test_every_class_that_a_shipped_device_stands_on_is_in_the_catalogue() -> None:
    carried = {code for profile in shipped().values() for code in profile.classes}

    assert carried <= taxonomy.TANGSHAN.classes.keys()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('unit = "deg"', "unit = 1", "Expected `str`"),
        ('name = "water_m"', 'name = "tilt_deg"', "a channel is named twice"),
        ("max = 180", "max = -1", "channel tilt_deg: min must be below max"),
        ("version = 1", "version = 1\nmoving = true", "needs channels lon_deg and lat_deg"),
        ("version = 1", "version = 1\ncolour = 2", "unknown field `colour`"),
        ("version = 1", "version =", "Invalid value"),
    ],
)
def test_a_wrong_profile_names_its_file_and_fault(old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=f"mine.toml: .*{said}"):
        parse(MANHOLE.replace(old, new, 1), "mine.toml")


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        (None, Health.NEVER),
        (0, Health.ONLINE),
        (15, Health.ONLINE),
        (16, Health.LATE),
        (30, Health.LATE),
        (31, Health.SILENT),
    ],
)
def test_health_goes_by_the_devices_own_interval(age_s: float | None, expected: Health) -> None:
    seen = None if age_s is None else NOW - timedelta(seconds=age_s)

    assert health(seen, 10, NOW) == expected


def test_a_listed_step_of_the_life_cycle_is_allowed() -> None:
    assert step("MC-1", State.IN_SERVICE, State.MAINTENANCE, reason="works").to is State.MAINTENANCE


def test_an_unlisted_step_is_refused_and_says_what_is_possible() -> None:
    with pytest.raises(Conflict, match="MC-1 is replaced: it cannot become in_service; possible: installed, retired"):
        step("MC-1", State.REPLACED, State.IN_SERVICE)


def test_nothing_follows_retirement() -> None:
    with pytest.raises(Conflict, match="at its end"):
        step("MC-1", State.RETIRED, State.IN_SERVICE)
