"""Laws of cases over random firings: batches do not matter, every firing is in one case, the older one goes on."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from alerts.case import Change, Merging, Opening, Recovery
from alerts.case_memory import Cases, Draft
from alerts.engine import Kind, Transition
from alerts.neighbourhood import Neighbourhood
from alerts.scope import Totals
from alerts.together import Together
from tests.case_scene import SECOND, Scene, rule

AT = [(0, 0), (0.2, 0), (0.4, 0), (1, 0), (1.2, 0), (2, 0), (2, 1), (2.2, 1), (0, 2), (1, 1)]
COMPONENT = [1, 1, 2, 3, 4, 5, 6, 7, 8, 0]
SINGLE, MANY, NEAR = "Single", "Many", "Near"


def scene() -> Scene:
    return Scene(
        AT,
        rule(SINGLE),
        rule(MANY, together=Together(in_="unit_grid", at_least=2, within_us=3 * SECOND, replaces=(SINGLE,))),
        rule(NEAR, together=Together(in_="radius", radius_m=120, at_least=3)),
        component=COMPONENT,
    )


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[str, int, bool]]:
    """Each rule fires and recovers in turn on each device: (rule, slot, fires), one a second."""
    chosen = draw(st.lists(st.tuples(st.sampled_from((SINGLE, MANY, NEAR)), st.integers(0, len(AT) - 1)), max_size=60))
    firing: set[tuple[str, int]] = set()
    stream: list[tuple[str, int, bool]] = []
    for key in chosen:
        fires = key not in firing
        firing ^= {key}
        stream.append((*key, fires))
    return stream


def transitions(given_scene: Scene, stream: list[tuple[str, int, bool]]) -> list[Transition]:
    return [
        given_scene.transition(Kind.FIRED if fires else Kind.RECOVERED, name, slot, second)
        for second, (name, slot, fires) in enumerate(stream)
    ]


def play(stream: list[tuple[str, int, bool]], cuts: set[int]) -> Scene:
    """Send a stream in batches that end at the cuts."""
    played = scene()
    batch: list[Transition] = []
    for number, transition in enumerate(transitions(played, stream)):
        batch.append(transition)
        if number in cuts or number == len(stream) - 1:
            played.step(batch, number)
            batch = []
    return played


def plain(changes: list[Change]) -> list[Change]:
    """Give changes without their rules, which differ from scene to scene."""
    some = scene().rule(SINGLE)
    return [replace(change, rule=some, transition=replace(change.transition, rule=some)) for change in changes
            if not isinstance(change, Opening)] + [
        replace(change, rule=some, transition=replace(change.transition, rule=some), joined=())
        for change in changes if isinstance(change, Opening)
    ]  # fmt: skip


@given(streams(), st.sets(st.integers(0, 60)))
def test_any_batches_give_the_same_changes_and_the_same_memory(
    stream: list[tuple[str, int, bool]], cuts: set[int]
) -> None:
    cut, whole = play(stream, cuts), play(stream, set())

    assert plain(cut.said) == plain(whole.said)
    assert {cause: case.members for cause, case in cut.cases.cases.items()} == {
        cause: case.members for cause, case in whole.cases.cases.items()
    }


@given(streams())
def test_every_firing_device_is_in_one_case_of_its_rule_or_its_condition_is_not_met(
    stream: list[tuple[str, int, bool]],
) -> None:
    played = play(stream, set(range(60)))

    memory = played.cases
    for (name, slot), firing in memory.firings.items():
        holding = [case.cause for case in memory.cases.values() if case.rule.name == name and slot in case.members]
        assert holding == ([firing.cause] if firing.cause else [])
        if not firing.cause:
            met = Neighbourhood(firing.rule, played.fleet, Draft(memory), Totals(played.fleet))
            node = met.node_of(slot)
            assert node is None or not met.is_met(node)
    assert all(case.members for case in memory.cases.values())


@given(streams())
def test_what_is_open_by_the_changes_is_what_stands_and_nothing_holds_back(stream: list[tuple[str, int, bool]]) -> None:
    played = play(stream, set(range(60)))

    is_open: set[str] = set()
    for change in played.said:
        if isinstance(change, Opening):
            assert change.cause not in is_open
            is_open.add(change.cause)
        elif isinstance(change, Merging):
            assert change.into in is_open
            is_open.remove(change.cause)
        elif isinstance(change, Recovery):
            is_open.discard(change.cause)
    assert is_open == {cause for cause, case in played.cases.cases.items() if case.held_by is None}


@given(streams())
def test_a_merging_keeps_the_older_case(stream: list[tuple[str, int, bool]]) -> None:
    played = scene()
    for number, transition in enumerate(transitions(played, stream)):
        before = dict(played.cases.cases)
        played.step([transition], number)
        for change in played.said:
            if isinstance(change, Merging) and change.cause in before and change.into in before:
                one, other = before[change.into], before[change.cause]
                assert one.rule.name != other.rule.name or one.opened_us <= other.opened_us
        played.said.clear()


@given(streams())
def test_when_all_have_recovered_nothing_is_left(stream: list[tuple[str, int, bool]]) -> None:
    firing = {(name, slot) for name, slot, fires in stream if fires}
    for name, slot, fires in stream:
        (firing.add if fires else firing.discard)((name, slot))
    played = play([*stream, *((name, slot, False) for name, slot in sorted(firing))], set())
    played.tick(1000)

    left: Cases = played.cases
    assert not any((left.firings, left.cases, left.counted, left.fading, left.held, left.spots, left.standing.labels))
