"""Profiles, health and the life cycle: pure decisions."""

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import Conflict, InvalidInput
from devices.health import Health, health
from devices.model import State, require_transition
from devices.profile import SHIPPED, parse, shipped

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MANHOLE = (SHIPPED / "manhole_cover.toml").read_text(encoding="utf-8")


def test_four_device_types_are_shipped_with_distinct_kinds() -> None:
    assert {name: profile.kind for name, profile in shipped().items()} == {
        "bus": "bus",
        "camera": "camera",
        "manhole_cover": "manhole",
        "streetlight": "streetlight",
    }


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
    require_transition("MC-1", State.IN_SERVICE, State.MAINTENANCE)


def test_an_unlisted_step_is_refused_and_says_what_is_possible() -> None:
    with pytest.raises(Conflict, match="MC-1 is replaced: it cannot become in_service; possible: retired"):
        require_transition("MC-1", State.REPLACED, State.IN_SERVICE)


def test_nothing_follows_retirement() -> None:
    with pytest.raises(Conflict, match="at its end"):
        require_transition("MC-1", State.RETIRED, State.IN_SERVICE)
