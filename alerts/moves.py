"""What a step changes of an incident: stage, clock, request, counters. Pure; `alerts.move_store` writes it down.

The disposal clock starts with the first dispatch. It stands while the case is suspended, and from the approval of a
return until the case is dispatched anew; it stops when the case is handled, and the last stage of its limit runs anew
when the check fails. Outside disposal the stage's own limit runs (table process_limit).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from alerts import due
from alerts.due import Clock, Limit, Marks
from alerts.incident import ENDS, Action, Case, Stage, Step, Tick
from alerts.levels import Level, area_of
from alerts.limits import CityTime, LimitTable
from core.errors import InvalidInput

DISPOSAL = frozenset({Stage.DISPATCHED, Stage.HANDLING})
"""The stages in which the disposal clock runs."""
FIRST = Stage.REPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The disposal clock of a case, as its row keeps it."""

    stages: tuple[due.Stage, ...] = ()
    at: int = 0
    """Which of the stages runs."""
    since: datetime | None = None
    used_s: float = 0.0
    extended_s: float = 0.0
    paused_at: datetime | None = None

    def clock(self) -> Clock | None:
        """Give the clock of the running stage; None = the case has no limit."""
        if not self.stages:
            return None
        used, more = timedelta(seconds=self.used_s), timedelta(seconds=self.extended_s)
        return Clock(limit=self.stages[self.at].limit, since=self.since, used=used, extended=more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An incident as it stands before a step."""

    case: Case
    running: Running = Running()
    deadline: datetime | None = None
    parent_deadline: datetime | None = None
    """When its parent is due; a child is never due later."""
    request: Mapping[str, Any] = field(default_factory=dict[str, Any])
    filed_at: datetime | None = None
    dispatched_at: datetime | None = None
    handled_at: datetime | None = None
    recovered_at: datetime | None = None
    reworks: int = 0
    returns: int = 0
    extensions: int = 0
    class_code: str | None = None
    condition: str | None = None
    district_code: str = ""
    street_code: str | None = None
    department_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a command says besides its action; each field is for the actions that take it."""

    actor: str
    reason: str = ""
    department_id: int | None = None
    assignee: str | None = None
    extension: Limit | None = None
    until: datetime | None = None
    class_code: str | None = None
    condition: str | None = None
    limit: Limit | None = None
    """For a class and condition the city's table does not know."""
    false_alarm: bool | None = None
    street_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """By what time is counted."""

    city: CityTime
    process: Mapping[Stage, Limit]
    """How long each desk has, by stage."""


Changes = dict[str, Any]
"""Column -> new value."""


def changes(before: Standing, action: Action, step: Step, given: Given, now: datetime, clocks: Clocks) -> Changes:
    """Give what a listed step changes; raises `InvalidInput` for what is given wrongly."""
    after = step.after(before.case.stage)
    running = _filed(before, given, clocks.city.limits) if action is Action.FILE else before.running
    running = ticked(running, step.tick, before.request, now, clocks)
    changed: Changes = {"stage": after.value, **_request(before, step, given, now)}
    changed |= _times(before, action, after, now)
    changed |= _about(before, action, given)
    if after in ENDS:
        changed |= {"outcome": step.outcome, "closed_at": now}
    return changed | clock_columns(running) | due_columns(before, after, running, now, clocks)


def clock_columns(running: Running) -> Changes:
    """Give the columns that keep a clock."""
    return {
        "limit_stages": due.to_json(running.stages),
        "limit_at": running.at,
        "clock_since": running.since,
        "paused_at": running.paused_at,
        "used_s": running.used_s,
        "extended_s": running.extended_s,
    }


def due_columns(before: Standing, after: Stage, running: Running, now: datetime, clocks: Clocks) -> Changes:
    """Give when the stage a case comes to is due, and when its light turns amber."""
    if after not in DISPOSAL:
        return {} if after is before.case.stage else desk_columns(after, now, clocks)
    clock = running.clock()
    return _marked(clock.marks(clocks.city.calendar) if clock else None, before.parent_deadline)


def desk_columns(stage: Stage, now: datetime, clocks: Clocks) -> Changes:
    """Give when the desk a case has come to must have done its part."""
    limit = clocks.process.get(stage)
    return _marked(Clock(limit=limit, since=now).marks(clocks.city.calendar) if limit else None, None)


def _marked(marks: Marks | None, latest: datetime | None) -> Changes:
    if marks is None:
        return {"deadline": None, "amber_at": None}
    latest = latest or marks.due_at
    return {"deadline": min(marks.due_at, latest), "amber_at": min(marks.amber_at, latest)}


def ticked(running: Running, tick: Tick, request: Mapping[str, Any], now: datetime, clocks: Clocks) -> Running:
    """Give the clock after a step."""
    clock = running.clock()
    if clock is None or tick is Tick.NONE:
        return running
    if tick in (Tick.PAUSE, Tick.STOP):
        stands = due.paused(clock, now, clocks.city.calendar)
        paused_at = now if tick is Tick.PAUSE else None
        return replace(running, since=None, used_s=stands.used.total_seconds(), paused_at=paused_at)
    if tick is Tick.EXTEND:
        longer = due.extended(clock, due.parse(request["extension"]), now, clocks.city.calendar)
        used_s, extended_s = longer.used.total_seconds(), longer.extended.total_seconds()
        return replace(running, since=longer.since, used_s=used_s, extended_s=extended_s)
    if tick is Tick.AGAIN:
        return Running(stages=running.stages, at=len(running.stages) - 1, since=now)
    if tick is Tick.NEXT:
        return Running(stages=running.stages, at=running.at + 1, since=now)
    return replace(running, since=running.since or now, paused_at=None)


def _request(before: Standing, step: Step, given: Given, now: datetime) -> Changes:
    """Give the request a step leaves. One that the case has moved away from is gone."""
    if step.asks is None:
        stays = step.to is None and step.answers is None and before.case.request is not None
        return {} if stays else {"request": None, "request_kind": None}
    asked: dict[str, Any] = {"by": given.actor, "reason": given.reason, "at": now.isoformat()}
    if step.asks == "extension":
        asked["extension"] = str(_extension(before, given))
    if given.until:
        asked["until"] = given.until.isoformat()
    return {"request": asked, "request_kind": step.asks}


def _extension(before: Standing, given: Given) -> Limit:
    clock = before.running.clock()
    if given.extension is None:
        raise InvalidInput("say by how much in `extension`, e.g. `4 work_hour`")
    if clock and given.extension.pace is not clock.limit.pace:
        raise InvalidInput(f"the limit is {clock.limit}: ask for {clock.limit.unit}s or the like")
    return given.extension


def _times(before: Standing, action: Action, after: Stage, now: datetime) -> Changes:
    if before.case.stage is Stage.FILED and after in DISPOSAL:
        return {"dispatched_at": before.dispatched_at or now}
    if action in (Action.RECOVER, Action.CLEAR):
        ends = before.dispatched_at is not None and after in (Stage.CHECKING, Stage.CLOSED)
        return {"recovered_at": now} | ({"handled_at": before.handled_at or now} if ends else {})
    if action is Action.RELAPSE:
        return {"recovered_at": None} | ({"handled_at": None, "checked_at": None} if after in DISPOSAL else {})
    simple: Mapping[Action, Changes] = {
        Action.FILE: {"filed_at": now, "false_alarm": False},
        Action.ACCEPT: {"accepted_at": now},
        Action.APPROVE_RETURN: {"returns": before.returns + 1, "accepted_at": None},
        Action.APPROVE_EXTENSION: {"extensions": before.extensions + 1},
        Action.HANDLE: {"handled_at": now},
        Action.CHECK_PASS: {"checked_at": now},
        Action.CHECK_FAIL: {"reworks": before.reworks + 1, "handled_at": None},
    }
    return simple.get(action, {})


def _about(before: Standing, action: Action, given: Given) -> Changes:
    """Give what a command says of the case itself."""
    if action is Action.DISPATCH and given.department_id is None:
        raise InvalidInput("say to whom in `department_id`; GET /departments lists them")
    if action in (Action.HAND_UP, Action.HAND_DOWN):
        return _moved_level(before, action, given)
    said: Mapping[Action, Changes] = {
        Action.FILE: {
            "class_code": given.class_code or before.class_code,
            "filing_condition": _condition(before, given),
        },
        Action.DISPATCH: {"department_id": given.department_id, "assignee": given.assignee, "department_reason": ""},
        Action.ACCEPT: {"assignee": given.assignee} if given.assignee else {},
        Action.APPROVE_RETURN: {"department_id": None, "assignee": None},
        Action.DENY: {"false_alarm": True},
    }
    if action in said or given.false_alarm is None:
        return said.get(action, {})
    return {"false_alarm": given.false_alarm}


def _condition(before: Standing, given: Given) -> str | None:
    new_class = given.class_code not in (None, before.class_code)
    return given.condition or (None if new_class else before.condition)


def _filed(before: Standing, given: Given, limits: LimitTable) -> Running:
    """Give the clock a case is filed with: the limit of its class and condition, or the one that is given."""
    class_code, condition = given.class_code or before.class_code or "", _condition(before, given) or ""
    known = limits.find(class_code, condition)
    if known and not given.limit:
        return Running(stages=known.stages)
    if given.limit:
        return Running(stages=(due.Stage(due.ONLY_STAGE, given.limit),))
    if before.running.stages and not (given.class_code or given.condition):
        return before.running
    conditions = ", ".join(limits.conditions(class_code)) or "none"
    raise InvalidInput(
        f"the city sets no limit for class {class_code or '(none)'} in condition {condition or '(none)'}: "
        f"say `limit`, or one of its conditions: {conditions}"
    )


def _moved_level(before: Standing, action: Action, given: Given) -> Changes:
    order = list(Level)
    level = order[order.index(Level(before.case.level)) + (1 if action is Action.HAND_UP else -1)]
    code = given.street_code or before.street_code if level is Level.STREET else before.district_code
    if not code or (level is Level.STREET and code[:6] != before.district_code):
        raise InvalidInput(f"say which street of {before.district_code} in `street_code` (9 digits)")
    return {"level": level.value, "holder_code": area_of(level, code), "level_reason": given.reason}
