"""An incident's stages, who may take it from one to the next, and what that does to its clock. Pure.

One table says all: a step that is not in `STEPS` is refused, with what is possible instead. Source: the loop of
GB/T 30428 as two city platforms run it: 上报, 核实, 立案, 派遣, 处置, 核查, 结案; with 回退 (return), 延时 (extension),
挂账 (suspension), 返工 (rework), 不予受理 (rejection), 作废 (cancellation), 强制结案 (forced close).
What a person closes while its rule still fires stays closed: no new incident rises until it recovered and fired again.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Literal

from core.errors import Conflict, Forbidden


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


class Role(StrEnum):
    """As whom somebody acts; who may is said by `api.acting`."""

    SUPERVISOR = "supervisor"
    ACCEPTOR = "acceptor"
    SHIFT_LEADER = "shift_leader"
    DISPATCHER = "dispatcher"
    DEPARTMENT = "department"
    SYSTEM = "system"
    """Rules and timers; no person acts as it."""


class Action(StrEnum):
    """What can be done with an incident."""

    REQUEST_VERIFICATION = "request_verification"
    CONFIRM = "confirm"
    DENY = "deny"
    FILE = "file"
    REJECT = "reject"
    CANCEL = "cancel"
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    REQUEST_RETURN = "request_return"
    APPROVE_RETURN = "approve_return"
    REFUSE_RETURN = "refuse_return"
    REQUEST_EXTENSION = "request_extension"
    APPROVE_EXTENSION = "approve_extension"
    REFUSE_EXTENSION = "refuse_extension"
    REQUEST_SUSPENSION = "request_suspension"
    APPROVE_SUSPENSION = "approve_suspension"
    REFUSE_SUSPENSION = "refuse_suspension"
    RESUME = "resume"
    MADE_SAFE = "made_safe"
    HANDLE = "handle"
    REQUEST_CHECK = "request_check"
    CHECK_PASS = "check_pass"  # noqa: S105  # no password
    CHECK_FAIL = "check_fail"
    CLOSE = "close"
    FORCE_CLOSE = "force_close"
    SPLIT = "split"
    PUSH_DOWN = "push_down"
    HAND_UP = "hand_up"
    HAND_DOWN = "hand_down"
    MERGE = "merge"
    RECOVER = "recover"
    """The readings are back to normal: somebody is asked to look."""
    CLEAR = "clear"
    """The readings are back to normal, and the rule says that is enough."""
    RELAPSE = "relapse"
    """It fires again before it ended."""


class Tick(StrEnum):
    """What a step does to the disposal clock."""

    NONE = "none"
    START = "start"
    """It starts, or goes on when it stood because of a return."""
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    AGAIN = "again"
    """The limit of the last stage runs anew (our choice for rework)."""
    NEXT = "next"
    """The next stage of the limit begins."""
    EXTEND = "extend"


Asked = Literal["return", "extension", "suspension"]
Outcome = Literal["handled", "recovered", "forced", "rejected", "cancelled", "merged"]


@dataclass(frozen=True, slots=True)
class Step:
    """One listed transition."""

    done: str
    """The word of the history."""
    roles: tuple[Role, ...]
    """Who may take it."""
    to: Stage | None = None
    """None = the stage stays."""
    _: KW_ONLY
    needs_reason: bool = False
    tick: Tick = Tick.NONE
    asks: Asked | None = None
    """It leaves this request for a dispatcher to answer."""
    answers: Asked | None = None
    """It needs this request and takes it away."""
    outcome: Outcome | None = None

    def after(self, stage: Stage) -> Stage:
        """Give the stage it leads to from `stage`."""
        return self.to or stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What decides about a step, besides the stage."""

    incident_id: int
    stage: Stage
    request: Asked | None = None
    open_children: int = 0
    has_children: bool = False
    is_child: bool = False
    stages_left: int = 0
    """Stages of its limit after the running one."""
    level: str = "district"


_WORKING = (Stage.DISPATCHED, Stage.HANDLING)
_FILED_ON = (
    Stage.FILED, Stage.DISPATCHED, Stage.HANDLING, Stage.SUSPENDED, Stage.HANDLED, Stage.CHECKING, Stage.CHECKED,
)  # fmt: skip
_OPEN = tuple(stage for stage in Stage if stage not in ENDS)
_NOT_DONE = tuple(stage for stage in _OPEN if stage not in (Stage.HANDLED, Stage.CHECKING, Stage.CHECKED))
_DESK = (Role.ACCEPTOR, Role.SHIFT_LEADER)
_CENTRE = (Role.DISPATCHER, Role.SHIFT_LEADER)
_S = Role.SYSTEM
_LEADER = (Role.SHIFT_LEADER,)
_ON_SITE = (Role.SUPERVISOR,)
_BY_DEPARTMENT = (Role.DEPARTMENT,)
_BY_RULES = (_S,)

