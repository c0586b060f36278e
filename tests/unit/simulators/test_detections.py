"""Simulated cameras tell facts that the platform's own decoder reads, the same for the same seed."""

import json
from collections import Counter

from alerts import rulebook
from simulators import scenario
from simulators.detections import CERTAIN
from simulators.feed import Feed, Message
from tests.unit.simulators.fleets import everything, setup
from wire import native_events
from wire.record import Fact


def facts(seed: int = 7, chosen: str = "demo") -> list[Message]:
    return [m for m in everything(Feed(setup(chosen, seed=seed)), 120) if m.fact]


def test_every_fact_is_one_that_the_decoder_reads() -> None:
    found = facts()

    assert len(found) > 20
    for message in found:
        (fact,) = native_events.decode(message.topic, message.payload, 0)
        assert isinstance(fact, Fact)
        assert fact.address.startswith("CAM-")
        assert (fact.ts_us, fact.seq, fact.kind) == (message.ts_ms * 1000, message.seq, message.fact)
        assert fact.origin == "simulated"
        assert (fact.plate is not None) == (fact.kind in {"vehicle", "uncovered_truck"})


def test_the_same_seed_tells_the_same_facts() -> None:
    assert facts() == facts()
    assert facts() != facts(seed=8)


def test_no_identity_is_told_twice() -> None:
    counts = Counter((m.device, m.ts_ms, m.seq) for m in facts())

    assert counts.most_common(1)[0][1] == 1


def test_a_scenario_that_asks_for_none_has_none() -> None:
    assert facts(chosen="healthy") == []


def test_what_is_recognised_by_chance_is_less_sure_than_the_rules_ask_and_a_sighting_is_surer() -> None:
    sure = {m.device: json.loads(m.payload)["confidence"] for m in facts()}
    asked = {rule.sighting.confidence for rule in rulebook.load(rulebook.DEFAULT).rules if rule.sighting}
    low, high = scenario.named("demo").detections.confidence

    assert high < min(asked)
    assert max(asked) < CERTAIN[0]
    assert any(low <= confidence <= high for confidence in sure.values())
