"""Where buckets begin, which level answers, and that parts meet without a gap."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from storage import levels
from storage.levels import EPOCH, Level, Part

CITY = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEPT = dict.fromkeys(Level, EPOCH)


def test_a_day_begins_at_midnight_of_the_city():
    assert levels.floor(Level.DAY, NOON, CITY) == datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
    assert levels.ceil(Level.DAY, NOON, CITY) == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def test_a_day_on_which_clocks_change_has_another_length():
    berlin = ZoneInfo("Europe/Berlin")
    start = levels.floor(Level.DAY, datetime(2026, 3, 29, 12, 0, tzinfo=UTC), berlin)

    assert levels.after(Level.DAY, start, berlin) - start == timedelta(hours=23)


@pytest.mark.parametrize(
    ("zone", "level"), [("Asia/Shanghai", Level.HOUR), ("Asia/Kolkata", Level.FINE), ("Asia/Kathmandu", Level.FINE)]
)
def test_a_day_is_added_up_from_hours_unless_it_begins_in_the_middle_of_one(zone: str, level: Level):
    there = ZoneInfo(zone)
    start = levels.floor(Level.DAY, NOON, there)

    assert levels.source(there, start, levels.after(Level.DAY, start, there)) is level


@pytest.mark.parametrize(
    ("width_s", "level"),
    [(1, Level.RAW), (30, Level.RAW), (60, Level.MINUTE), (120, Level.MINUTE), (300, Level.FINE), (1800, Level.FINE),
     (3600, Level.HOUR), (43_200, Level.HOUR), (86_400, Level.DAY), (7 * 86_400, Level.DAY)],
)  # fmt: skip
def test_the_coarsest_level_that_divides_a_bucket_answers(width_s: int, level: Level):
    assert levels.choose(width_s, NOON, KEPT) == (level, width_s)


@pytest.mark.parametrize(
    ("dropped", "width_s", "chosen"),
    [
        ({Level.MINUTE}, 60, (Level.RAW, 60)),
        ({Level.MINUTE, Level.RAW}, 60, (Level.FINE, 300)),
        ({Level.RAW}, 1, (Level.FINE, 300)),
        ({Level.RAW, Level.FINE}, 900, (Level.HOUR, 3600)),
        ({Level.RAW, Level.FINE, Level.HOUR}, 900, (Level.DAY, 86_400)),
    ],
)
def test_what_is_no_longer_kept_is_answered_coarser(dropped: set[Level], width_s: int, chosen: tuple[Level, int]):
    keeps_from = KEPT | dict.fromkeys(dropped, NOON + timedelta(days=1))

    assert levels.choose(width_s, NOON, keeps_from) == chosen


def test_the_middle_comes_from_the_level_and_the_rest_from_finer_ones():
    start, end = NOON - timedelta(hours=3, minutes=12), NOON + timedelta(minutes=7)
    rolled_to = {Level.HOUR: NOON, Level.FINE: NOON + timedelta(minutes=5)}

    parts = levels.cover(Level.HOUR, start, end, rolled_to, CITY)

    assert parts == (
        Part(Level.RAW, start, start + timedelta(minutes=2)),
        Part(Level.FINE, start + timedelta(minutes=2), NOON - timedelta(hours=3)),
        Part(Level.HOUR, NOON - timedelta(hours=3), NOON),
        Part(Level.FINE, NOON, NOON + timedelta(minutes=5)),
        Part(Level.RAW, NOON + timedelta(minutes=5), end),
    )


def test_nothing_rolled_up_yet_is_read_from_readings():
    assert levels.cover(Level.DAY, NOON, NOON + timedelta(days=9), KEPT, CITY) == (
        Part(Level.RAW, NOON, NOON + timedelta(days=9)),
    )