_ROWS: tuple[tuple[Action, tuple[Stage, ...], Step], ...] = (
    (Action.REQUEST_VERIFICATION, (Stage.REPORTED,), Step("verification_requested", _DESK, Stage.VERIFYING)),
    (Action.CONFIRM, (Stage.VERIFYING,), Step("confirmed", _ON_SITE, Stage.VERIFIED)),
    (Action.DENY, (Stage.VERIFYING,), Step("denied", _ON_SITE, Stage.REPORTED, needs_reason=True)),
    (Action.FILE, (Stage.REPORTED, Stage.VERIFIED), Step("filed", (Role.SHIFT_LEADER, _S), Stage.FILED)),
    (Action.REJECT, (Stage.REPORTED, Stage.VERIFYING, Stage.VERIFIED),
     Step("rejected", _DESK, Stage.REJECTED, needs_reason=True, outcome="rejected")),
    (Action.CANCEL, _FILED_ON,
     Step("cancelled", _LEADER, Stage.CANCELLED, needs_reason=True, tick=Tick.STOP, outcome="cancelled")),
    (Action.DISPATCH, (Stage.FILED,), Step("dispatched", (Role.DISPATCHER, _S), Stage.DISPATCHED, tick=Tick.START)),
    (Action.ACCEPT, (Stage.DISPATCHED,), Step("accepted", _BY_DEPARTMENT, Stage.HANDLING)),
    (Action.REQUEST_RETURN, _WORKING, Step("return_requested", _BY_DEPARTMENT, needs_reason=True, asks="return")),
    (Action.APPROVE_RETURN, _WORKING, Step("returned", _CENTRE, Stage.FILED, tick=Tick.PAUSE, answers="return")),
    (Action.REFUSE_RETURN, _WORKING, Step("return_refused", _CENTRE, needs_reason=True, answers="return")),
    (Action.REQUEST_EXTENSION, _WORKING,
     Step("extension_requested", _BY_DEPARTMENT, needs_reason=True, asks="extension")),
    (Action.APPROVE_EXTENSION, _WORKING, Step("extended", _CENTRE, tick=Tick.EXTEND, answers="extension")),
    (Action.REFUSE_EXTENSION, _WORKING, Step("extension_refused", _CENTRE, needs_reason=True, answers="extension")),
    (Action.REQUEST_SUSPENSION, (Stage.HANDLING,),
     Step("suspension_requested", _BY_DEPARTMENT, needs_reason=True, asks="suspension")),
    (Action.APPROVE_SUSPENSION, (Stage.HANDLING,),
     Step("suspended", _CENTRE, Stage.SUSPENDED, tick=Tick.PAUSE, answers="suspension")),
    (Action.REFUSE_SUSPENSION, (Stage.HANDLING,),
     Step("suspension_refused", _CENTRE, needs_reason=True, answers="suspension")),
    (Action.RESUME, (Stage.SUSPENDED,), Step("resumed", (*_CENTRE, Role.DEPARTMENT), Stage.HANDLING, tick=Tick.RESUME)),
    (Action.MADE_SAFE, (Stage.HANDLING,), Step("made_safe", _BY_DEPARTMENT, tick=Tick.NEXT)),
    (Action.HANDLE, (Stage.HANDLING,),
     Step("handled", (Role.DEPARTMENT, Role.DISPATCHER), Stage.HANDLED, tick=Tick.STOP)),
    (Action.REQUEST_CHECK, (Stage.HANDLED,), Step("check_requested", _DESK, Stage.CHECKING)),
    (Action.CHECK_PASS, (Stage.CHECKING,), Step("check_passed", _ON_SITE, Stage.CHECKED)),
    (Action.CHECK_FAIL, (Stage.CHECKING,),
     Step("check_failed", _ON_SITE, Stage.HANDLING, needs_reason=True, tick=Tick.AGAIN)),
    (Action.CLOSE, (Stage.CHECKED,), Step("closed", _LEADER, Stage.CLOSED, outcome="handled")),
    (Action.FORCE_CLOSE, _FILED_ON,
     Step("force_closed", _LEADER, Stage.CLOSED, needs_reason=True, tick=Tick.STOP, outcome="forced")),
    (Action.SPLIT, (Stage.FILED,), Step("split", (Role.DISPATCHER,), Stage.HANDLING, tick=Tick.START)),
    (Action.SPLIT, (Stage.HANDLING,), Step("split", (Role.DISPATCHER,))),
    (Action.PUSH_DOWN, (Stage.FILED,), Step("pushed_down", (Role.DISPATCHER,), Stage.HANDLING, tick=Tick.START)),
    (Action.PUSH_DOWN, (Stage.HANDLING,), Step("pushed_down", (Role.DISPATCHER,))),
    (Action.HAND_UP, _OPEN, Step("handed_up", _CENTRE, needs_reason=True)),
    (Action.HAND_DOWN, _OPEN, Step("handed_down", _CENTRE, needs_reason=True)),
    (Action.MERGE, _OPEN,
     Step("merged", (*_DESK, Role.DISPATCHER, _S), Stage.CLOSED, needs_reason=True, tick=Tick.STOP, outcome="merged")),
    (Action.RECOVER, (Stage.REPORTED,), Step("recovered", _BY_RULES, Stage.VERIFYING)),
    (Action.RECOVER, (Stage.VERIFYING, Stage.VERIFIED, Stage.FILED, Stage.CHECKING, Stage.CHECKED),
     Step("recovered", _BY_RULES)),
    (Action.RECOVER, (*_WORKING, Stage.SUSPENDED, Stage.HANDLED),
     Step("recovered", _BY_RULES, Stage.CHECKING, tick=Tick.STOP)),
    (Action.CLEAR, _OPEN, Step("recovered", _BY_RULES, Stage.CLOSED, tick=Tick.STOP, outcome="recovered")),
    (Action.RELAPSE, (Stage.HANDLED, Stage.CHECKING, Stage.CHECKED),
     Step("relapsed", _BY_RULES, Stage.HANDLING, tick=Tick.RESUME)),
    (Action.RELAPSE, _NOT_DONE, Step("relapsed", _BY_RULES)),
)  # fmt: skip


