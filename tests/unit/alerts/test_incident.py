import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.incident import (
    AFTER_CHILDREN,
    ENDS,
    STEPS,
    Action,
    Case,
    IllegalStep,
    Role,
    Stage,
    WrongRole,
    possible,
    step_for,
)

LOOP = (
    (Action.REQUEST_VERIFICATION, Role.ACCEPTOR, Stage.VERIFYING),
    (Action.CONFIRM, Role.SUPERVISOR, Stage.VERIFIED),
    (Action.FILE, Role.SHIFT_LEADER, Stage.FILED),
    (Action.DISPATCH, Role.DISPATCHER, Stage.DISPATCHED),
    (Action.ACCEPT, Role.DEPARTMENT, Stage.HANDLING),
    (Action.HANDLE, Role.DEPARTMENT, Stage.HANDLED),
    (Action.REQUEST_CHECK, Role.ACCEPTOR, Stage.CHECKING),
    (Action.CHECK_PASS, Role.SUPERVISOR, Stage.CHECKED),
    (Action.CLOSE, Role.SHIFT_LEADER, Stage.CLOSED),
)


def case(stage: Stage, **more: object) -> Case:
    return replace(Case(incident_id=7, stage=stage), **more)  # type: ignore[arg-type]


def test_the_loop_runs_from_the_report_to_the_end() -> None:
    stage = Stage.REPORTED
    for action, role, after in LOOP:
        stage = step_for(case(stage), action, role).after(stage)
        assert stage is after


@pytest.mark.parametrize("stage", Stage)
def test_what_is_not_listed_is_refused_and_what_is_offered_is_taken(stage: Stage) -> None:
    at = case(stage, stages_left=1)
    for action, role in itertools.product(Action, Role):
        listed = STEPS.get((stage, action))
        if action in possible(at, role):
            assert listed is not None
            assert step_for(at, action, role) == listed
        else:
            refusal = WrongRole if listed and role not in listed.roles else IllegalStep
            with pytest.raises(refusal, match=f"possible for {role}: "):
                step_for(at, action, role)


def test_nothing_leads_out_of_an_end() -> None:
    assert not [key for key in STEPS if key[0] in ENDS]


def test_a_step_has_an_outcome_exactly_when_it_ends_the_case() -> None:
    for (stage, _), step in STEPS.items():
        assert (step.outcome is not None) == (step.after(stage) in ENDS)


def test_every_stage_can_be_reached_and_left() -> None:
    reached = {step.after(stage) for (stage, _), step in STEPS.items()} | {Stage.REPORTED}
    left = {stage for (stage, _), step in STEPS.items() if step.after(stage) is not stage}

    assert reached == set(Stage)
    assert left == set(Stage) - ENDS


def test_what_a_department_asks_for_only_a_dispatcher_or_leader_answers() -> None:
    answers = [step for step in STEPS.values() if step.answers]

    assert answers
    assert all(set(step.roles) == {Role.DISPATCHER, Role.SHIFT_LEADER} for step in answers)
    with pytest.raises(IllegalStep, match="nobody asked for return"):
        step_for(case(Stage.HANDLING), Action.APPROVE_RETURN, Role.DISPATCHER)
    with pytest.raises(IllegalStep, match="a request for return waits"):
        step_for(case(Stage.HANDLING, request="return"), Action.REQUEST_EXTENSION, Role.DEPARTMENT)


def test_only_rules_and_timers_recover() -> None:
    for action in (Action.RECOVER, Action.CLEAR, Action.RELAPSE):
        assert {role for (_, other), step in STEPS.items() if other is action for role in step.roles} == {Role.SYSTEM}


@pytest.mark.parametrize("action", sorted(AFTER_CHILDREN))
def test_a_parent_waits_for_its_children(action: Action) -> None:
    for (stage, listed), step in STEPS.items():
        if listed is action:
            parent = case(stage, open_children=2, has_children=True)
            with pytest.raises(IllegalStep, match="2 of its children have not ended"):
                step_for(parent, action, step.roles[0])


def test_a_parents_recovery_is_noted_and_its_stage_stays() -> None:
    parent = case(Stage.HANDLING, open_children=1, has_children=True)

    assert step_for(parent, Action.RECOVER, Role.SYSTEM).after(Stage.HANDLING) is Stage.HANDLING


def test_levels_end_at_the_city_and_at_the_street() -> None:
    for action, level in ((Action.HAND_UP, "city"), (Action.HAND_DOWN, "street"), (Action.PUSH_DOWN, "street")):
        with pytest.raises(IllegalStep, match="est level"):
            step_for(case(Stage.FILED, level=level), action, Role.DISPATCHER)


def test_a_refusal_names_the_incident_its_stage_and_what_is_possible() -> None:
    with pytest.raises(
        IllegalStep, match=r"incident 7 is filed: accept is refused; possible for dispatcher: dispatch, "
    ):
        step_for(case(Stage.FILED), Action.ACCEPT, Role.DISPATCHER)
    with pytest.raises(
        WrongRole, match=r"dispatch is for dispatcher or system, not department; possible for .*: nothing"
    ):
        step_for(case(Stage.FILED), Action.DISPATCH, Role.DEPARTMENT)
    with pytest.raises(IllegalStep, match="nothing, it is over"):
        step_for(case(Stage.CLOSED), Action.CLOSE, Role.SHIFT_LEADER)


def test_the_database_knows_the_same_stages_and_ends() -> None:
    text = (Path(__file__).parents[3] / "storage/migrations/0019_incident_loop.sql").read_text(encoding="utf-8")
    stages = re.search(r"incident_stage_check CHECK \(stage IN \((.*?)\)\)", text, re.DOTALL)
    ends = re.search(r"GENERATED ALWAYS AS \(stage NOT IN \((.*?)\)\)", text)

    assert stages
    assert ends
    assert set(re.findall(r"'(\w+)'", stages[1])) == {stage.value for stage in Stage}
    assert set(re.findall(r"'(\w+)'", ends[1])) == {stage.value for stage in ENDS}
