from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import clock, notation, schedulefile
from alerts.notation import Mistake
from alerts.schedule import Schedule

SHANGHAI = "Asia/Shanghai"


def schedule(text: str, zone: str = SHANGHAI) -> Schedule:
    return schedulefile.read(notation.read(f"schedule: {text}", "r.yaml").need("schedule"), zone)


def active(text: str, *local: str, zone: str = SHANGHAI) -> list[bool]:
    """Whether the schedule holds at local times of the zone."""
    instants = [datetime.fromisoformat(time).replace(tzinfo=ZoneInfo(zone)) for time in local]
    ts_us = np.array([round(at.timestamp() * 1e6) for at in instants], dtype=np.int64)
    return schedule(text, zone).active(ts_us).tolist()


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("{times: [{start_time: '08:00', end_time: '12:00'}]}", "2026-11-22T08:00", "2026-11-22T12:00"),
        ("{times: [{start_time: '08:00', end_time: '12:00'}]}", "2026-11-22T11:59:59.999999", "2026-11-22T07:59:59"),
        ("{times: [{start_time: '20:00', end_time: '24:00'}]}", "2026-11-22T23:59:59", "2026-11-22T00:00"),
        ("{weekdays: ['monday:friday']}", "2026-11-20T12:00", "2026-11-21T00:00"),
        ("{weekdays: [saturday, Sunday]}", "2026-11-22T23:59", "2026-11-23T00:00"),
        ("{days_of_month: ['1:5']}", "2026-11-05T23:00", "2026-11-06T00:00"),
        ("{days_of_month: ['-1']}", "2028-02-29T12:00", "2028-02-28T12:00"),
        ("{days_of_month: ['-3:-1']}", "2026-11-28T00:00", "2026-11-27T23:59"),
        ("{days_of_month: ['20:-1']}", "2026-11-30T00:00", "2026-11-19T00:00"),
        ("{days_of_month: ['31']}", "2026-10-31T00:00", "2026-11-30T00:00"),
        ("{months: ['6:august']}", "2026-08-31T23:59", "2026-09-01T00:00"),
        ("{months: [December]}", "2026-12-01T00:00", "2026-11-30T23:59"),
        ("{years: ['2026:2027']}", "2027-12-31T23:59", "2028-01-01T00:00"),
        ("[{weekdays: [monday]}, {months: ['1']}]", "2026-01-04T00:00", "2026-02-01T00:00"),
        ("{weekdays: [sunday], months: ['11']}", "2026-11-22T00:00", "2026-12-06T00:00"),
    ],
)
def test_a_schedule_holds_inside_and_not_outside(text: str, inside: str, outside: str) -> None:
    assert active(text, inside, outside) == [True, False]


def test_a_schedule_is_in_the_citys_time_unless_it_names_another() -> None:
    eight = np.array(
        [round(datetime(2026, 11, 22, 0, 30, tzinfo=UTC).timestamp() * 1e6)], dtype=np.int64
    )  # 08:30 there
    times = "times: [{start_time: '08:00', end_time: '09:00'}]"

    assert schedule(f"{{{times}}}").active(eight).tolist() == [True]
    assert schedule(f"{{{times}, location: UTC}}").active(eight).tolist() == [False]


def test_a_change_of_the_clock_moves_the_schedule_with_it() -> None:
    text = "{times: [{start_time: '08:00', end_time: '09:00'}]}"

    assert active(text, "2026-03-28T08:30", "2026-03-29T08:30", "2026-03-29T07:30", zone="Europe/Berlin") == [
        True,
        True,
        False,
    ]


def test_a_schedule_of_nothing_always_holds() -> None:
    assert active("{}", "2026-11-22T03:00") == [True]


@given(
    st.lists(st.integers(0, 4_000_000_000_000_000), max_size=5),
    st.sampled_from([SHANGHAI, "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC"]),
)
def test_local_time_and_its_parts_are_those_of_the_calendar(instants: list[int], zone: str) -> None:
    local = clock.local_us(np.array(instants, dtype=np.int64), zone)
    expected = [
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(ZoneInfo(zone)) for us in instants
    ]

    dates = clock.dates(local)

    assert clock.hour(local).tolist() == [at.hour for at in expected]
    assert (clock.minute_of_day(local) % 60).tolist() == [at.minute for at in expected]
    assert clock.day_of_week(local).tolist() == [at.isoweekday() % 7 for at in expected]
    assert list(zip(dates.year, dates.month, dates.day, strict=True)) == [
        (at.year, at.month, at.day) for at in expected
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{times: [{start_time: '20:00', end_time: '06:00'}]}", "write a span over midnight as two"),
        ("{times: [{start_time: '8:00', end_time: '9:00'}]}", "schedule.times.start_time: '8:00' is no time of day"),
        ("{times: [{start_time: '08:00', end_time: '24:01'}]}", "'24:01' is no time of day"),
        ("{times: [{start: '08:00'}]}", "is no known key: did you mean start_time?"),
        ("{weekdays: [mon]}", "'mon' is not known: did you mean monday?"),
        ("{weekdays: ['friday:monday']}", "ends before it starts: write it as two spans"),
        ("{days_of_month: ['0']}", "is no day of a month"),
        ("{days_of_month: ['-3:5']}", "also ends there"),
        ("{months: ['13']}", "'13' is not known"),
        ("{years: ['26']}", "is no year"),
        ("{location: Tangshan}", "is no time zone: write e.g. Asia/Shanghai"),
        ("{hours: 8}", "schedule.hours: is no known key"),
        ("8", "must be a mapping"),
    ],
)
def test_a_wrong_schedule_says_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(Mistake) as mistake:
        schedule(text)

    assert message in str(mistake.value)