STEPS: Mapping[tuple[Stage, Action], Step] = {
    (stage, action): step for action, stages, step in _ROWS for stage in stages
}
"""Every transition there is."""

AFTER_CHILDREN = frozenset({Action.HANDLE, Action.CLOSE, Action.FORCE_CLOSE, Action.CANCEL, Action.MERGE, Action.CLEAR})
"""What a parent can do only after its children ended; that it recovered before is noted, and its stage stays."""
WORK: Mapping[Role, frozenset[Stage]] = {
    Role.ACCEPTOR: frozenset({Stage.REPORTED, Stage.HANDLED}),
    Role.SUPERVISOR: frozenset({Stage.VERIFYING, Stage.CHECKING}),
    Role.SHIFT_LEADER: frozenset({Stage.VERIFIED, Stage.CHECKED}),
    Role.DISPATCHER: frozenset({Stage.FILED, Stage.SUSPENDED}),
    Role.DEPARTMENT: frozenset({Stage.DISPATCHED, Stage.HANDLING}),
}
"""What waits for each role, by stage; for dispatchers also what has a request."""
_HIGHEST, _LOWEST = "city", "street"


class IllegalStep(Conflict):
    """An action the incident's stage, or what else is known of it, does not allow."""


class WrongRole(Forbidden):
    """An action that another role may take."""


def step_for(case: Case, action: Action, role: Role) -> Step:
    """Give the listed step; raises `IllegalStep` or `WrongRole`, naming what is possible for the role."""
    step = STEPS.get((case.stage, action))
    if step is None:
        raise IllegalStep(f"incident {case.incident_id} is {case.stage}: {action} is refused; {_offer(case, role)}")
    if role not in step.roles:
        allowed = " or ".join(step.roles)
        raise WrongRole(f"{action} is for {allowed}, not {role}; {_offer(case, role)}")
    if action is Action.RECOVER and case.open_children:
        return Step(step.done, step.roles)
    if hindrance := _hindrance(case, action, role, step):
        raise IllegalStep(f"incident {case.incident_id}: {action} is refused, {hindrance}; {_offer(case, role)}")
    return step


def possible(case: Case, role: Role) -> tuple[Action, ...]:
    """Give what a role may do with a case as it stands."""
    return tuple(
        action
        for action in Action
        if (step := STEPS.get((case.stage, action))) and role in step.roles and not _hindrance(case, action, role, step)
    )


def _hindrance(case: Case, action: Action, role: Role, step: Step) -> str:
    """Say what stands against a listed step; empty = nothing."""
    if step.asks and case.request:
        return f"a request for {case.request} waits for its answer"
    if step.answers and case.request != step.answers:
        return f"nobody asked for {step.answers}"
    if case.open_children and action in AFTER_CHILDREN:
        return f"{case.open_children} of its children have not ended"
    checks = {
        Action.HANDLE: ("a department says so itself" if role is Role.DISPATCHER and not case.has_children else ""),
        Action.MADE_SAFE: "" if case.stages_left else "its limit has no further stage",
        Action.SPLIT: "a child is not split again" if case.is_child else "",
        Action.PUSH_DOWN: "it is at the lowest level" if case.level == _LOWEST else "",
        Action.HAND_DOWN: "it is at the lowest level" if case.level == _LOWEST else "",
        Action.HAND_UP: "it is at the highest level" if case.level == _HIGHEST else "",
    }
    return checks.get(action, "")


def _offer(case: Case, role: Role) -> str:
    names = ", ".join(possible(case, role))
    over = "nothing, it is over" if case.stage in ENDS else "nothing"
    return f"possible for {role}: {names or over}"
