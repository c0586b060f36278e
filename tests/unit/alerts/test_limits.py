from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from alerts import calendar_file, limits
from alerts.due import Limit, Stage, Unit, due
from alerts.limits import LimitTable
from alerts.work_calendar import PLANTING, Hours, Season, WorkDay
from core.errors import InvalidInput

HEAD = ",".join(limits.COLUMNS)
CALENDAR_HEAD = ",".join(calendar_file.COLUMNS)
SHIPPED = limits.shipped()
OTHERWISE = Limit(9, Unit.DAY)


def test_the_shipped_table_knows_a_displaced_cover_and_a_flooded_road() -> None:
    assert SHIPPED.stages("0101", "displaced", OTHERWISE) == (Stage("dispose", Limit(2, Unit.URGENT_HOUR)),)
    assert SHIPPED.stages("E0506", "flooded", OTHERWISE) == (Stage("dispose", Limit(2, Unit.URGENT_HOUR)),)
    assert SHIPPED.find("0506", "flooded") is None  # component 0506 is another thing


def test_every_shipped_limit_says_where_it_is_from() -> None:
    assert {limit.certainty for limit in SHIPPED.by_key.values()} == {"one city", "our choice"}


def test_gas_in_a_chamber_is_made_safe_first() -> None:
    assert [stage.name for stage in SHIPPED.stages("0111", "gas_high", OTHERWISE)] == ["make_safe", "repair"]


def test_without_a_condition_the_only_one_counts_and_without_a_limit_the_rule_s_own() -> None:
    assert SHIPPED.stages("E0506", "", OTHERWISE)[0].limit == Limit(2, Unit.URGENT_HOUR)
    assert SHIPPED.stages("0101", "", OTHERWISE) == (Stage("dispose", OTHERWISE),)
    assert LimitTable().stages("0101", "displaced", OTHERWISE) == (Stage("dispose", OTHERWISE),)


@pytest.mark.parametrize(
    ("class_code", "condition", "expected"),
    [
        ("", "", None),
        ("0101", "displaced", None),
        ("0101", "stolen", "has no limit for 'stolen'; there are: broken, displaced"),
        ("0101", "", "has several limits: say which in `condition`; there are: broken"),
        ("0999", "displaced", "class 0999 has no limit; its own deadline counts"),
    ],
)
def test_lacking_says_why_a_rule_has_no_limit(class_code: str, condition: str, expected: str | None) -> None:
    said = limits.lacking(class_code, condition, SHIPPED)

    assert (said is None) if expected is None else (said is not None and expected in said)


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("thing,0101,displaced,移位,displaced,2 urgent_hour,,s,c", "kind"),
        ("component,101,displaced,移位,displaced,2 urgent_hour,,s,c", "class_code"),
        ("component,0101,移位,移位,displaced,2 urgent_hour,,s,c", "condition"),
        ("component,0101,displaced,,displaced,2 urgent_hour,,s,c", "condition_zh"),
        ("component,0101,displaced,移位,displaced,2 hours,,s,c", "limit"),
        ("component,0101,displaced,移位,displaced,2 urgent_hour,,,c", "source"),
        ("component,0101", "condition"),
    ],
)
def test_a_wrong_line_is_named_with_its_column(line: str, column: str) -> None:
    found, mistakes = limits.read(f"{HEAD}\n{line}\n")

    assert found == []
    assert [(mistake.line, mistake.column) for mistake in mistakes] == [(2, column)]


def test_a_condition_that_stands_twice_is_a_mistake() -> None:
    line = "component,0101,displaced,移位,displaced,2 urgent_hour,恢复,s,c"

    found, mistakes = limits.read(f"\ufeff{HEAD}\n{line}\n{line}\n")

    assert len(found) == 1
    assert mistakes[0].detail == "0101 displaced stands twice"


def test_a_file_without_its_head_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"the columns .* are missing"):
        limits.read("a,b\n")
    with pytest.raises(InvalidInput, match=r"the columns .* are missing"):
        calendar_file.read("a,b\n")


def test_the_shipped_calendar_has_the_announced_holidays() -> None:
    calendar = calendar_file.shipped().calendar("Asia/Shanghai", WorkDay.HOURS)
    zone = ZoneInfo("Asia/Shanghai")

    # 2026-10-01 to 07 are off, Saturday the 10th is worked in exchange
    before = datetime(2026, 9, 30, 17, tzinfo=zone)
    assert due(before, Limit(2, Unit.WORK_HOUR), calendar) == datetime(2026, 10, 8, 9, tzinfo=zone)
    friday = datetime(2026, 10, 9, 17, tzinfo=zone)
    assert due(friday, Limit(2, Unit.WORK_HOUR), calendar) == datetime(2026, 10, 10, 9, tzinfo=zone)
    assert (len(calendar.holidays), len(calendar.worked_weekends)) == (89, 19)


def test_a_calendar_s_lines_are_hours_seasons_and_days() -> None:
    text = f"""{CALENDAR_HEAD}
hours,05-01,09-30,"1-3,6",07:30,11:30,,,s,c
planting,12-01,02-29,,,,,,s,c
off,2027-02-05,2027-02-07,,,,春节,Spring Festival,s,c
work,2027-02-13,,,,,,,s,c
"""

    content, mistakes = calendar_file.read(text)
    calendar = content.calendar("UTC", WorkDay.HOURS)

    assert mistakes == []
    assert calendar.hours == tuple(
        Hours(day, time(7, 30), time(11, 30), Season((5, 1), (9, 30))) for day in (0, 1, 2, 5)
    )
    assert calendar.planting == (Season((12, 1), (2, 29)),)
    assert calendar.holidays == {date(2027, 2, day) for day in (5, 6, 7)}
    assert calendar.worked_weekends == {date(2027, 2, 13)}


def test_what_a_calendar_does_not_mention_is_as_by_default() -> None:
    calendar = calendar_file.read(f"{CALENDAR_HEAD}\n")[0].calendar("UTC", WorkDay.HOURS)

    assert (calendar.planting, calendar.works_on(date(2026, 11, 20)), calendar.works_on(date(2026, 11, 21))) == (
        PLANTING,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("rest,,,,,,,,s,c", "what"),
        ("hours,01-01,12-31,1-5,18:00,08:00,,,s,c", "closes"),
        ("hours,01-01,12-31,1-5,8 am,12:00,,,s,c", "opens"),
        ("hours,01-01,12-31,5-1,08:00,12:00,,,s,c", "weekdays"),
        ("hours,13-01,12-31,1-5,08:00,12:00,,,s,c", "since"),
        ("planting,03-15,02-30,,,,,,s,c", "until"),
        ("off,2026-10-07,2026-10-01,,,,,,s,c", "until"),
        ("off,soon,,,,,,,s,c", "since"),
    ],
)
def test_a_wrong_line_of_a_calendar_is_named(line: str, column: str) -> None:
    _, mistakes = calendar_file.read(f"{CALENDAR_HEAD}\n{line}\n")

    assert [(mistake.line, mistake.column) for mistake in mistakes] == [(2, column)]


def test_a_day_that_stands_twice_is_a_mistake() -> None:
    _, mistakes = calendar_file.read(f"{CALENDAR_HEAD}\noff,2026-10-01,,,,,,,s,c\nwork,2026-10-01,,,,,,,s,c\n")

    assert [mistake.detail for mistake in mistakes] == ["2026-10-01 stands twice"]
