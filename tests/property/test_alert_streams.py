"""Laws of the engine over random streams: batch boundaries, restarts and a reference written reading by reading."""

import copy
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import engine, rulebook
from alerts.engine import Transition
from alerts.memory import RuleState
from core.frame import Frame
from core.origin import Origin
from tests import builders

DEVICES = 3
PROFILE = "manhole_cover"
CHANNELS = ("tilt", "water")
START = datetime.fromtimestamp(builders.START_US / 1e6, UTC)
COMMON = (
    "scope: {profile: manhole_cover}, labels: {severity: info}, raises: {deadline: 1 hour}, "
    "annotations: {summary: s, summary_zh: s}"
)
BOOK = rulebook.parse(
    {
        "r.yaml": f"""
groups:
  - name: g
    rules:
      - {{alert: AtOnce, expr: tilt > 5, {COMMON}}}
      - {{alert: Lasting, expr: tilt > 5, clear: tilt < 3, for: 4s, keep_firing_for: 3s, {COMMON}}}
      - {{alert: Joint, expr: not tilt < 4 and water > 2 or water > 7, clear: water < 2, for: 2s, {COMMON}}}
      - {{alert: Rising, expr: change_per_second(water) > 1 or abs(change(tilt)) > 6, for: 1s, {COMMON}}}
"""
    }
)
SILENCE = rulebook.parse(
    {"r.yaml": f"groups: [{{name: g, rules: [{{alert: Silent, absent_for: 2 intervals, {COMMON}}}]}}]"}
)

value = st.one_of(st.none(), st.integers(0, 9).map(float))
reading = st.tuples(st.integers(0, DEVICES - 1), st.integers(0, 3), value, value)


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[int, float, dict[str, float]]]:
    """Readings in order of arrival; each device's own ascend in time, equal times included."""
    clocks = [0.0] * DEVICES
    rows = []
    for slot, step, tilt, water in draw(st.lists(reading, min_size=1, max_size=40)):
        clocks[slot] += step
        values = {name: given for name, given in (("tilt", tilt), ("water", water)) if given is not None}
        rows.append((slot, clocks[slot], values))
    return rows


def frames(rows: Sequence[tuple[int, float, dict[str, float]]]) -> list[Frame]:
    return [builders.frame(PROFILE, rows, channels=CHANNELS)] if rows else []


def run(
    rows: Sequence[tuple[int, float, dict[str, float]]], cuts: Sequence[int], *, restarts: bool = False
) -> list[Transition]:
    fleet = builders.fleet(PROFILE, count=DEVICES)
    state = engine.initial(BOOK, fleet)
    transitions: list[Transition] = []
    edges = sorted({0, *(cut % (len(rows) + 1) for cut in cuts), len(rows)})
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        now = START + timedelta(seconds=number)
        step = engine.step(state, frames(rows[start:end]), BOOK, fleet, now)
        if restarts:  # a crash before the commit: the batch comes again and meets the same memory
            again = engine.step(copy.deepcopy(state), frames(rows[start:end]), BOOK, fleet, now)
            assert repr(again) == repr(step)
        engine.commit(state, step)
        transitions.extend(step.transitions)
        if restarts:
            state = reloaded(state)
    return transitions


def reloaded(lost: RuleState) -> RuleState:
    """The memory made anew from what the database keeps: phases not at rest, and each device's newest reading."""
    fleet = builders.fleet(PROFILE, count=DEVICES)
    state = engine.initial(BOOK, fleet)
    for offset_us, stream in lost.streams.items():
        for profile, old in stream.tables.items():
            table = state.streams[offset_us].tables[profile]
            for column in range(len(old.rules)):
                places = np.flatnonzero(old.phase[:, column])
                table.put(column, places, old.phase[places, column], old.since_us[places, column])
            for name in ("ts_us", "heard_us", "origin", "values"):
                getattr(table, name)[:] = getattr(old, name)
    state.watched_until_us, state.outages = lost.watched_until_us, lost.outages
    return state


def told(transitions: Sequence[Transition]) -> list[str]:
    """Transitions in an order of their own: a cause's stay in turn, causes side by side may be told either way."""
    ordered = sorted(enumerate(transitions), key=lambda item: (item[1].rule.name, item[1].slot, item[0]))
    return [repr((t.rule.name, t.slot, t.kind, t.ts_us, t.since_us, t.origin, t.proof)) for _, t in ordered]


cuts = st.lists(st.integers(0, 1000), max_size=12)


@settings(max_examples=100, deadline=None)
@given(streams(), cuts)
def test_batch_boundaries_change_nothing(rows: list[tuple[int, float, dict[str, float]]], where: list[int]) -> None:
    assert told(run(rows, where)) == told(run(rows, []))


@settings(max_examples=50, deadline=None)
@given(streams(), cuts)
def test_restarts_change_nothing(rows: list[tuple[int, float, dict[str, float]]], where: list[int]) -> None:
    assert told(run(rows, where, restarts=True)) == told(run(rows, []))


@settings(max_examples=100, deadline=None)
@given(streams())
def test_the_columns_say_what_a_reference_says_reading_by_reading(
    rows: list[tuple[int, float, dict[str, float]]],
) -> None:
    seen = [(t.rule.name, t.slot, t.kind.value, (t.ts_us - builders.START_US) / 1e6) for t in run(rows, [])]

    assert sorted(seen) == sorted(reference(rows))


