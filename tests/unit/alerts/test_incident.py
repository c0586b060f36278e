import pytest

from alerts.incident import OPEN, Action, IllegalStep, Stage, stage_after

ALLOWED = {
    (Stage.REPORTED, Action.ACKNOWLEDGE): Stage.ACCEPTED,
    (Stage.REPORTED, Action.CLOSE): Stage.CLOSED,
    (Stage.REPORTED, Action.RECOVER): Stage.RESOLVED,
    (Stage.ACCEPTED, Action.ASSIGN): Stage.DISPATCHED,
    (Stage.ACCEPTED, Action.CLOSE): Stage.CLOSED,
    (Stage.ACCEPTED, Action.RECOVER): Stage.RESOLVED,
    (Stage.DISPATCHED, Action.ASSIGN): Stage.DISPATCHED,
    (Stage.DISPATCHED, Action.CLOSE): Stage.CLOSED,
    (Stage.DISPATCHED, Action.RECOVER): Stage.RESOLVED,
}


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("action", Action)
def test_only_listed_steps_are_allowed(stage: Stage, action: Action) -> None:
    expected = ALLOWED.get((stage, action))

    if expected is None:
        with pytest.raises(IllegalStep):
            stage_after(7, stage, action)
    else:
        assert stage_after(7, stage, action) is expected


def test_a_refusal_names_the_incident_its_stage_and_what_is_possible() -> None:
    with pytest.raises(IllegalStep) as refused:
        stage_after(7, Stage.REPORTED, Action.ASSIGN)

    assert str(refused.value) == "incident 7 is reported: it cannot be assigned; possible: acknowledge, close"


def test_a_refusal_says_when_an_incident_is_over() -> None:
    with pytest.raises(IllegalStep, match=r"incident 7 is closed: .*; possible: nothing, it is over"):
        stage_after(7, Stage.CLOSED, Action.CLOSE)


def test_every_open_stage_can_recover_and_be_closed_and_no_other() -> None:
    can_recover = {stage for stage, action in ALLOWED if action is Action.RECOVER}
    can_close = {stage for stage, action in ALLOWED if action is Action.CLOSE}

    assert can_recover == can_close == OPEN
