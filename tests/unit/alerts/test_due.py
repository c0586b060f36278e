from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts import due as clocks
from alerts.due import Clock, Light, Limit, Marks, Stage, Unit, due, light, parse, stages, worked
from alerts.work_calendar import Calendar, Hours, Pace, Season, WorkDay
from core.errors import InvalidInput

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = {"Thu": 19, "Fri": 20, "Sat": 21, "Sun": 22, "Mon": 23, "Tue": 24, "Wed": 25}  # November 2026
CALENDAR = Calendar()


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
    assert due(moment(filed), parse(limit), CALENDAR) == moment(expected)


@pytest.mark.parametrize(
    ("filed", "limit", "expected"),
    [
        ("Fri 10:00", "1 work_day", "Mon 18:00"),
        ("Thu 08:00", "1 work_day", "Thu 18:00"),
        ("Fri 17:00", "4 work_hour", "Mon 11:00"),
        ("Fri 10:00", "2 urgent_day", "Sun 10:00"),
    ],
)
def test_read_to_the_end_of_the_day_only_working_days_get_its_rest(filed: str, limit: str, expected: str) -> None:
    calendar = Calendar(work_day=WorkDay.END_OF_DAY)

    assert due(moment(filed), parse(limit), calendar) == moment(expected)


def test_a_holiday_does_not_count() -> None:
    calendar = Calendar(holidays=frozenset({date(2026, 11, 23)}))

    assert due(moment("Fri 17:00"), parse("4 work_hour"), calendar) == moment("Tue 11:00")


def test_a_worked_saturday_counts() -> None:
    calendar = Calendar(worked_weekends=frozenset({date(2026, 11, 21)}))

    assert due(moment("Fri 17:00"), parse("4 work_hour"), calendar) == moment("Sat 11:00")


def test_summer_hours_are_hours_of_the_summer() -> None:
    summer, rest = Season((6, 1), (9, 30)), Season((10, 1), (5, 31))
    calendar = Calendar(
        hours=tuple(
            Hours(weekday, time(opens), time(12), season)
            for weekday in range(5)
            for opens, season in ((7, summer), (9, rest))
        )
    )

    in_summer = due(datetime(2026, 7, 1, tzinfo=ZONE), parse("1 work_hour"), calendar)
    in_winter = due(datetime(2026, 12, 1, tzinfo=ZONE), parse("1 work_hour"), calendar)

    assert in_summer == datetime(2026, 7, 1, 8, tzinfo=ZONE)
    assert in_winter == datetime(2026, 12, 1, 10, tzinfo=ZONE)


def test_planting_waits_for_the_season() -> None:
    calendar = Calendar(planting=(Season((3, 16), (5, 15)),))

    result = due(moment("Fri 10:00"), parse("1 planting_work_day"), calendar)

    assert result == datetime(2027, 3, 16, 18, 0, tzinfo=ZONE)


def test_a_season_may_run_over_new_year() -> None:
    winter = Season((12, 15), (1, 10))

    assert [winter.holds(date(2026, *day)) for day in ((12, 14), (12, 15), (1, 10), (1, 11))] == [
        False,
        True,
        True,
        False,
    ]


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

    assert result - filed.astimezone(UTC) == timedelta(hours=4)


@pytest.mark.parametrize("text", ["2", "urgent_hour", "2 hours", "0 hour", "-1 hour", "2 紧急工作时", "", "9000 hour"])
def test_a_wrong_limit_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"urgent_hour|longer than a year"):
        parse(text)


def test_a_calendar_nobody_works_in_is_refused() -> None:
    start = date(2026, 1, 1)
    holidays = frozenset(start + timedelta(days=n) for n in range(5000))

    with pytest.raises(InvalidInput, match="no 1 working hours within ten years"):
        due(moment("Fri 10:00"), Limit(1, Unit.WORK_HOUR), Calendar(holidays=holidays))


def test_a_limit_may_have_stages() -> None:
    found = stages("make_safe: 2 urgent_hour; repair: 3 work_day")

    assert found == (
        Stage("make_safe", Limit(2, Unit.URGENT_HOUR)),
        Stage("repair", Limit(3, Unit.WORK_DAY)),
    )
    assert clocks.stages(clocks.text_of(found)) == found
    assert clocks.from_json(clocks.to_json(found)) == found
    assert clocks.text_of(stages("2 urgent_hour")) == "2 urgent_hour"


