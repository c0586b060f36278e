"""Escalation: whenever and however often it is asked, the same things are told, each once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerts.escalation import RETURNED_TOO_OFTEN, Kind, Turn, Watched, decide, passed, told_of_new
from alerts.levels import Level

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
spans = st.timedeltas(timedelta(0), timedelta(days=30))
marks = st.lists(spans.map(lambda span: START + span), min_size=0, max_size=3).map(lambda found: tuple(sorted(found)))
watched = st.builds(
    Watched,
    level=st.sampled_from(Level),
    district_code=st.just("130202"),
    marks=marks,
    is_disposal=st.booleans(),
    returns=st.integers(0, 4),
)


def asked_at(case: Watched, moments: list[datetime]) -> tuple[Watched, list[Turn]]:
    """Ask at each moment, and remember what was told as the timer does."""
    told: list[Turn] = []
    for now in moments:
        turns = decide(case, now)
        level = turns[-1].level if turns else case.level
        case = replace(
            case,
            level=level,
            told=max(case.told, passed(case.marks, now)),
            returns_told=case.returns >= RETURNED_TOO_OFTEN,
        )
        told += turns
    return case, told


@given(watched, st.lists(spans, max_size=6))
def test_asked_late_it_tells_what_asked_in_time_it_told(case: Watched, waits: list[timedelta]) -> None:
    end = START + timedelta(days=31)
    moments = sorted(START + wait for wait in waits)

    often, told_often = asked_at(replace(case, returns=0), [*moments, end])
    once, told_once = asked_at(replace(case, returns=0), [end])

    assert told_often == told_once
    assert often == once


@given(watched, spans)
def test_asked_twice_it_tells_nothing_more(case: Watched, wait: timedelta) -> None:
    after, _ = asked_at(case, [START + wait])

    assert decide(after, START + wait) == ()


@given(watched, spans)
def test_it_only_goes_up_and_no_higher_than_the_city(case: Watched, wait: timedelta) -> None:
    order = [Level.STREET, Level.DISTRICT, Level.CITY]

    levels = [case.level, *(turn.level for turn in decide(case, START + wait) if turn.kind is Kind.ESCALATED)]

    ranks = [order.index(level) for level in levels]
    assert ranks == list(range(ranks[0], ranks[0] + len(ranks)))


@given(watched, spans)
def test_a_late_desk_takes_nothing_up(case: Watched, wait: timedelta) -> None:
    turns = decide(replace(case, is_disposal=False, returns=0), START + wait)

    assert all(turn.kind is not Kind.ESCALATED for turn in turns)


@given(watched, spans)
def test_what_was_handed_down_stays_down(case: Watched, wait: timedelta) -> None:
    after, _ = asked_at(case, [START + wait])

    assert decide(replace(after, level=Level.STREET), START + wait) == ()


@given(marks, st.integers(0, 3), spans)
def test_a_clock_that_starts_anew_is_told_of_anew_but_for_what_was_used_up(
    found: tuple[datetime, ...], told: int, wait: timedelta
) -> None:
    since = START + wait

    kept = told_of_new(found, since, told)

    assert kept <= told
    assert all(mark <= since for mark in found[:kept])
    assert told_of_new(found, None, told) == 0
