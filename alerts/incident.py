"""An incident's stages, and who may take it from one to the next. Pure.

    reported --acknowledge--> filed --assign--> dispatched --close--> closed
    any open stage --recover--> closed       any open stage --close, with a reason--> closed

Source: the loop of GB/T 30428 (受理立案, 派遣, 结案), shortened. Closing a reported incident is for false alarms. What
a person closes while its rule still fires stays closed: no new incident rises until it recovered and fired again.
"""

from collections.abc import Mapping
from enum import StrEnum

from core.errors import Conflict


class Stage(StrEnum):
    """Where an incident is on its way."""

    REPORTED = "reported"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    FILED = "filed"
    DISPATCHED = "dispatched"
    HANDLING = "handling"
    SUSPENDED = "suspended"
    HANDLED = "handled"
    CHECKING = "checking"
    CHECKED = "checked"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


ENDS = frozenset({Stage.CLOSED, Stage.REJECTED, Stage.CANCELLED})
"""Stages in which an incident needs nobody any more; the database knows the same ones (column is_open)."""


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
        Action.ACKNOWLEDGE: Stage.FILED,
        Action.CLOSE: Stage.CLOSED,
        Action.RECOVER: Stage.CLOSED,
    },
    Stage.FILED: {Action.ASSIGN: Stage.DISPATCHED, Action.CLOSE: Stage.CLOSED, Action.RECOVER: Stage.CLOSED},
    Stage.DISPATCHED: {Action.ASSIGN: Stage.DISPATCHED, Action.CLOSE: Stage.CLOSED, Action.RECOVER: Stage.CLOSED},
}


class IllegalStep(Conflict):
    """An action the incident's stage does not allow."""

    def __init__(self, incident_id: int, stage: Stage, action: Action) -> None:
        self.incident_id = incident_id
        self.stage = stage
        self.action = action
        possible = ", ".join(other for other in _NEXT.get(stage, {}) if other is not Action.RECOVER)
        super().__init__(
            f"incident {incident_id} is {stage}: it cannot be {event_kind(action)}; "
            f"possible: {possible or 'nothing, it is over'}"
        )


def stage_after(incident_id: int, stage: Stage, action: Action) -> Stage:
    """Give the stage an action leads to; raises `IllegalStep`, naming what is possible, when it is not allowed."""
    after = _NEXT.get(stage, {}).get(action)
    if after is None:
        raise IllegalStep(incident_id, stage, action)
    return after


def event_kind(action: Action) -> str:
    """Give the word the history uses for an action that was done."""
    return _DONE[action]
