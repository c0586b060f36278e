"""Whatever people and rules do in whatever order: only listed steps happen, and clock and history add up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts import due, moves
from alerts.due import parse
from alerts.incident import ENDS, STEPS, Action, Case, Role, Stage, possible, step_for
from alerts.limits import CityTime
from alerts.moves import Clocks, Given, Running, Standing

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
LIMITS = (due.Stage("make_safe", parse("2 urgent_hour")), due.Stage("repair", parse("1 urgent_day")))
CLOCKS = Clocks(city=CityTime(), process={Stage.REPORTED: parse("0.5 hour"), Stage.CHECKING: parse("2 hour")})
GIVEN = Given(actor="王", reason="because", department_id=1, extension=parse("1 urgent_hour"), street_code="130202001")
BEARS = frozenset({Action.SPLIT, Action.PUSH_DOWN})
CLOCK_COLUMNS = {"clock_since": "since", "limit_at": "at", "used_s": "used_s", "extended_s": "extended_s"}


class Loop(RuleBasedStateMachine):
    """One case with a limit of two stages, and a clock on the wall that only goes forward."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.before = Standing(
            case=Case(incident_id=1, stage=Stage.REPORTED), running=Running(stages=LIMITS), district_code="130202"
        )
        self.history: list[tuple[Stage, Action, Stage]] = []
        self.worked_s = 0.0
        """Time in disposal since the running stage of the limit began, as a person with a watch would say."""

    @rule(minutes=st.integers(0, 600))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        if self.before.case.stage in moves.DISPOSAL:
            self.worked_s += 60.0 * minutes

    @precondition(lambda self: self.before.case.stage not in ENDS)
    @rule(data=st.data())
    def take_a_step(self, data: st.DataObject) -> None:
        ends = data.draw(st.integers(0, 19)) == 0
        offered = [
            (action, role)
            for role in Role
            for action in possible(self.before.case, role)
            if action not in BEARS and (ends or STEPS[self.before.case.stage, action].outcome is None)
        ]
        action, role = data.draw(st.sampled_from(offered))
        case = self.before.case
        step = step_for(case, action, role)
        changed = moves.changes(self.before, action, step, GIVEN, self.now, CLOCKS)
        self.history.append((case.stage, action, step.after(case.stage)))
        if action in (Action.CHECK_FAIL, Action.MADE_SAFE):
            self.worked_s = 0.0
        self.before = _after(self.before, changed)

    @invariant()
    def every_step_was_listed_and_the_history_folds_to_the_stage(self) -> None:
        stage = Stage.REPORTED
        for from_stage, action, to_stage in self.history:
            assert from_stage is stage
            assert STEPS[from_stage, action].after(from_stage) is to_stage
            stage = to_stage
        assert stage is self.before.case.stage

    @invariant()
    def the_clock_runs_in_disposal_only_and_knows_what_was_used(self) -> None:
        running = self.before.running
        assert (running.since is not None) == (self.before.case.stage in moves.DISPOSAL)
        clock = running.clock()
        assert clock is not None
        assert clock.used_at(self.now, CLOCKS.city.calendar).total_seconds() == self.worked_s

    @invariant()
    def what_is_due_is_what_the_clock_says(self) -> None:
        clock = self.before.running.clock()
        if self.before.case.stage in moves.DISPOSAL and clock is not None:
            left = due.amount(clock.limit) + clock.extended - timedelta(seconds=self.worked_s)
            assert self.before.deadline is not None
            assert self.before.deadline <= max(self.now + left, clock.since or self.now)
        if self.before.case.stage in (*ENDS, Stage.SUSPENDED):
            assert self.before.deadline is None

    @invariant()
    def a_request_waits_only_where_somebody_can_answer_it(self) -> None:
        case = self.before.case
        assert (case.request is None) == (not self.before.request)
        if case.request:
            assert any(step.answers == case.request for (stage, _), step in STEPS.items() if stage is case.stage)


def _after(before: Standing, changed: dict[str, Any]) -> Standing:
    """Give the case as its row would be read again."""
    running = replace(before.running, **{own: changed[name] for name, own in CLOCK_COLUMNS.items()})
    running = replace(running, stages=due.from_json(changed["limit_stages"]), paused_at=changed["paused_at"])
    case = replace(
        before.case,
        stage=Stage(changed["stage"]),
        request=changed.get("request_kind", before.case.request),
        level=changed.get("level", before.case.level),
        stages_left=len(running.stages) - 1 - running.at,
    )
    same = {
        name: changed[name] for name in ("dispatched_at", "handled_at", "recovered_at", "reworks") if name in changed
    }
    request = changed.get("request", before.request) or {}
    deadline = changed.get("deadline", before.deadline)
    return replace(before, case=case, running=running, request=request, deadline=deadline, **same)


Loop.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestLoop = Loop.TestCase
