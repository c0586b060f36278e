"""Laws of routing and of rosters."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from alerts import duty, matcher, route
from alerts.duty import Roster, Shift
from alerts.matcher import Matcher
from alerts.route import Route

NAMES = st.sampled_from(["severity", "district", "event"])
LABELS = st.dictionaries(NAMES, st.sampled_from(["a", "b"]))
MATCHERS = st.lists(
    st.builds(Matcher, NAMES, st.sampled_from(["=", "!=", "=~"]), st.sampled_from(["a", "b", "a|b"])), max_size=2
).map(tuple)


LEAVES = st.builds(Route, receiver=st.sampled_from("xyz"), matchers=MATCHERS, goes_on=st.booleans())
TREES = st.recursive(
    LEAVES,
    lambda below: st.builds(replace, LEAVES, routes=st.lists(below, max_size=3).map(tuple)),
    max_leaves=8,
)


def stopping(tree: Route) -> Route:
    """The same tree without any `continue`."""
    return replace(tree, goes_on=False, routes=tuple(stopping(child) for child in tree.routes))


@given(TREES, LABELS)
def test_only_continue_sends_a_notice_to_more_than_one_route(tree: Route, labels: dict[str, str]) -> None:
    assert len(route.matching(stopping(tree), labels)) <= 1


@given(TREES, LABELS)
def test_a_route_that_takes_a_notice_matches_it_and_none_below_it_does(tree: Route, labels: dict[str, str]) -> None:
    for found in route.matching(tree, labels):
        assert matcher.every(found.matchers, labels)
        assert not any(matcher.every(child.matchers, labels) for child in found.routes)


@given(TREES, LABELS)
def test_a_notice_that_the_top_takes_always_has_a_receiver(tree: Route, labels: dict[str, str]) -> None:
    found = route.matching(tree, labels)

    assert bool(found) == matcher.every(tree.matchers, labels)


@given(TREES, LABELS, LABELS)
def test_notices_of_one_group_share_its_labels(tree: Route, one: dict[str, str], other: dict[str, str]) -> None:
    if route.group_key(tree, one) == route.group_key(tree, other):
        assert route.group_labels(tree, one) == route.group_labels(tree, other)


PEOPLE = ("a", "b", "c")
START = datetime(2026, 1, 1, 8)
INSTANTS = st.datetimes(datetime(2026, 1, 3), datetime(2027, 12, 31), timezones=st.just(UTC))


@given(INSTANTS, st.integers(1, 21), st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/St_Johns"]))
def test_there_is_exactly_one_of_a_rotation_on_duty(at: datetime, half_days: int, zone: str) -> None:
    shift = Shift(people=PEOPLE, starts=START, every=timedelta(hours=12 * half_days))

    assert len(duty.on_duty(Roster(name="r", location=zone, shifts=(shift,)), at)) == 1


@given(INSTANTS, st.integers(1, 10), st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]))
def test_a_turn_later_the_next_one_is_on_duty(at: datetime, days: int, zone: str) -> None:
    turn = timedelta(days=days)
    roster = Roster(name="r", location=zone, shifts=(Shift(people=PEOPLE, starts=START, every=turn),))
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    now, later = (duty.on_duty(roster, when.replace(tzinfo=ZoneInfo(zone))) for when in (wall, wall + turn))

    if is_shown(wall, zone) and is_shown(wall + turn, zone):
        assert PEOPLE.index(later[0]) == (PEOPLE.index(now[0]) + 1) % 3


def is_shown(wall: datetime, zone: str) -> bool:
    """Whether the clock on the wall ever shows this: in spring it leaps over an hour."""
    return wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall
