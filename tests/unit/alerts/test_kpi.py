"""The figures of evaluation, counted by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import kpi
from alerts.kpi import Case, Duty, Period, Rate

MAY = Period(start=datetime(2026, 5, 1, tzinfo=UTC), end=datetime(2026, 6, 1, tzinfo=UTC))


def day(number: float) -> datetime:
    return MAY.start + timedelta(days=number - 1)


def measured(key: str, *cases: Case) -> tuple[int, int]:
    rate = next(one for one in kpi.INDICATORS if one.key == key).measure(cases, MAY)
    return rate.numerator, rate.denominator


IN_TIME = Case(
    reported_at=day(1), filed_at=day(1), dispatched_at=day(2), due_at=day(5), handled_at=day(4), closed_at=day(6)
)
LATE = Case(
    reported_at=day(1), filed_at=day(1), dispatched_at=day(2), due_at=day(5), handled_at=day(9), closed_at=day(10)
)
OVERDUE = Case(reported_at=day(1), filed_at=day(2), dispatched_at=day(2), due_at=day(5))
NOT_DUE = Case(reported_at=day(30), filed_at=day(30), dispatched_at=day(30), due_at=day(35))
EARLY = Case(reported_at=day(30), filed_at=day(30), due_at=day(35), handled_at=day(31), closed_at=day(31.5))
REJECTED = Case(reported_at=day(3))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("filing_rate", (5, 6)),
        ("disposal_rate", (2, 3)),
        ("on_time_disposal_rate", (1, 3)),
        ("overdue_open_rate", (1, 3)),
        ("closure_rate", (3, 4)),
        ("on_time_closure_rate", (2, 4)),
    ],
)
def test_a_month_of_six_cases(key: str, expected: tuple[int, int]) -> None:
    assert measured(key, IN_TIME, LATE, OVERDUE, NOT_DUE, EARLY, REJECTED) == expected


def test_a_case_that_is_not_due_yet_weighs_on_nobody() -> None:
    assert measured("disposal_rate", NOT_DUE) == (0, 0)


def test_no_denominator_is_no_value() -> None:
    assert Rate(numerator=0, denominator=0).value is None
    assert all(indicator.measure([], MAY).value is None for indicator in kpi.INDICATORS)


def test_what_happens_after_the_period_does_not_count() -> None:
    handled_in_june = Case(reported_at=day(1), due_at=day(5), handled_at=day(33), closed_at=day(34))

    assert measured("disposal_rate", handled_in_june) == (0, 1)
    assert measured("overdue_open_rate", handled_in_june) == (1, 1)
    assert measured("closure_rate", handled_in_june) == (0, 1)


def test_rework_and_extension_count_cases() -> None:
    twice = Case(reported_at=day(1), due_at=day(5), handled_at=day(4), closed_at=day(6), reworks=2, extensions=3)

    assert measured("rework_rate", twice, IN_TIME) == (1, 2)
    assert measured("extension_rate", twice, IN_TIME) == (1, 2)


def test_a_dispatch_given_back_was_not_accurate() -> None:
    refused = Case(reported_at=day(1), dispatched_at=day(1), returns=1)

    assert measured("accurate_dispatch_rate", refused, IN_TIME) == (1, 2)


def test_duties_are_due_in_the_period_and_done_by_their_time() -> None:
    duties = (
        Duty(step="verify", due_at=day(2), done_at=day(1.5)),
        Duty(step="verify", due_at=day(3), done_at=day(4)),
        Duty(step="verify", due_at=day(3), done_at=None),
        Duty(step="verify", due_at=day(40), done_at=None),
        Duty(step="verify", due_at=None, done_at=day(4)),
        Duty(step="check", due_at=day(3), done_at=day(3)),
    )
    case = Case(reported_at=day(1), duties=duties)

    assert measured("on_time_verification_rate", case) == (1, 3)
    assert measured("on_time_check_rate", case) == (1, 1)
    assert measured("on_time_filing_rate", case) == (0, 0)


def test_only_judged_alarms_of_sensors_make_the_precision() -> None:
    def alarm(*, false: bool | None, sensor: bool = True) -> Case:
        return Case(reported_at=day(1), by_sensor=sensor, false_alarm=false)

    cases = (alarm(false=False), alarm(false=True), alarm(false=None), alarm(false=False, sensor=False))
    assert measured("alarm_precision", *cases) == (1, 2)


def test_mean_times_are_of_what_got_there_in_the_period() -> None:
    assert kpi.mean_s([IN_TIME, LATE, OVERDUE], MAY, until="dispatched") == 86400
    assert kpi.mean_s([IN_TIME, LATE, OVERDUE], MAY, until="handled") == (3 + 8) / 2 * 86400
    assert kpi.mean_s([NOT_DUE], MAY, until="handled") is None


TIMES = st.none() | st.floats(1, 60).map(day)


@given(
    st.lists(
        st.builds(
            Case,
            reported_at=st.floats(1, 60).map(day),
            filed_at=TIMES,
            dispatched_at=TIMES,
            due_at=TIMES,
            handled_at=TIMES,
            closed_at=TIMES,
            reworks=st.integers(0, 2),
            returns=st.integers(0, 2),
            extensions=st.integers(0, 2),
            by_sensor=st.booleans(),
            false_alarm=st.none() | st.booleans(),
        )
    ),
    st.integers(0, 20),
)
def test_every_rate_is_a_share_and_groups_add_up(cases: list[Case], cut: int) -> None:
    for indicator in kpi.INDICATORS:
        whole = indicator.measure(cases, MAY)
        parts = [indicator.measure(group, MAY) for group in (cases[:cut], cases[cut:])]
        assert 0 <= whole.numerator <= whole.denominator
        assert whole.numerator == sum(part.numerator for part in parts)
        assert whole.denominator == sum(part.denominator for part in parts)
    disposed, overdue = kpi.disposal(cases, MAY), kpi.overdue_open(cases, MAY)
    assert disposed.numerator + overdue.numerator == disposed.denominator
