"""Laws of the table of steps: whatever sequence people try, a device is where the table says."""

import re
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from core.errors import Conflict, InvalidInput
from devices.life import AT_ITS_PLACE, REPORTING, STEPS, Stand, State, after_first_reading, step
from storage import migrate

tries = st.lists(st.tuples(st.sampled_from(State), st.sampled_from(["", "why"]), st.sampled_from(["", "code"])))


@given(tries)
def test_what_is_refused_changes_nothing_and_what_is_allowed_is_in_the_table(
    wanted: list[tuple[State, str, str]],
) -> None:
    state = State.REGISTERED
    for to, reason, code in wanted:
        listed = {it.to: it for it in STEPS[state]}
        try:
            taken = step("MC-1", state, to, reason=reason, component_code=code)
        except Conflict:
            assert to not in listed
        except InvalidInput:
            assert listed[to].needs_reason or code
        else:
            assert taken is listed[to]
            assert reason or not taken.needs_reason
            state = to


@given(tries)
def test_a_device_holds_its_place_exactly_in_the_states_that_say_so(wanted: list[tuple[State, str, str]]) -> None:
    state, stands = State.REGISTERED, True
    for to, _, _ in wanted:
        found = next((it for it in STEPS[state] if it.to is to), None)
        if found:
            state = to
            stands = {Stand.KEEPS: stands, Stand.LEAVES: False, Stand.TAKES: True}[found.stand]
        assert stands == (state in AT_ITS_PLACE)


def reachable(state: State) -> set[State]:
    found: set[State] = set()
    new = {state}
    while new:
        found |= new
        new = {it.to for one in new for it in STEPS[one]} - found
    return found


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_reached_and_every_device_can_be_retired(state: State) -> None:
    assert state in reachable(State.REGISTERED)
    assert State.RETIRED in reachable(state)


def test_nothing_leads_back_from_retirement_and_whoever_reports_can_come_into_service() -> None:
    assert STEPS[State.RETIRED] == ()
    assert all(State.IN_SERVICE in reachable(state) for state in REPORTING)


def test_a_first_reading_moves_only_what_was_installed() -> None:
    assert {state: after_first_reading(state) for state in State if after_first_reading(state)} == {
        State.INSTALLED: State.COMMISSIONED
    }


def test_the_database_knows_the_same_states() -> None:
    (migration,) = [it for it in migrate.shipped() if it.name == "devices"]
    listed = re.search(r"state +text NOT NULL CHECK \(state IN\s*\(([^)]*)\)", migration.text)
    assert listed is not None
    assert set(re.findall(r"'(\w+)'", listed[1])) == set(State)


def test_the_page_lists_every_step() -> None:
    page = Path("docs/devices.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(\w+)` → `(\w+)` \|", page, re.MULTILINE))
    assert told == {(state.value, it.to.value) for state, steps in STEPS.items() for it in steps}