@settings(max_examples=100, deadline=None)
@given(streams(), cuts)
def test_a_cause_fires_and_recovers_in_turn(rows: list[tuple[int, float, dict[str, float]]], where: list[int]) -> None:
    by_cause: dict[tuple[str, int], list[str]] = {}
    for transition in run(rows, where):
        by_cause.setdefault((transition.rule.name, transition.slot), []).append(transition.kind.value)

    for kinds in by_cause.values():
        assert kinds == ["fired", "recovered"] * (len(kinds) // 2) + ["fired"] * (len(kinds) % 2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sets(st.integers(0, DEVICES - 1)), min_size=1, max_size=60))
def test_a_device_is_silent_exactly_while_unheard_for_longer_than_allowed(heard: list[set[int]]) -> None:
    """One step a second; the interval is 4 s, so silent when 8 s are over."""
    fleet = builders.fleet(PROFILE, count=DEVICES, interval_s=4)
    state = engine.initial(SILENCE, fleet)
    last = dict.fromkeys(range(DEVICES), 0)
    silent: set[int] = set()
    for second, slots in enumerate(heard):
        rows = [(slot, second, {"tilt": 1.0}) for slot in slots]
        step = engine.step(state, frames(rows), SILENCE, fleet, START + timedelta(seconds=second))
        engine.commit(state, step)
        for transition in step.transitions:
            assert (transition.slot in silent) == (transition.kind.value == "recovered")
            silent ^= {transition.slot}
        last.update(dict.fromkeys(slots, second))
        assert silent == {slot for slot, at in last.items() if second - at > 8}
        assert all(t.origin == Origin.LIVE for t in step.transitions)


@dataclass
class Machine:
    """One rule on one device, in plain Python."""

    for_s: float
    keep_s: float
    phase: str = "rest"
    since: float = 0.0
    waited: bool = False
    told: list[tuple[str, float]] = field(default_factory=list)

    def see(self, at: float, fires: bool | None, clears: bool | None) -> None:
        if self.phase in {"rest", "pending"}:
            self._towards_firing(at, fires)
        else:
            self._towards_rest(at, fires, clears)

    def _towards_firing(self, at: float, fires: bool | None) -> None:
        if self.phase == "rest" and fires:
            self.phase, self.since = "pending", at
        if self.phase == "pending" and fires is False:
            self.phase = "rest"
        began = self.since if self.phase == "pending" else math.inf
        if fires and at - began >= self.for_s and (self.for_s == 0 or self.waited):
            self.phase, self.since = "firing", at
            self.told.append(("fired", at))
        self.waited = self.phase == "pending"

    def _towards_rest(self, at: float, fires: bool | None, clears: bool | None) -> None:
        if self.phase == "clearing" and (fires or clears is False):
            self.phase, self.since = "firing", at
        elif self.phase == "clearing" and clears and at - self.since >= self.keep_s:
            self.phase = "rest"
        elif self.phase == "firing" and clears and not fires:
            self.phase, self.since = ("clearing" if self.keep_s else "rest"), at
        if self.phase == "rest":
            self.told.append(("recovered", at))


def reference(rows: Sequence[tuple[int, float, dict[str, float]]]) -> list[tuple[str, int, str, float]]:
    result: list[tuple[str, int, str, float]] = []
    for slot in range(DEVICES):
        machines = {
            "AtOnce": Machine(0, 0),
            "Lasting": Machine(4, 3),
            "Joint": Machine(2, 0),
            "Rising": Machine(1, 0),
        }
        before: tuple[float, float, float] | None = None
        for _, at, values in (row for row in rows if row[0] == slot):
            tilt, water = values.get("tilt", math.nan), values.get("water", math.nan)
            for name, (fires, clears) in judged(at, tilt, water, before).items():
                machines[name].see(at, fires, clears)
            before = (at, tilt, water)
        result.extend((name, slot, kind, at) for name, machine in machines.items() for kind, at in machine.told)
    return result


Verdict = tuple[bool | None, bool | None]


def judged(at: float, tilt: float, water: float, before: tuple[float, float, float] | None) -> dict[str, Verdict]:
    last_at, last_tilt, last_water = before or (at, math.nan, math.nan)
    rate = (water - last_water) / (at - last_at) if at > last_at else math.nan
    high = above(tilt, 5)
    joint = either(both(opposite(below(tilt, 4)), above(water, 2)), above(water, 7))
    rising = either(above(rate, 1), above(abs(tilt - last_tilt), 6))
    return {
        "AtOnce": (high, opposite(high)),
        "Lasting": (high, below(tilt, 3)),
        "Joint": (joint, below(water, 2)),
        "Rising": (rising, opposite(rising)),
    }


def above(x: float, limit: float) -> bool | None:
    return None if math.isnan(x) else x > limit


def below(x: float, limit: float) -> bool | None:
    return None if math.isnan(x) else x < limit


def opposite(x: bool | None) -> bool | None:
    return None if x is None else not x


def both(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def either(a: bool | None, b: bool | None) -> bool | None:
    return opposite(both(opposite(a), opposite(b)))
