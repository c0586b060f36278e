"""Laws of time: ticks change nothing, and with a stated lateness neither does the order of arrival."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import engine, rulebook
from alerts.engine import Transition
from alerts.rule import Rulebook
from core.fleet import Fleet
from core.frame import Frame
from core.places import Neighbours, Nowhere
from core.quality import Quality
from tests import builders

DEVICES = 3
PROFILE = "manhole_cover"
CHANNELS = ("tilt", "water")
START = datetime.fromtimestamp(builders.START_US / 1e6, UTC)
OFFSET_S = 20
COMMON = (
    "scope: {profile: manhole_cover}, labels: {severity: info}, raises: {deadline: 1 hour}, "
    "annotations: {summary: s, summary_zh: s}"
)
RULES = f"""
      - {{alert: AtOnce, expr: tilt > 5, {COMMON}}}
      - {{alert: Lasting, expr: tilt > 5, clear: tilt < 3, for: 4s, keep_firing_for: 3s, {COMMON}}}
      - {{alert: Rising, expr: "change_per_second(water) > 1", {COMMON}}}
      - {{alert: Windowed, expr: "avg_over_time(water[6s]) > 4", {COMMON}}}
      - {{alert: Beside, expr: "tilt - neighbours_avg(tilt, 100m) > 3", {COMMON}}}
      - {{alert: Silent, absent_for: 2 intervals, {COMMON}}}
