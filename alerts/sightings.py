"""Step 6a of the journey: rules on facts, such as a camera's detections, beside the rules on readings. Pure.

`see` adds to a step what the new facts bring about; the step is committed as ever, so a fact counts exactly once. A
rule fires at a sighting, or with `for` when the same is seen again that much later; it recovers when `keep_firing_for`
has passed, by event time, without another. Next: `alerts.fan_in.decide`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from alerts import phase, scope
from alerts.engine import Kind, Proof, Step, Transition
from alerts.memory import RuleState, Stood
from alerts.rule import Rule, Rulebook
from core.facts import LocatedFact
from core.fleet import Fleet

_Held = tuple[int, int]
"""Phase, and since when: of a pending rule the first sighting, of a firing one the newest; microseconds."""


def see(state: RuleState, step: Step, facts: Sequence[LocatedFact], rulebook: Rulebook, fleet: Fleet) -> Step:
    """Give the step with what facts that were not stored before, and the clock, mean for rules on facts.

    The memory is only read: it has room for the rulebook and the fleet since the step was made.
    """
    watching = [rule for rule in rulebook.rules if rule.sighting is not None]
    if not watching or not (facts or step.changes.scanned):
        return step
    eyes = _Eyes(state=state, fleet=fleet)
    for fact in sorted(facts, key=lambda fact: (fact.ts_us, fact.slot, fact.kind, fact.seq)):
        if fleet.in_service[fact.slot]:
            for rule in watching:
                eyes.take(rule, fact)
    if step.changes.scanned:
        for rule in watching:
            eyes.forget(rule, step.changes.now_us)
    if not eyes.now:
        return step
    transitions = sorted((*step.transitions, *eyes.transitions), key=lambda transition: transition.ts_us)
    changes = replace(step.changes, stood={**step.changes.stood, **eyes.stood()})
    return Step(transitions=tuple(transitions), changes=changes)


def labels(proof: Proof) -> Mapping[str, str]:
    """Give what a sighting adds to the labels of its case."""
    return {"plate": proof.seen.plate} if proof.seen is not None and proof.seen.plate else {}


def evidence(proof: Proof) -> Mapping[str, object]:
    """Give what an incident shows of the fact that decided: what was seen, the plate, where its picture lies."""
    fact = proof.seen
    if fact is None:
        return {}
    told = {"plate": fact.plate, "snapshot_url": fact.snapshot_url, "snapshot_sha256": fact.snapshot_sha256}
    return {"seen": {"kind": fact.kind, "ts_ms": fact.ts_us // 1000, **{name: it for name, it in told.items() if it}}}


@dataclass(slots=True, kw_only=True)
class _Eyes:
    """What the rules on facts come to in this step."""

    state: RuleState
    fleet: Fleet
    now: dict[tuple[str, int], _Held] = field(default_factory=dict[tuple[str, int], _Held])
    transitions: list[Transition] = field(default_factory=list[Transition])
    _masks: dict[str, scope.Mask] = field(default_factory=dict[str, scope.Mask])

    def take(self, rule: Rule, fact: LocatedFact) -> None:
        """Let a rule see a fact."""
        if not self._matches(rule, fact):
            return
        stands, since_us = self._held(rule, fact.slot)
        if stands == phase.FIRING and fact.ts_us > since_us + rule.keep_firing_us:
            self._recover(rule, fact.slot, since_us)
            stands, since_us = phase.REST, 0
        if stands == phase.FIRING:
            self._put(rule, fact.slot, phase.FIRING, max(since_us, fact.ts_us))
            return
        expired = stands == phase.PENDING and fact.ts_us - since_us > rule.for_us + rule.keep_firing_us
        first_us = fact.ts_us if stands == phase.REST or expired else min(since_us, fact.ts_us)
        if fact.ts_us - first_us < rule.for_us:
            self._put(rule, fact.slot, phase.PENDING, first_us)
        else:
            self._put(rule, fact.slot, phase.FIRING, fact.ts_us)
            self.transitions.append(_fired(rule, fact, first_us))

    def forget(self, rule: Rule, now_us: int) -> None:
        """End what was not seen again for long enough."""
        awake = set(self.state.awake(rule.name).tolist())
        for slot in sorted(awake | {slot for name, slot in self.now if name == rule.name}):
            stands, since_us = self._held(rule, slot)
            if stands == phase.FIRING and since_us + rule.keep_firing_us <= now_us:
                self._recover(rule, slot, since_us)
            elif stands == phase.PENDING and since_us + rule.for_us + rule.keep_firing_us < now_us:
                self._put(rule, slot, phase.REST, 0)

    def stood(self) -> dict[str, list[Stood]]:
        """Give the phases that changed, by rule."""
        by_rule: dict[str, list[tuple[int, int, int]]] = {}
        for (name, slot), (stands, since_us) in sorted(self.now.items()):
            by_rule.setdefault(name, []).append((slot, stands, since_us))
        return {name: [_stood(rows)] for name, rows in by_rule.items()}

    def _matches(self, rule: Rule, fact: LocatedFact) -> bool:
        wanted = rule.sighting
        assert wanted is not None
        if fact.kind not in wanted.kinds or (wanted.confidence > 0 and not _sure(fact, wanted.confidence)):
            return False
        if rule.name not in self._masks:
            self._masks[rule.name] = scope.holds(rule.scope, self.fleet)
        if not self._masks[rule.name][fact.slot]:
            return False
        return rule.schedule is None or bool(rule.schedule.active(np.array([fact.ts_us], np.int64))[0])

    def _held(self, rule: Rule, slot: int) -> _Held:
        found = self.now.get((rule.name, slot))
        if found is not None:
            return found
        return self.state.held(rule.name, slot)

    def _put(self, rule: Rule, slot: int, stands: int, since_us: int) -> None:
        self.now[rule.name, slot] = stands, since_us

    def _recover(self, rule: Rule, slot: int, since_us: int) -> None:
        self._put(rule, slot, phase.REST, 0)
        silent = f"not seen for {rule.keep_firing_us / 1e6:g} s"
        self.transitions.append(
            Transition(
                kind=Kind.RECOVERED,
                rule=rule,
                slot=slot,
                ts_us=since_us + rule.keep_firing_us,
                since_us=since_us,
                origin=int(self.state.origin_of(slot)),
                unit_grid_id=-1,
                lon_deg=np.nan,
                lat_deg=np.nan,
                proof=Proof(channel=None, comparison=silent, threshold=None, value=np.nan),
            )
        )


def _sure(fact: LocatedFact, confidence: float) -> bool:
    return fact.confidence is not None and fact.confidence >= confidence


def _stood(rows: Iterable[tuple[int, int, int]]) -> Stood:
    slots, stands, since_us = np.array(list(rows), np.int64).T
    return Stood(slots=slots.astype(np.intp), phase=stands.astype(np.int8), since_us=since_us)


def _fired(rule: Rule, fact: LocatedFact, since_us: int) -> Transition:
    assert rule.sighting is not None
    return Transition(
        kind=Kind.FIRED,
        rule=rule,
        slot=fact.slot,
        ts_us=fact.ts_us,
        since_us=since_us,
        origin=fact.origin,
        unit_grid_id=fact.unit_grid_id,
        lon_deg=np.nan,
        lat_deg=np.nan,
        proof=Proof(
            channel=None,
            comparison=rule.sighting.text,
            threshold=rule.sighting.confidence or None,
            value=np.nan if fact.confidence is None else fact.confidence,
            seen=fact,
        ),
    )
