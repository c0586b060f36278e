"""Laws of due times, in a zone without and one with changes of the clock, in both readings of a working day."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from alerts import due as clocks
from alerts.due import Clock, Limit, Unit, amount, due, worked
from alerts.work_calendar import Calendar, WorkDay

HOLIDAYS = frozenset(date(year, 10, day) for year in range(2020, 2031) for day in range(1, 8))
WORKED = frozenset(date(year, 10, day) for year in range(2020, 2031) for day in (10, 11, 25))

calendars = st.builds(
    Calendar,
    timezone=st.sampled_from(("Asia/Shanghai", "Europe/Berlin")),
    holidays=st.just(HOLIDAYS),
    worked_weekends=st.just(WORKED),
)
any_calendars = st.builds(
    Calendar,
    timezone=st.sampled_from(("Asia/Shanghai", "Europe/Berlin")),
    holidays=st.just(HOLIDAYS),
    work_day=st.sampled_from(WorkDay),
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
amounts = st.integers(1, 40)
limits = st.builds(Limit, amounts, st.sampled_from(Unit))
spans = st.timedeltas(timedelta(0), timedelta(days=10))


@given(moments, limits, any_calendars)
def test_due_is_after_filing_and_grows_with_the_limit(filed: datetime, limit: Limit, calendar: Calendar) -> None:
    more = Limit(limit.amount + 8, limit.unit)

    assert filed < due(filed, limit, calendar) < due(filed, more, calendar)


@given(moments, limits, any_calendars, spans)
def test_filing_later_is_never_due_earlier(filed: datetime, limit: Limit, calendar: Calendar, later: timedelta) -> None:
    assert due(filed, limit, calendar) <= due(filed + later, limit, calendar)


@given(moments, amounts, limits, any_calendars)
def test_a_limit_may_be_spent_in_pieces(filed: datetime, piece: int, limit: Limit, calendar: Calendar) -> None:
    whole = due(filed, Limit(limit.amount + piece, limit.unit), calendar)

    assert due(due(filed, Limit(piece, limit.unit), calendar), limit, calendar) == whole


@given(moments, limits, calendars, spans, spans)
def test_a_pause_moves_the_due_time_by_the_working_time_in_it(
    filed: datetime, limit: Limit, calendar: Calendar, after: timedelta, length: timedelta
) -> None:
    plain = due(filed, limit, calendar)
    pause = (filed + after, filed + after + length)

    moved = due(filed, limit, calendar, pauses=[pause])

    lost = worked(*pause, limit.unit, calendar) if pause[0] < plain else timedelta(0)
    assert worked(plain, moved, limit.unit, calendar) == lost


@given(moments, limits, calendars, spans, spans)
def test_a_clock_that_stood_is_due_when_a_pause_says_so(
    filed: datetime, limit: Limit, calendar: Calendar, after: timedelta, length: timedelta
) -> None:
    begins, ends = filed + after, filed + after + length
    if begins >= due(filed, limit, calendar):
        return
    clock = clocks.paused(Clock(limit=limit, since=filed), begins, calendar)

    marks = clocks.resumed(clock, ends).marks(calendar)

    assert marks is not None
    assert marks.due_at == due(filed, limit, calendar, pauses=[(begins, ends)])


@given(moments, limits, any_calendars)
def test_marks_come_in_their_order(filed: datetime, limit: Limit, calendar: Calendar) -> None:
    marks = Clock(limit=limit, since=filed).marks(calendar)

    assert marks is not None
    assert filed < marks.amber_at <= marks.due_at <= marks.twice_at


@given(moments, limits, any_calendars)
def test_what_runs_in_working_time_is_due_in_working_time(filed: datetime, limit: Limit, calendar: Calendar) -> None:
    if limit.unit not in (Unit.WORK_HOUR, Unit.WORK_DAY, Unit.PLANTING_WORK_DAY):
        return
    local = due(filed, limit, calendar).astimezone(ZoneInfo(calendar.timezone))

    assert any(opens < local.time() <= closes for opens, closes in calendar.stretches_of(local.date()))


@given(moments, limits, calendars)
def test_all_of_a_limit_is_used_when_it_is_due(filed: datetime, limit: Limit, calendar: Calendar) -> None:
    assert worked(filed, due(filed, limit, calendar), limit.unit, calendar) == amount(limit)


@given(st.lists(moments, min_size=3, max_size=3).map(sorted), st.sampled_from((Unit.HOUR, Unit.WORK_HOUR)), calendars)
def test_time_that_is_worked_adds_up(at: list[datetime], unit: Unit, calendar: Calendar) -> None:
    pieces = [worked(start, end, unit, calendar) for start, end in pairwise(at)]

    assert sum(pieces, timedelta(0)) == worked(at[0], at[2], unit, calendar)
