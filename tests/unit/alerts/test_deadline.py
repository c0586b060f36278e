from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.deadline import Calendar, Limit, Unit, due, parse
from core.errors import InvalidInput

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = {"Thu": 19, "Fri": 20, "Sat": 21, "Sun": 22, "Mon": 23, "Tue": 24, "Wed": 25}  # November 2026


def moment(text: str) -> datetime:
    day, clock = text.split()
    hour, minute = clock.split(":")
    return datetime(2026, 11, DAYS[day], int(hour), int(minute), tzinfo=ZONE)


@pytest.mark.parametrize(
    ("filed", "limit", "expected"),
    [
        # the six cases of Yuncheng's rules: work time 08-12 and 14-18, Monday to Friday
        ("Fri 17:30", "2 urgent_hour", "Fri 19:30"),
        ("Fri 17:00", "4 work_hour", "Mon 11:00"),
        ("Tue 11:00", "2 work_hour", "Tue 15:00"),
        ("Tue 22:00", "2 work_hour", "Wed 10:00"),
        ("Fri 10:00", "1 work_day", "Mon 10:00"),
        ("Fri 10:00", "2 urgent_day", "Sun 10:00"),
        # edges
        ("Fri 16:00", "2 work_hour", "Fri 18:00"),
        ("Tue 10:00", "2 work_hour", "Tue 12:00"),
        ("Tue 12:00", "1 work_hour", "Tue 15:00"),
        ("Tue 13:00", "1 work_hour", "Tue 15:00"),
        ("Sat 09:00", "1 work_hour", "Mon 09:00"),
        ("Thu 18:00", "1 work_day", "Fri 18:00"),
        ("Fri 10:00", "3 hour", "Fri 13:00"),
        ("Fri 10:00", "1 day", "Sat 10:00"),
        ("Fri 17:30", "0.5 work_hour", "Fri 18:00"),
    ],
)
def test_due_time(filed: str, limit: str, expected: str) -> None:
    assert due(moment(filed), parse(limit), Calendar()) == moment(expected)


def test_a_holiday_does_not_count() -> None:
    calendar = Calendar(holidays=frozenset({date(2026, 11, 23)}))

    assert due(moment("Fri 17:00"), parse("4 work_hour"), calendar) == moment("Tue 11:00")


def test_a_worked_saturday_counts() -> None:
    calendar = Calendar(worked_weekends=frozenset({date(2026, 11, 21)}))

    assert due(moment("Fri 17:00"), parse("4 work_hour"), calendar) == moment("Sat 11:00")


def test_a_change_of_the_clock_in_a_working_day_does_not_stretch_it() -> None:
    zone = ZoneInfo("Europe/Berlin")
    sunday = date(2026, 10, 25)  # the clock goes back at 03:00
    calendar = Calendar(timezone="Europe/Berlin", worked_weekends=frozenset({sunday}))

    result = due(datetime(2026, 10, 24, 20, 0, tzinfo=zone), Limit(1, Unit.WORK_HOUR), calendar)

    assert result == datetime(2026, 10, 25, 9, 0, tzinfo=zone)


def test_urgent_hours_run_through_a_change_of_the_clock() -> None:
    zone = ZoneInfo("Europe/Berlin")
    filed = datetime(2026, 10, 25, 1, 0, tzinfo=zone)

    result = due(filed, Limit(4, Unit.URGENT_HOUR), Calendar(timezone="Europe/Berlin"))

    assert result - filed.astimezone(ZoneInfo("UTC")) == timedelta(hours=4)


@pytest.mark.parametrize("text", ["2", "urgent_hour", "2 hours", "0 hour", "-1 hour", "2 紧急工作时", ""])
def test_a_wrong_limit_is_refused_with_the_units_there_are(text: str) -> None:
    with pytest.raises(InvalidInput, match="urgent_hour"):
        parse(text)


def test_a_calendar_nobody_works_in_is_refused() -> None:
    start = date(2026, 1, 1)
    holidays = frozenset(start + timedelta(days=n) for n in range(5000))

    with pytest.raises(InvalidInput, match="no 1 working hours within ten years"):
        due(moment("Fri 10:00"), Limit(1, Unit.WORK_HOUR), Calendar(holidays=holidays))
