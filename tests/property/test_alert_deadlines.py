"""Laws of due times."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerts.deadline import Calendar, Limit, Unit, due

CALENDAR = Calendar()
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
amounts = st.integers(1, 40)


@given(moments, amounts, st.sampled_from(Unit))
def test_due_is_after_filing_and_grows_with_the_limit(filed: datetime, amount: int, unit: Unit) -> None:
    first, second = due(filed, Limit(amount, unit), CALENDAR), due(filed, Limit(amount + 1, unit), CALENDAR)

    assert filed < first < second


@given(moments, amounts, st.sampled_from(Unit), st.timedeltas(timedelta(0), timedelta(days=10)))
def test_filing_later_is_never_due_earlier(filed: datetime, amount: int, unit: Unit, later: timedelta) -> None:
    limit = Limit(amount, unit)

    assert due(filed, limit, CALENDAR) <= due(filed + later, limit, CALENDAR)


@given(moments, amounts)
def test_a_limit_in_working_hours_may_be_spent_in_pieces(filed: datetime, amount: int) -> None:
    whole = due(filed, Limit(amount + 1, Unit.WORK_HOUR), CALENDAR)

    assert due(due(filed, Limit(amount, Unit.WORK_HOUR), CALENDAR), Limit(1, Unit.WORK_HOUR), CALENDAR) == whole