"""
ON_ARRIVAL = rulebook.parse({"r.yaml": f"groups:\n  - name: g\n    rules:{RULES}"})
BY_TIME = rulebook.parse({"r.yaml": f"groups:\n  - name: g\n    query_offset: {OFFSET_S}s\n    rules:{RULES}"})

Reading = tuple[int, float, dict[str, float]]
Arrival = tuple[float, Reading]

measured = st.one_of(st.none(), st.integers(0, 9).map(float))
readings = st.lists(
    st.tuples(st.integers(0, DEVICES - 1), st.integers(0, 5), measured, measured), min_size=1, max_size=30
)


class Together(Nowhere):
    """A city in which all devices are neighbours."""

    def neighbours_of(self, radius_m: float) -> Neighbours:
        """Give all the others."""
        others = [other for slot in range(DEVICES) for other in range(DEVICES) if other != slot]
        return Neighbours(np.arange(0, DEVICES * (DEVICES - 1) + 1, DEVICES - 1), np.array(others, np.int32))


def city() -> Fleet:
    return dataclasses.replace(builders.fleet(PROFILE, count=DEVICES, interval_s=4), places=Together(DEVICES))


@st.composite
def streams(draw: st.DrawFn) -> list[Reading]:
    """Readings in order of their time, no two at one."""
    at, rows = 0.0, []
    for slot, step, tilt, water in draw(readings):
        at += step + 0.25
        values = {name: value for name, value in (("tilt", tilt), ("water", water)) if value is not None}
        rows.append((slot, at, values))
    return rows


class Ingest:
    """Takes readings as they arrive, marks those that were overtaken, and lets nothing through twice."""

    def __init__(self, book: Rulebook) -> None:
        self.book, self.fleet = book, city()
        self.state = engine.initial(book, self.fleet)
        self.state.tolerated_gap_us = 10**15
        self.told: list[Transition] = []
        self.newest = [-1.0] * DEVICES
        self.known: set[tuple[int, float]] = set()
        self.take(0, [])

    def take(self, at_s: float, rows: Sequence[Reading]) -> None:
        fresh = sorted((row for row in rows if row[:2] not in self.known), key=lambda row: row[1])
        fresh = [row for number, row in enumerate(fresh) if row[:2] not in {other[:2] for other in fresh[:number]}]
        step = engine.step(self.state, self._frames(fresh), self.book, self.fleet, START + timedelta(seconds=at_s))
        engine.commit(self.state, step)
        self.told.extend(step.transitions)
        for slot, ts, _ in fresh:
            self.known.add((slot, ts))
            self.newest[slot] = max(self.newest[slot], ts)

    def _frames(self, rows: Sequence[Reading]) -> list[Frame]:
        if not rows:
            return []
        frame = builders.frame(PROFILE, rows, channels=CHANNELS)
        late = [ts < self.newest[slot] for slot, ts, _ in rows]
        return [dataclasses.replace(frame, quality=np.where(late, int(Quality.LATE), 0).astype(np.int16))]


def told(transitions: Sequence[Transition]) -> list[str]:
    ordered = sorted(enumerate(transitions), key=lambda item: (item[1].rule.name, item[1].slot, item[0]))
    return [repr((t.rule.name, t.slot, t.kind, t.ts_us, t.since_us, t.origin, t.proof)) for _, t in ordered]


def run(book: Rulebook, batches: Sequence[tuple[float, Sequence[Reading]]], end_s: float) -> list[str]:
    ingest = Ingest(book)
    for at_s, rows in batches:
        ingest.take(at_s, rows)
    ingest.take(end_s, [])
    return told(ingest.told)


def in_order(rows: Sequence[Reading]) -> list[tuple[float, Sequence[Reading]]]:
    return [(row[1] + 0.1, [row]) for row in rows]


@settings(max_examples=100, deadline=None)
@given(streams(), st.lists(st.floats(0, 200), max_size=20))
def test_ticks_change_nothing(rows: list[Reading], ticks: list[float]) -> None:
    end_s = rows[-1][1] + 30
    with_ticks = [*in_order(rows), *((at, []) for at in ticks if at < end_s)]

    for book in (ON_ARRIVAL, BY_TIME):
        expected = run(book, in_order(rows), end_s + 50)
        assert run(book, sorted(with_ticks, key=lambda batch: batch[0]), end_s + 50) == expected


@settings(max_examples=200, deadline=None)
@given(streams(), st.data())
def test_within_the_stated_lateness_the_order_of_arrival_changes_nothing(
    rows: list[Reading], data: st.DataObject
) -> None:
    delays = data.draw(st.lists(st.floats(0.1, OFFSET_S - 0.1), min_size=len(rows), max_size=len(rows)))
    again = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=5))
    cuts = data.draw(st.lists(st.floats(0.5, 6), min_size=1, max_size=10))
    arrivals = [(row[1] + delay, row) for row, delay in zip(rows, delays, strict=True)]
    arrivals += [(arrivals[number][0] + 3, rows[number]) for number in again]
    end_s = rows[-1][1] + 100

    disorderly = run(BY_TIME, batches(arrivals, cuts), end_s)

    assert disorderly == run(BY_TIME, in_order(rows), end_s)


def batches(arrivals: Sequence[Arrival], widths: Sequence[float]) -> list[tuple[float, Sequence[Reading]]]:
    """Cut arrivals into batches of these widths in turn, none later than the lateness allows."""
    result: list[tuple[float, list[Reading]]] = []
    for at_s, row in sorted(arrivals, key=lambda arrival: arrival[0]):
        if result and at_s - result[-1][0] < widths[len(result) % len(widths)] and row[1] + OFFSET_S > at_s:
            earlier_s, taken = result[-1]
            if all(other[1] + OFFSET_S > at_s for other in taken):
                result[-1] = (at_s, [*taken, row])
                continue
            del earlier_s
        result.append((at_s, [row]))
    return list(result)


@settings(max_examples=100, deadline=None)
@given(streams())
def test_what_comes_too_late_rewrites_nothing(rows: list[Reading]) -> None:
    end_s = rows[-1][1] + 100
    expected = run(BY_TIME, in_order(rows), end_s)
    overtaken = [(slot, at - 0.125, {"tilt": 9.0, "water": 9.0}) for slot, at, _ in rows]

    assert run(BY_TIME, [*in_order(rows), (end_s, overtaken)], end_s) == expected


@settings(max_examples=100, deadline=None)
@given(streams(), st.integers(0, 30))
def test_the_same_rules_published_anew_change_nothing(rows: list[Reading], when: int) -> None:
    for book in (ON_ARRIVAL, BY_TIME):
        ingest = Ingest(book)
        for number, (at_s, some) in enumerate(in_order(rows)):
            if number == when:
                ingest.book = Rulebook(rules=tuple(reversed(book.rules)), calendar=book.calendar)
            ingest.take(at_s, some)
        ingest.take(rows[-1][1] + 100, [])

        assert told(ingest.told) == run(book, in_order(rows), rows[-1][1] + 100)
