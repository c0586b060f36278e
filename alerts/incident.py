"""An incident's stages, and who may take it from one to the next. Pure.

    reported --acknowledge--> accepted --assign--> dispatched --close--> closed
    any open stage --recover--> resolved       any open stage --close, with a reason--> closed

Source: the loop of GB/T 30428 (受理立案, 派遣, 结案), shortened. Closing a reported incident is for false alarms. What
a person closes while its rule still fires stays closed: no new incident rises until it recovered and fired again.
"""

from collections.abc import Mapping
from enum import StrEnum

from core.errors import Conflict


class Stage(StrEnum):
    """Where an incident is on its way."""

    REPORTED = "reported"
    ACCEPTED = "accepted"
    DISPATCHED = "dispatched"
    RESOLVED = "resolved"
    CLOSED = "closed"


OPEN = frozenset({Stage.REPORTED, Stage.ACCEPTED, Stage.DISPATCHED})
"""Stages in which an incident still needs somebody."""


class Action(StrEnum):
    """What can be done with an incident."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    CLOSE = "close"
    RECOVER = "recover"
    """Only a rule does this."""


_DONE = {
    Action.ACKNOWLEDGE: "acknowledged",
    Action.ASSIGN: "assigned",
    Action.CLOSE: "closed",
    Action.RECOVER: "resolved",
}

_NEXT: Mapping[Stage, Mapping[Action, Stage]] = {
    Stage.REPORTED: {
        Action.ACKNOWLEDGE: Stage.ACCEPTED,
        Action.CLOSE: Stage.CLOSED,
        Action.RECOVER: Stage.RESOLVED,
    },
    Stage.ACCEPTED: {Action.ASSIGN: Stage.DISPATCHED, Action.CLOSE: Stage.CLOSED, Action.RECOVER: Stage.RESOLVED},
    Stage.DISPATCHED: {Action.ASSIGN: Stage.DISPATCHED, Action.CLOSE: Stage.CLOSED, Action.RECOVER: Stage.RESOLVED},
    Stage.RESOLVED: {},
    Stage.CLOSED: {},
}


class IllegalStep(Conflict):
    """An action the incident's stage does not allow."""

    def __init__(self, incident_id: int, stage: Stage, action: Action) -> None:
        self.incident_id = incident_id
        self.stage = stage
        self.action = action
        possible = ", ".join(other for other in _NEXT[stage] if other is not Action.RECOVER)
        super().__init__(
            f"incident {incident_id} is {stage}: it cannot be {event_kind(action)}; "
            f"possible: {possible or 'nothing, it is over'}"
        )


def stage_after(incident_id: int, stage: Stage, action: Action) -> Stage:
    """Give the stage an action leads to; raises `IllegalStep`, naming what is possible, when it is not allowed."""
    after = _NEXT[stage].get(action)
    if after is None:
        raise IllegalStep(incident_id, stage, action)
    return after


def event_kind(action: Action) -> str:
    """Give the word the history uses for an action that was done."""
    return _DONE[action]