@pytest.mark.parametrize("text", ["a: 1 hour; 2 hour", "a: 1 hour; a: 2 hour", "A: 1 hour", ": 1 hour", "a: 1 hour;"])
def test_stages_without_a_name_of_their_own_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="stage"):
        stages(text)


def test_a_weekend_in_a_suspension_moves_nothing() -> None:
    pause = (moment("Fri 18:00"), moment("Mon 08:00"))

    assert due(moment("Fri 17:00"), parse("4 work_hour"), CALENDAR, pauses=[pause]) == moment("Mon 11:00")


def test_a_working_hour_in_a_suspension_moves_it_by_an_hour() -> None:
    pause = (moment("Fri 17:00"), moment("Fri 18:00"))

    assert due(moment("Fri 17:00"), parse("4 work_hour"), CALENDAR, pauses=[pause]) == moment("Mon 12:00")


def test_a_suspension_after_it_was_due_moves_nothing() -> None:
    pause = (moment("Mon 11:30"), moment("Mon 17:00"))

    assert due(moment("Fri 17:00"), parse("4 work_hour"), CALENDAR, pauses=[pause]) == moment("Mon 11:00")


def test_what_is_worked_is_counted_as_the_unit_says() -> None:
    start, end = moment("Fri 17:00"), moment("Mon 09:00")

    assert worked(start, end, Unit.WORK_HOUR, CALENDAR) == timedelta(hours=2)
    assert worked(start, end, Unit.URGENT_HOUR, CALENDAR) == timedelta(hours=64)
    assert worked(end, start, Unit.WORK_HOUR, CALENDAR) == timedelta(0)


def test_a_clock_runs_pauses_runs_again_and_is_extended() -> None:
    clock = Clock(limit=parse("4 work_hour"), since=moment("Fri 17:00"))
    assert clock.marks(CALENDAR) == Marks(
        amber_at=moment("Mon 10:12"), due_at=moment("Mon 11:00"), twice_at=moment("Mon 17:00")
    )

    stands = clocks.paused(clock, moment("Mon 09:00"), CALENDAR)
    assert (stands.used, stands.since, stands.marks(CALENDAR)) == (timedelta(hours=2), None, None)

    again = clocks.resumed(stands, moment("Tue 08:00"))
    marks = again.marks(CALENDAR)
    assert marks is not None
    assert marks.due_at == moment("Tue 10:00")

    longer = clocks.extended(again, parse("4 work_hour"), moment("Tue 09:00"), CALENDAR).marks(CALENDAR)
    assert longer == Marks(amber_at=moment("Tue 14:24"), due_at=moment("Tue 16:00"), twice_at=moment("Wed 16:00"))


def test_what_was_overdue_before_a_pause_is_overdue_after_it() -> None:
    late = Clock(limit=parse("1 hour"), since=moment("Tue 10:00"), used=timedelta(hours=3))

    assert late.marks(CALENDAR) == Marks(
        amber_at=moment("Tue 10:00"), due_at=moment("Tue 10:00"), twice_at=moment("Tue 10:00")
    )


def test_working_time_is_not_extended_by_time_of_the_clock() -> None:
    clock = Clock(limit=parse("4 work_hour"), since=moment("Fri 17:00"))

    with pytest.raises(InvalidInput, match="4 work_hour"):
        clocks.extended(clock, parse("2 urgent_hour"), moment("Fri 17:30"), CALENDAR)


def test_the_light_is_amber_after_80_percent_and_red_after_all_of_it() -> None:
    marks = Clock(limit=parse("10 hour"), since=moment("Tue 00:00")).marks(CALENDAR)
    assert marks is not None

    seen = [light(moment(f"Tue {clock}"), marks) for clock in ("08:00", "08:01", "10:00", "10:01")]

    assert seen == [Light.GREEN, Light.AMBER, Light.AMBER, Light.RED]


def test_every_unit_has_a_pace() -> None:
    paces = {unit: Limit(1, unit).pace for unit in Unit}

    assert {unit for unit, pace in paces.items() if pace is not Pace.NATURAL} == {
        Unit.WORK_HOUR,
        Unit.WORK_DAY,
        Unit.PLANTING_WORK_DAY,
    }
