"""Rules on facts: when they fire, when they recover, and that it does not matter how a stream was cut into batches."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import engine, rulebook, sightings
from alerts.rule import Rulebook
from alerts.trialcity import Device, LittleCity, fleet
from core.errors import InvalidInput
from core.facts import LocatedFact

START = datetime(2026, 6, 1, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000
RULES = """
groups:
  - name: g
    rules:
      - alert: TruckSeen
        event: {kind: [uncovered_truck, open_truck], confidence: 0.7}
        keep_firing_for: 60s
        scope: {profile: camera}
        labels: {severity: major}
        raises: {class: E0311, condition: truck_uncovered, deadline: 2 day}
        annotations: {summary: s, summary_zh: s}
      - alert: VendorStays
        event: {kind: street_vending}
        for: 30s
        keep_firing_for: 60s
        scope: {profile: camera}
        labels: {severity: minor}
        raises: {deadline: 1 hour}
        annotations: {summary: s, summary_zh: s}
"""
BOOK = rulebook.parse({"r.yaml": RULES})
FLEET = fleet(
    [Device(label=f"CAM-{n}", profile="camera", interval_s=3600) for n in range(3)]
    + [Device(label="BUS", profile="bus", interval_s=3600)],
    LittleCity(),
    START_US,
)


def fact(second: float, kind: str = "uncovered_truck", *, slot: int = 0, sure: float | None = 0.9) -> LocatedFact:
    return LocatedFact(
        slot=slot,
        ts_us=START_US + round(second * 1e6),
        seq=0,
        kind=kind,
        confidence=sure,
        plate="冀B12345",
        snapshot_url="https://video/1.jpg",
        snapshot_sha256=None,
        origin=1,
        unit_grid_id=7,
        quality=0,
        detail={},
        message=0,
    )


Told = tuple[str, str, int, float]


class Eyes:
    """The memory of rules on a small fleet; steps are committed."""

    def __init__(self, book: Rulebook = BOOK) -> None:
        self.book = book
        self.state = engine.initial(book, FLEET)
        self.told: list[Told] = []

    def step(self, second: float, *facts: LocatedFact) -> list[Told]:
        now = START + timedelta(seconds=second)
        step = engine.step(self.state, [], self.book, FLEET, now)
        step = sightings.see(self.state, step, facts, self.book, FLEET)
        engine.commit(self.state, step)
        new = [(t.kind.value, t.rule.name, t.slot, (t.ts_us - START_US) / 1e6) for t in step.transitions]
        self.told += new
        return new


def test_a_sighting_fires_at_once_and_recovers_when_it_was_not_seen_for_long_enough() -> None:
    eyes = Eyes()

    assert eyes.step(1, fact(1)) == [("fired", "TruckSeen", 0, 1)]
    assert eyes.step(40, fact(40, "open_truck")) == []
    assert eyes.step(99) == []
    assert eyes.step(101) == [("recovered", "TruckSeen", 0, 100)]
    assert eyes.step(150) == []


def test_a_fact_after_its_time_ends_the_one_before_and_fires_anew() -> None:
    eyes = Eyes()
    eyes.step(1, fact(1))

    assert eyes.step(70.1, fact(70)) == [("recovered", "TruckSeen", 0, 61), ("fired", "TruckSeen", 0, 70)]


@pytest.mark.parametrize(
    "other",
    [
        fact(1, sure=0.69),
        fact(1, sure=None),
        fact(1, "vehicle"),
        fact(1, slot=3),
    ],
    ids=["unsure", "unsaid", "kind", "scope"],
)
def test_what_the_rule_did_not_ask_for_is_not_seen(other: LocatedFact) -> None:
    assert Eyes().step(1, other) == []


def test_what_must_last_is_seen_twice() -> None:
    eyes = Eyes()

    assert eyes.step(1, fact(1, "street_vending", sure=None)) == []
    assert eyes.step(20, fact(20, "street_vending")) == []
    assert eyes.step(40, fact(40, "street_vending")) == [("fired", "VendorStays", 0, 40)]


def test_what_was_seen_long_ago_does_not_count_towards_lasting() -> None:
    eyes = Eyes()
    eyes.step(1, fact(1, "street_vending"))
    eyes.step(95)

    assert eyes.step(100, fact(100, "street_vending")) == []
    assert eyes.step(131, fact(131, "street_vending")) == [("fired", "VendorStays", 0, 131)]


def test_the_proof_is_the_fact_and_its_plate_is_a_label() -> None:
    eyes = Eyes()
    step = engine.step(eyes.state, [], BOOK, FLEET, START)
    (fired,) = sightings.see(eyes.state, step, [fact(1)], BOOK, FLEET).transitions

    assert (fired.origin, fired.unit_grid_id) == (1, 7)
    assert fired.proof.comparison == "uncovered_truck or open_truck, confidence >= 0.7"
    assert (fired.proof.value, fired.proof.threshold) == (0.9, 0.7)
    assert sightings.labels(fired.proof) == {"plate": "冀B12345"}
    assert sightings.evidence(fired.proof)["seen"] == {
        "kind": "uncovered_truck",
        "ts_ms": START_US // 1000 + 1000,
        "plate": "冀B12345",
        "snapshot_url": "https://video/1.jpg",
    }


def test_nothing_is_remembered_before_the_commit() -> None:
    eyes = Eyes()
    step = engine.step(eyes.state, [], BOOK, FLEET, START)
    first = sightings.see(eyes.state, step, [fact(1)], BOOK, FLEET)
    again = sightings.see(eyes.state, step, [fact(1)], BOOK, FLEET)

    assert first.transitions == again.transitions


facts = st.lists(
    st.builds(
        lambda second, kind, slot: fact(second, kind, slot=slot),
        st.integers(0, 300),
        st.sampled_from(["uncovered_truck", "street_vending"]),
        st.integers(0, 2),
    ),
    max_size=20,
).map(lambda told: sorted(told, key=lambda one: one.ts_us))


@given(facts, st.lists(st.integers(0, 300), max_size=6))
@settings(max_examples=60, deadline=None)
def test_it_does_not_matter_how_a_stream_is_cut_into_batches(told: list[LocatedFact], cuts: list[int]) -> None:
    def run(ends: list[int]) -> list[Told]:
        eyes, taken = Eyes(), 0
        for end in ends:
            due = [one for one in told[taken:] if one.ts_us <= START_US + end * 1_000_000]
            taken += len(due)
            eyes.step(end, *due)
        return sorted(eyes.told, key=lambda one: (one[3], one[1], one[2], one[0]))

    assert run(sorted({*cuts, 500})) == run([*range(301), 500])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("        keep_firing_for: 60s\n        scope", "        scope", "`keep_firing_for` is missing"),
        ("event: {kind: street_vending}", "event: {kind: street_vending}\n        expr: x > 1", "beside `event`"),
        ("confidence: 0.7", "confidence: 70", "'70' is not a number above 0 and up to 1"),
        ("kind: street_vending", "kind: Street", "the kind of a fact, e.g. uncovered_truck"),
        ("event: {kind: street_vending}", "", "needs one of `expr`, `absent_for` and `event`"),
    ],
)
def test_a_mistake_in_a_rule_on_facts_is_named(old: str, new: str, said: str) -> None:
    assert old in RULES

    with pytest.raises(InvalidInput, match=said):
        rulebook.parse({"r.yaml": RULES.replace(old, new)})


def test_a_device_out_of_service_is_not_listened_to() -> None:
    eyes = Eyes()
    resting = replace(FLEET, in_service=~FLEET.in_service)
    step = engine.step(eyes.state, [], BOOK, resting, START)

    assert sightings.see(eyes.state, step, [fact(1)], BOOK, resting).transitions == ()
